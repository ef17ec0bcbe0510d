import { type Offset, topicPartitionKey } from "../kernel/index.ts";
import type { InputRecord, OutputBatches } from "./output-batches.ts";
import type { RecordRefusedError, Refusal } from "./port.ts";

/** Why the record that was made of an input is not written again. */
export type RefusalReason = Pick<Refusal, "code" | "reason">;

/**
 * The inputs whose record in one outlet the broker refused. The marks outlive their chunk, which is done again with them.
 *
 * A record that the broker named, in a batch that is known, is marked until it is committed. One that had to be guessed
 * is let go again when the refusal repeats: it was not the one, or not the only one.
 */
export class RefusedRecords {
  /** By input. */
  readonly #marks: readonly Map<Offset, RefusalReason>[];
  /** The guess in force for each topic-partition. */
  readonly #guesses = new Map<string, InputRecord>();
  /** What was guessed for each topic-partition, and is not guessed again. */
  readonly #guessed = new Map<string, InputRecord[]>();

  /** @param inputCount how many inputs the task has, at least 1 */
  constructor(inputCount: number) {
    this.#marks = Array.from({ length: inputCount }, () => new Map<Offset, RefusalReason>());
  }

  get isEmpty(): boolean {
    return this.#marks.every((marks) => marks.size === 0);
  }

  reasonOf(input: number, offset: Offset): RefusalReason | undefined {
    return this.#marks[input]?.get(offset);
  }

  /** Marks what the broker named, or what it most likely meant. False when that is marked already, or nothing is left. */
  mark(error: RecordRefusedError, batches: OutputBatches): boolean {
    const key = topicPartitionKey(error.topic, error.partition);
    const named = batches.inputsOfRefused(error);
    const fresh = named.filter(({ input, offset }) => this.reasonOf(input, offset) === undefined);
    if (named.length > 0 && fresh.length === 0) return false;
    this.#letGo(key);
    if (fresh.length > 0) {
      for (const read of fresh) this.#set(read, error);
      return true;
    }
    const before = this.#guessed.get(key) ?? [];
    const guess = batches.largestOf(error, (read) => before.some((one) => isSame(one, read)));
    if (guess === undefined) return false;
    this.#set(guess, error);
    this.#guesses.set(key, guess);
    this.#guessed.set(key, [...before, guess]);
    return true;
  }

  /** Forgets what is committed. @param offsetsNext by input */
  forgetBelow(offsetsNext: readonly Offset[]): void {
    for (const [input, marks] of this.#marks.entries())
      for (const offset of marks.keys()) if (offset < (offsetsNext[input] ?? 0)) marks.delete(offset);
    // The chunk went through as it was guessed.
    this.#guesses.clear();
    this.#guessed.clear();
  }

  clear(): void {
    for (const marks of this.#marks) marks.clear();
    this.#guesses.clear();
    this.#guessed.clear();
  }

  #set({ input, offset }: InputRecord, { refusal }: RecordRefusedError): void {
    this.#marks[input]?.set(offset, { code: refusal.code, reason: refusal.reason });
  }

  /** The guess was wrong: the refusal has repeated. */
  #letGo(key: string): void {
    const guess = this.#guesses.get(key);
    if (guess === undefined) return;
    this.#guesses.delete(key);
    this.#marks[guess.input]?.delete(guess.offset);
  }
}

function isSame(one: InputRecord, other: InputRecord): boolean {
  return one.input === other.input && one.offset === other.offset;
}
