import type { ChangeWriter, Store } from "../state/index.ts";
import { crc32c } from "../wire/index.ts";
import type { Outlet } from "./outbox.ts";
import { OutputBatches, type OutputTopic } from "./output-batches.ts";

const noteKeyBits = 24;

/**
 * Where a store of a task is written down: one partition of a compacted topic, a record per entry.
 *
 * Entries go out once per chunk, when it is sealed, and with its offsets or never: whoever reads the partition to its end
 * holds what the store held at the committed offset. A refused entry halts the stage, since nothing stands in for it.
 */
export class Changelog implements ChangeWriter {
  readonly store: Store;
  readonly outlet: Outlet;
  /** What a note calls the store: few bits of its name, of which a stage has few. */
  readonly noteKey: number;
  readonly #batches: OutputBatches;
  readonly #partition: number;
  #nowMs = 0;
  /** Entries that were written so far, those of chunks that failed among them. */
  entryCount = 0;

  /** True for the store of a step: what it holds decides what a stage makes, and notes say whether it holds anything. */
  readonly isNoted: boolean;

  constructor(store: Store, topic: OutputTopic, partition: number, isNoted = true) {
    this.store = store;
    this.isNoted = isNoted;
    const name = Buffer.from(store.spec.name);
    this.noteKey = crc32c(name, 0, name.length) >>> (32 - noteKeyBits);
    this.#partition = partition;
    this.#batches = new OutputBatches(topic, "changelog", undefined);
    this.outlet = { batches: this.#batches, onRefusal: "halt" };
  }

  get topic(): string {
    return this.#batches.topic.topic;
  }

  /** As many as it had when the stage started. */
  get partitions(): number {
    return this.#batches.topic.partitions;
  }

  /** Gives what the chunk in hand has changed to the batches; once per chunk, behind its last record. */
  writeChanges(nowMs: number): void {
    this.#nowMs = nowMs;
    this.store.changes(this);
  }

  write(key: Uint8Array, value: Uint8Array | null): void {
    this.entryCount++;
    this.#batches.appendEntry(this.#partition, this.#nowMs, key, value);
  }
}
