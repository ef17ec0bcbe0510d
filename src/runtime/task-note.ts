/**
 * What a task leaves with each offset that it commits, and so exactly as of that offset, in either delivery: its stream
 * time, and what it has made of the records since an offset.
 *
 * Kafka keeps it as the offset's metadata, which anybody may overwrite who moves the offset: what does not read as a note
 * in every respect is none.
 */
import type { EpochMs, Offset } from "../kernel/index.ts";
import type { Changelog } from "./changelog.ts";
import { type CountTally, type CountTotals, isBalanced, noCounts } from "./counts.ts";

/** What a note says of a store that is written down: whether it had ever anything to write. */
export type StoreNote = "filled" | "unfilled";

export interface TaskNote {
  /** The latest event time met; -Infinity before there was one. */
  readonly streamTimeMs: EpochMs;
  /** The counts are of the records from here on. */
  readonly since: Offset;
  readonly counts: CountTotals;
  /** By {@link Changelog.noteKey}, of those that the task kept when it left the note; left out by one that says nothing of it. */
  readonly stores?: ReadonlyMap<number, StoreNote>;
}

/** One that says nothing of stores. */
const versionPlain = 1;
const versionWithStores = 2;
const timeBytes = 8;
/** Seven bits each of numbers below 2^53. */
const numberBytesMax = 8;
const numbersCount = 6;
const storeBytesMax = 4;
/** A note of more than 200 characters is none. */
const storesMax = 22;
const bytesMax = 1 + timeBytes + numbersCount * numberBytesMax + storesMax * storeBytesMax;

/** At most 76 characters of base64url, and 6 for each store; more than 22 stores are left out. */
export function writeNote({ streamTimeMs, since, counts, stores = noStores }: TaskNote): string {
  const noted = stores.size > storesMax ? [] : [...stores].map(([key, said]) => key * 2 + (said === "filled" ? 1 : 0));
  const bytes = Buffer.alloc(bytesMax);
  bytes[0] = noted.length === 0 ? versionPlain : versionWithStores;
  let at = bytes.writeDoubleBE(streamTimeMs, 1);
  const { in: read, out, filtered, late, deadLetters } = counts;
  for (const number of [since, read, out, filtered, late, deadLetters, ...noted]) {
    let rest = number;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 128;
    bytes[at++] = rest;
  }
  return bytes.toString("base64url", 0, at);
}

/** Undefined for what is no note of these versions, or does not balance (R4). */
export function readNote(text: string | undefined): TaskNote | undefined {
  const bytes = Buffer.from(text ?? "", "base64url");
  const version = bytes[0];
  if (bytes.length <= timeBytes || (version !== versionPlain && version !== versionWithStores)) return undefined;
  const streamTimeMs = bytes.readDoubleBE(1);
  const [since, read, out, filtered, late, deadLetters, ...noted] = numbersIn(bytes, 1 + timeBytes) ?? [];
  if (since === undefined || read === undefined || out === undefined || filtered === undefined) return undefined;
  if (late === undefined || deadLetters === undefined) return undefined;
  const counts = { in: read, out, filtered, late, deadLetters };
  if (Number.isNaN(streamTimeMs) || !isBalanced(counts)) return undefined;
  const note = { streamTimeMs, since, counts };
  if (version === versionPlain) return noted.length === 0 ? note : undefined;
  return noted.length === 0 ? undefined : { ...note, stores: storesIn(noted) };
}

/** Undefined when the last one does not end. */
function numbersIn(bytes: Buffer, from: number): number[] | undefined {
  const numbers: number[] = [];
  for (let at = from; at < bytes.length; ) {
    let number = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      number += (byte % 128) * scale;
      if (byte < 128) break;
    }
    numbers.push(number);
  }
  return numbers;
}

function storesIn(noted: readonly number[]): ReadonlyMap<number, StoreNote> {
  return new Map(noted.map((number) => [Math.floor(number / 2), number % 2 === 1 ? "filled" : "unfilled"]));
}

const noStores: ReadonlyMap<number, StoreNote> = new Map();

/** What a note says is of: a task's work. */
interface NotedTask {
  readonly streamTimeMs: EpochMs;
  readonly tally: Pick<CountTally, "totalsOver">;
  readonly stores: readonly { readonly latestTimeMs: EpochMs }[];
  readonly changelogs: readonly Changelog[];
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

  /** What the chunk before the one in hand has left. */
  get kept(): TaskNote {
    return this.#kept;
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
  next({ streamTimeMs, tally, changelogs }: NotedTask): TaskNote {
    const { since, counts, stores = noStores } = this.#kept;
    return { streamTimeMs, since, counts: tally.totalsOver(counts), stores: notesOf(changelogs, stores) };
  }

  /** The chunk in hand is durable. */
  keep(stage: NotedTask): TaskNote {
    this.#kept = this.next(stage);
    return this.#kept;
  }
}

function notesOf(
  changelogs: readonly Changelog[],
  before: ReadonlyMap<number, StoreNote>,
): ReadonlyMap<number, StoreNote> {
  const noted = changelogs.filter(({ isNoted }) => isNoted);
  if (noted.length === 0) return noStores;
  return new Map(
    noted.map(({ noteKey, entryCount, store }) => {
      const isFilled = entryCount > 0 || store.entryCount > 0 || before.get(noteKey) === "filled";
      return [noteKey, isFilled ? "filled" : "unfilled"];
    }),
  );
}
