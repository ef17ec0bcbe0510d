const showEveryMs = 200;
const lineEveryMs = 3_000;

/** Tells how far something is, on stderr: one line that is written over on a terminal, else a line every few seconds. */
export class Progress {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #nowMs: () => number;
  #shownAtMs: number;
  #isLineOpen = false;
  /** What was shown at its end last. */
  #ended: string | undefined;

  /** @param nowMs monotonic */
  constructor(write: (text: string) => void, isTerminal: boolean, nowMs: () => number) {
    this.#write = write;
    this.#isTerminal = isTerminal;
    this.#nowMs = nowMs;
    this.#shownAtMs = nowMs();
  }

  /** Shows it now and then; without a terminal the last line of each thing says 100 %, for whoever reads a log. */
  show(what: string, done: number, total: number): void {
    const nowMs = this.#nowMs();
    const isEnd = !this.#isTerminal && done >= total;
    if (isEnd && this.#ended === what) return;
    if (isEnd || done < total) this.#ended = isEnd ? what : undefined;
    if (!isEnd && nowMs - this.#shownAtMs < (this.#isTerminal ? showEveryMs : lineEveryMs)) return;
    this.#shownAtMs = nowMs;
    const share = total === 0 ? 100 : Math.floor((100 * done) / total);
    const text = `${what} ${done.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} (${share} %)`;
    this.#write(this.#isTerminal ? `\r\u001b[2K${text}` : `${text}\n`);
    this.#isLineOpen = this.#isTerminal;
  }

  /** Takes the open line away, before something else is written. */
  clear(): void {
    if (this.#isLineOpen) this.#write("\r\u001b[2K");
    this.#isLineOpen = false;
  }
}
