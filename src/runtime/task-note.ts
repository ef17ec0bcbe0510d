/**
 * What a task leaves with each offset that it commits, and so exactly as of that offset, in either delivery: its stream
 * time, and what it has made of the records since an offset.
 *
 * Kafka keeps it as the offset's metadata, which anybody may overwrite who moves the offset: what does not read as a note
 * in every respect is none.
 */
import type { EpochMs, Offset } from "../kernel/index.ts";
import { type CountTally, type CountTotals, isBalanced, noCounts } from "./counts.ts";

export interface TaskNote {
  /** The latest event time met; -Infinity before there was one. */
  readonly streamTimeMs: EpochMs;
  /** The counts are of the records from here on. */
  readonly since: Offset;
  readonly counts: CountTotals;
}

const version = 1;
const timeBytes = 8;
/** Seven bits each of numbers below 2^53. */
const numberBytesMax = 8;
const numbersCount = 6;
const bytesMax = 1 + timeBytes + numbersCount * numberBytesMax;

/** At most 76 characters of base64url. */
export function writeNote({ streamTimeMs, since, counts }: TaskNote): string {
  const bytes = Buffer.alloc(bytesMax);
  bytes[0] = version;
  let at = bytes.writeDoubleBE(streamTimeMs, 1);
  for (const number of [since, counts.in, counts.out, counts.filtered, counts.late, counts.deadLetters]) {
    let rest = number;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128;
    bytes[at++] = rest;
  }
  return bytes.toString("base64url", 0, at);
}

/** Undefined for what is no note of this version, or does not balance (R4). */
export function readNote(text: string | undefined): TaskNote | undefined {
  const bytes = Buffer.from(text ?? "", "base64url");
  if (bytes.length <= timeBytes || bytes[0] !== version) return undefined;
  const streamTimeMs = bytes.readDoubleBE(1);
  const numbers: number[] = [];
  for (let at = 1 + timeBytes; at < bytes.length; ) {
    let number = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      number += (byte % 128) * scale;
      if (byte < 128) break;
    }
    numbers.push(number);
  }
  const [since, read, out, filtered, late, deadLetters, ...more] = numbers;
  if (since === undefined || read === undefined || out === undefined || filtered === undefined) return undefined;
  if (late === undefined || deadLetters === undefined || more.length > 0) return undefined;
  const counts = { in: read, out, filtered, late, deadLetters };
  return Number.isNaN(streamTimeMs) || !isBalanced(counts) ? undefined : { streamTimeMs, since, counts };
}

/** What a note says is of: a task's work. */
interface NotedTask {
  readonly streamTimeMs: EpochMs;
  readonly tally: Pick<CountTally, "totalsOver">;
  readonly stores: readonly { readonly latestTimeMs: EpochMs }[];
}

/** The note of one task as it goes on: what was left with the committed offset, and what goes out with the next. */
export class RunningNote {
  #found: TaskNote | undefined;
  #kept: TaskNote = { streamTimeMs: Number.NEGATIVE_INFINITY, since: -1, counts: noCounts };

  /** The task was opened, and this was left with its offset. */
  found(text: string | undefined): void {
    this.#found = readNote(text);
  }

  /** The task begins at this offset: from what was found there, or else counts begin here. Answers what was found. */
  begin(offset: Offset): TaskNote | undefined {
    this.#kept = this.#found ?? { streamTimeMs: Number.NEGATIVE_INFINITY, since: offset, counts: noCounts };
    return this.#found;
  }

  /** False when nothing was left with the offset that the task was opened at: others have moved it, or nobody has begun. */
  get isFound(): boolean {
    return this.#found !== undefined;
  }

  /** The stream time to go on from; without a note the stores are all that tells how far event time had come. */
  streamTimeOf({ stores }: NotedTask): EpochMs {
    if (this.#found !== undefined) return this.#found.streamTimeMs;
    return Math.max(Number.NEGATIVE_INFINITY, ...stores.map(({ latestTimeMs }) => latestTimeMs));
  }

  /** With the chunk in hand, which was sealed. */
  next({ streamTimeMs, tally }: NotedTask): TaskNote {
    const { since, counts } = this.#kept;
    return { streamTimeMs, since, counts: tally.totalsOver(counts) };
  }

  /** The chunk in hand is durable. */
  keep(stage: NotedTask): TaskNote {
    this.#kept = this.next(stage);
    return this.#kept;
  }
}
