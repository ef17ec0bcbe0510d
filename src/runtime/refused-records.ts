import type { Offset } from "../kernel/index.ts";
import type { OutputBatches } from "./output-batches.ts";
import type { RecordRefusedError } from "./port.ts";

/**
 * Inputs whose output, or whose dead letter, the broker refused. The marks outlive their chunk, which is done again
 * with them: the input becomes MR_TOO_LARGE, or its dead letter goes without its value.
 */
export class RefusedRecords {
  readonly #outputs = new Set<Offset>();
  readonly #deadLetters = new Set<Offset>();

  get isEmpty(): boolean {
    return this.#outputs.size === 0 && this.#deadLetters.size === 0;
  }

  hasOutput(offset: Offset): boolean {
    return this.#outputs.has(offset);
  }

  hasDeadLetter(offset: Offset): boolean {
    return this.#deadLetters.has(offset);
  }

  /** False when no input can be named, or when its dead letter was refused without a value before. */
  mark(error: RecordRefusedError, outputs: OutputBatches, deadLetters: OutputBatches): boolean {
    const output = outputs.inputOfRefused(error);
    if (output !== undefined) {
      this.#outputs.add(output);
      return true;
    }
    const letter = deadLetters.inputOfRefused(error);
    if (letter === undefined || this.#deadLetters.has(letter)) return false;
    this.#deadLetters.add(letter);
    return true;
  }

  /** Forgets what is committed. */
  forgetBelow(offsetNext: Offset): void {
    if (this.isEmpty) return;
    for (const offset of this.#outputs) if (offset < offsetNext) this.#outputs.delete(offset);
    for (const offset of this.#deadLetters) if (offset < offsetNext) this.#deadLetters.delete(offset);
  }

  clear(): void {
    this.#outputs.clear();
    this.#deadLetters.clear();
  }
}
