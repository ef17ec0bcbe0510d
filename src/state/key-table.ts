import { OperationError } from "../kernel/index.ts";
import { NumberStack } from "./number-stack.ts";

/** The most entries that V8 lets a Map have. */
const keysMaxDefault = 2 ** 24;

/**
 * Numbers the keys of a store: small, dense and used again, so that everything else about a key lives in
 * flat arrays under its number.
 */
export class KeyTable {
  readonly #storeName: string;
  readonly #keysMax: number;
  readonly #entries = new Map<string, number>();
  readonly #keys: (string | undefined)[] = [];
  readonly #free = new NumberStack();

  constructor(storeName: string, keysMax = keysMaxDefault) {
    this.#storeName = storeName;
    this.#keysMax = keysMax;
  }

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

  /**
   * Gives a number to a key that is not held.
   * @throws OperationError MR_STATE_FULL, which halts the stage; nothing was changed then
   */
  add(key: string): number {
    if (this.#entries.size >= this.#keysMax) throw stateFull(this.#storeName, this.#keysMax);
    const entry = this.#free.length > 0 ? this.#free.pop() : this.#keys.length;
    this.#keys[entry] = key;
    this.#entries.set(key, entry);
    return entry;
  }

  /** Lets the key be looked for in vain, and added anew, while its number stays taken. */
  detach(entry: number): void {
    this.#entries.delete(this.keyOf(entry));
  }

  /** Takes a detachment back; the key is not held under another number any more. */
  attach(entry: number): void {
    this.#entries.set(this.keyOf(entry), entry);
  }

  isDetached(entry: number): boolean {
    return this.find(this.keyOf(entry)) !== entry;
  }

  /** Forgets a key, or one that was detached; its number may be given again. */
  remove(entry: number): void {
    const key = this.#keys[entry];
    if (key === undefined) return;
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    this.#keys[entry] = undefined;
    this.#free.push(entry);
  }

  /** The key of a number that is held. */
  keyOf(entry: number): string {
    return this.#keys[entry] ?? "";
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

/** No fault of the record that meets it: quarantining would lose every new key from here on. */
function stateFull(storeName: string, keysMax: number): OperationError {
  const message = `remembering a new key in store ${storeName}: it holds ${keysMax} keys, the most that the store of one task may hold`;
  const cure = keysMax < keysMaxDefault ? "raise state.keys of the stage, give" : "give";
  return new OperationError("MR_STATE_FULL", `${message}; ${cure} the topic more partitions, or look back less far`);
}
