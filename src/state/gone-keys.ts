import type { ChangeWriter } from "./store.ts";

/**
 * Keys of entries that a store has evicted and that are still written down somewhere: they are given as gone with the
 * next chunk, and forgotten when that is kept.
 */
export class GoneKeys {
  #keys: Uint8Array[] = [];
  /** How many of them were given in this chunk. */
  #givenCount = 0;
  /** Keys that a copy owes, by their bytes as text; any entry of one that is taken in behind the copy settles it. */
  readonly #owed = new Map<string, Uint8Array>();

  /** @param key the receiver's from now on */
  add(key: Uint8Array): void {
    this.#keys.push(key);
  }

  give(into: ChangeWriter): void {
    this.copy(into);
    this.#givenCount = this.#keys.length;
  }

  /** As {@link give}, for a copy: nothing is settled by it. */
  copy(into: ChangeWriter): void {
    for (const key of this.#keys) into.write(key, null);
  }

  /** What was given is durable; what is still owed goes with the next chunk. */
  keep(): void {
    this.#keys.splice(0, this.#givenCount);
    this.#givenCount = 0;
    for (const key of this.#owed.values()) this.#keys.push(key);
    this.#owed.clear();
  }

  /** What was given did not become durable. */
  undo(): void {
    this.#givenCount = 0;
  }

  owe(key: Uint8Array): void {
    this.#owed.set(textOf(key), new Uint8Array(key));
  }

  /** An entry of this key was taken in: what is written down of it is known. */
  settle(key: Uint8Array): void {
    if (this.#owed.size > 0) this.#owed.delete(textOf(key));
  }

  clear(): void {
    this.#keys = [];
    this.#givenCount = 0;
    this.#owed.clear();
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}
