import type { Readable } from "node:stream";
import { OperationError, readUtf8 } from "../kernel/index.ts";

/** A line of a file, without its end. */
export interface Line {
  readonly bytes: Buffer;
  readonly text: string;
  /** Where in the stream the first byte stands that is not UTF-8; undefined when all are. */
  readonly badAt: number | undefined;
}

/** Longest line; Kafka takes no record of this size. */
const lineBytesMax = 256 * 1_048_576;
const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The lines of a stream, until it ends or a stop is asked for; what was read of a line by then is left out. A line ends
 * with LF or CRLF and nothing else (Node's own reader also splits at U+2028, which JSON may hold). A byte order mark
 * before the first is taken off.
 */
export async function* linesOf(input: Readable, stop: AbortSignal): AsyncGenerator<Line> {
  if (stop.aborted) return;
  let endWait = (): void => undefined;
  const onStop = (): void => endWait();
  stop.addEventListener("abort", onStop);
  const chunks = input[Symbol.asyncIterator]();
  const splitter = new Splitter();
  try {
    for (;;) {
      // Not ended by destroying the stream: that waits for what its source is about to say, which may be nothing ever.
      const next = await new Promise<IteratorResult<unknown> | undefined>((resolve, reject) => {
        endWait = () => resolve(undefined);
        if (stop.aborted) endWait();
        else chunks.next().then(resolve, reject);
      });
      if (next === undefined || stop.aborted) return;
      if (next.done === true) break;
      const chunk = next.value;
      yield* splitter.push(typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk as Uint8Array));
    }
    yield* splitter.rest();
  } finally {
    stop.removeEventListener("abort", onStop);
  }
}

class Splitter {
  /** Pieces of the line that is not yet complete. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Where that line begins in the stream. */
  #offset = 0;

  *push(chunk: Buffer): Generator<Line> {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, at));
      yield this.#take(1);
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** A last line without an end. */
  *rest(): Generator<Line> {
    if (this.#pieceBytes > 0) yield this.#take(0);
  }

  #keep(piece: Buffer): void {
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > lineBytesMax)
      throw new OperationError("MR_USAGE", `a line is longer than ${lineBytesMax} bytes`);
    if (piece.length > 0) this.#pieces.push(piece);
  }

  #take(endBytes: number): Line {
    const whole = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    const offset = this.#offset;
    this.#offset += whole.length + endBytes;
    this.#pieces = [];
    this.#pieceBytes = 0;
    const markBytes = offset === 0 && whole.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
    const hasReturn = endBytes > 0 && whole.at(-1) === carriageReturn;
    const bytes = whole.subarray(markBytes, hasReturn ? whole.length - 1 : whole.length);
    const text = bytes.toString("utf8");
    // What is not UTF-8 becomes U+FFFD, which a text may also hold by itself.
    const reading = text.includes("\ufffd") ? readUtf8(bytes) : { text };
    return { bytes, text, badAt: "badAt" in reading ? offset + markBytes + reading.badAt : undefined };
  }
}
