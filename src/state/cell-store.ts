import { checkVersion, EntryBytes, EntryReader } from "./entry-bytes.ts";
import type { ChangeWriter, Store, StoreSpec } from "./store.ts";

const noKey = new Uint8Array(0);

/** One number: a task's stream time. Its one entry has an empty key. */
export class CellStore implements Store {
  readonly spec: StoreSpec;
  /** Written by the task as it goes on. */
  value: number;
  #kept: number;
  readonly #empty: number;
  readonly #bytes = new EntryBytes();

  /** @param empty what the cell holds before anything was put in */
  constructor(spec: StoreSpec, empty: number) {
    this.spec = spec;
    this.#empty = empty;
    this.value = empty;
    this.#kept = empty;
  }

  get entryCount(): number {
    return this.value === this.#empty ? 0 : 1;
  }

  get byteCount(): number {
    return 8 * this.entryCount;
  }

  keep(): void {
    this.#kept = this.value;
  }

  undo(): void {
    this.value = this.#kept;
  }

  clear(): void {
    this.value = this.#empty;
    this.#kept = this.#empty;
  }

  changes(into: ChangeWriter): void {
    if (Object.is(this.value, this.#kept)) return;
    into.write(noKey, this.#bytes.begin().byte(this.spec.version).number(this.value).written);
  }

  apply(_key: Uint8Array, value: Uint8Array | null): void {
    this.value = this.#empty;
    if (value !== null) {
      const reader = new EntryReader(value);
      checkVersion(this.spec, reader.byte());
      this.value = reader.number();
    }
    this.#kept = this.value;
  }
}
