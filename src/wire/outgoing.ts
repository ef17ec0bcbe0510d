/** What a finished batch is for; decides how a failure to write it is treated. */
export type OutgoingRole = "output" | "changelog" | "dead-letter" | "internal";

/**
 * A finished record batch (magic 2) for one topic-partition, ready to be put into a produce request.
 *
 * `bytes` is exactly one batch, `baseOffset` 0, CRC32C filled in, attributes as written (compression included).
 * It stays valid after `write` has resolved: builders hand over their buffer and take a new one.
 */
export interface Outgoing {
  readonly topic: string;
  readonly partition: number;
  readonly role: OutgoingRole;
  readonly recordCount: number;
  readonly bytes: Buffer;
  /** Smallest and largest record timestamp in the batch. */
  readonly timestampMinMs: number;
  readonly timestampMaxMs: number;
}
