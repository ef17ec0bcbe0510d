import type { Offset } from "../kernel/index.ts";
import { BatchFault } from "./batch-fault.ts";
import type { BatchHeader } from "./batch-header.ts";
import { RecordCursor } from "./record-cursor.ts";

/** An entry of a fetch response's list: the transaction of this producer that began here was aborted. */
export interface AbortedTransaction {
  readonly producerId: bigint | number;
  readonly firstOffset: bigint | number;
}

/** Type of a control record that ends a transaction without its records counting. */
const abortMarker = 0;

/**
 * Knows, batch by batch in offset order, whose records belong to an aborted transaction.
 *
 * Entries count by first offset, whoever wrote the batch at hand: two transactions may overlap, end in any order,
 * and begin before the first batch that was fetched. What a record's key looks like does not matter; only a batch
 * with the control flag ends a transaction. kafkajs 2.2.4 errs in each of these, and lets aborted records through.
 */
export class AbortedTransactions {
  readonly #entries: readonly { readonly producerId: number; readonly firstOffset: Offset }[];
  readonly #producerIds = new Set<number>();
  #next = 0;

  constructor(entries: readonly AbortedTransaction[]) {
    this.#entries = entries
      .map((entry) => ({ producerId: Number(entry.producerId), firstOffset: Number(entry.firstOffset) }))
      .sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Takes in all entries that are due by `lastOffset`, the end of the next batch. */
  advance(lastOffset: Offset): void {
    for (let entry = this.#entries[this.#next]; entry !== undefined; entry = this.#entries[this.#next]) {
      if (entry.firstOffset > lastOffset) return;
      this.#producerIds.add(entry.producerId);
      this.#next++;
    }
  }

  /** Whether a transactional batch of this producer is part of an aborted transaction. */
  has(producerId: number): boolean {
    return this.#producerIds.has(producerId);
  }

  /** Reads the control batch whose records begin at `recordsFrom`; an abort marker ends its producer's transaction. */
  control(header: BatchHeader, bytes: Buffer, recordsFrom: number, recordsTo: number): void {
    if (!this.#producerIds.has(header.producerId) || header.recordCount < 1) return;
    if (controlType(bytes, recordsFrom, recordsTo) === abortMarker) this.#producerIds.delete(header.producerId);
  }
}

/** The type in the key of a control record: two bytes of version, two bytes of type. */
function controlType(bytes: Buffer, from: number, to: number): number {
  const cursor = new RecordCursor(bytes, from);
  cursor.varint();
  cursor.at++;
  cursor.varlong();
  cursor.varint();
  const keyLength = cursor.varint();
  if (keyLength < 4 || cursor.at + keyLength > to) throw new BatchFault("a control record has no type");
  return bytes.readInt16BE(cursor.at + 2);
}
