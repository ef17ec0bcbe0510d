import type { Offset } from "../kernel/index.ts";
import { type CountTotals, countTotalsOf, isCount } from "./counts.ts";
import type { Outlet } from "./outbox.ts";
import { OutputBatches, type OutputTopic } from "./output-batches.ts";
import type { TaskId } from "./port.ts";
import type { TaskNote } from "./task-note.ts";

/** How often a task leaves its account at most. */
const everyMs = 1_000;

/**
 * What became of the records of a stage's partition from `since` up to, and not with, `offsetNext`.
 *
 * R4 holds of its counts. It is a copy of the note that was committed with that offset, so that it can be read without
 * the group's offsets and after them.
 */
export interface LeftAccount {
  readonly stage: string;
  readonly partition: TaskId;
  readonly since: Offset;
  readonly offsetNext: Offset;
  readonly counts: CountTotals;
}

/**
 * The accounts of one task on `<topology>.accounts`: a record under the key `<stage>/<partition>`, JSON, at most once a
 * second and with the last commit.
 *
 * It goes out with a chunk like any output, and so exactly once together with its offset. At least once it may be ahead of
 * the committed offset after a crash, which whoever reads it can tell by the offset that it names.
 */
export class AccountLog {
  readonly outlet: Outlet;
  readonly #batches: OutputBatches;
  readonly #stage: string;
  readonly #task: TaskId;
  #leftMs = Number.NEGATIVE_INFINITY;
  /** What the chunk in hand has: nothing, or an account that is as durable as the chunk. */
  #isInHand = false;
  #isBehind = false;

  constructor(topic: OutputTopic, stage: string, task: TaskId) {
    this.#stage = stage;
    this.#task = task;
    this.#batches = new OutputBatches(topic, "internal", undefined);
    this.outlet = { batches: this.#batches, onRefusal: "halt" };
  }

  /** True when more was committed than the account says that was left last. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** True when it is time to leave one. @param nowMs monotonic */
  isDue(nowMs: number): boolean {
    return nowMs - this.#leftMs >= everyMs;
  }

  /** Adds the account to the chunk in hand. @param nowMs wall clock, for the record */
  leave({ since, counts }: TaskNote, offsetNext: Offset, nowMs: number): void {
    const account = { stage: this.#stage, partition: this.#task, since, offsetNext, counts };
    const partition = this.#task % this.#batches.topic.partitions;
    this.#batches.appendEntry(partition, nowMs, Buffer.from(accountKey(account)), writeAccount(account));
    this.#isInHand = true;
  }

  /** The chunk in hand is durable, with the account if it had one. @param nowMs monotonic */
  keep(nowMs: number): void {
    this.#isBehind = !this.#isInHand;
    if (this.#isInHand) this.#leftMs = nowMs;
    this.#isInHand = false;
  }

  /** The chunk in hand failed. */
  undo(): void {
    this.#isInHand = false;
  }

  /** Another owner has been there: what this one has left is not the last. */
  clear(): void {
    this.#isInHand = false;
    this.#isBehind = false;
    this.#leftMs = Number.NEGATIVE_INFINITY;
  }
}

/** `<stage>/<partition>`. */
export function accountKey({ stage, partition }: Pick<LeftAccount, "stage" | "partition">): string {
  return `${stage}/${partition}`;
}

const version = 1;

/** JSON, as `readAccount` reads it. */
function writeAccount(account: LeftAccount): Buffer {
  return Buffer.from(JSON.stringify({ version, ...account }));
}

/** Undefined for what is no account of this version, or does not balance (R4). */
export function readAccount(text: string): LeftAccount | undefined {
  let value: Partial<Record<keyof LeftAccount | "version", unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || value.version !== version) return undefined;
  const { stage, partition, since, offsetNext } = value;
  const counts = countTotalsOf(value.counts);
  if (typeof stage !== "string" || !isCount(partition) || !isCount(since) || !isCount(offsetNext)) return undefined;
  if (counts === undefined || offsetNext < since) return undefined;
  return { stage, partition, since, offsetNext, counts };
}
