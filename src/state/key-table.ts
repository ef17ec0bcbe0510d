import { NumberStack } from "./number-stack.ts";

/**
 * Numbers the keys of a store: small, dense and used again, so that everything else about a key lives in
 * flat arrays under its number. Holds up to 2^24 keys, the most that V8 lets a Map have; one more throws.
 */
export class KeyTable {
  readonly #entries = new Map<string, number>();
  readonly #keys: (string | undefined)[] = [];
  readonly #free = new NumberStack();

  /** Keys held. */
  get size(): number {
    return this.#entries.size;
  }

  /** One past the largest number ever given. */
  get entryEnd(): number {
    return this.#keys.length;
  }

  /** The key's number; -1 when it is not held. */
  find(key: string): number {
    return this.#entries.get(key) ?? -1;
  }

  /** Gives a number to a key that is not held. */
  add(key: string): number {
    const entry = this.#free.length > 0 ? this.#free.pop() : this.#keys.length;
    this.#keys[entry] = key;
    this.#entries.set(key, entry);
    return entry;
  }

  /** Forgets a key; its number may be given again. */
  remove(entry: number): void {
    const key = this.#keys[entry];
    if (key === undefined) return;
    this.#entries.delete(key);
    this.#keys[entry] = undefined;
    this.#free.push(entry);
  }

  holds(entry: number): boolean {
    return this.#keys[entry] !== undefined;
  }

  clear(): void {
    this.#entries.clear();
    this.#keys.length = 0;
    this.#free.clear();
  }
}
