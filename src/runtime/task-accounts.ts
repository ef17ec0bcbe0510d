import type { EpochMs, Facts, Offset, RecordErrorCode, Tallies } from "../kernel/index.ts";
import { CountTally, type CountTotals, noCounts, type StageCounts } from "./counts.ts";
import type { TaskId } from "./port.ts";
import type { CommittedChunk } from "./pump-options.ts";
import type { TaskNote } from "./task-note.ts";

/**
 * What a task has committed: `counts` are of the records from `since` up to, and not with, `offsetNext`, all of which
 * this process has worked off. Where another owner has been in between, the account begins anew.
 */
export interface TaskAccount {
  readonly since: Offset;
  readonly offsetNext: Offset;
  readonly counts: StageCounts;
  /** The same over all owners that the partition has had, as it was left with the committed offset. */
  readonly whole: { readonly since: Offset; readonly counts: CountTotals };
  /** Event time of the last record that has one; undefined before there was one. */
  readonly eventTimeMs: EpochMs | undefined;
}

interface OpenAccount {
  since: Offset;
  offsetNext: Offset;
  whole: TaskAccount["whole"];
  eventTimeMs: EpochMs | undefined;
  readonly tally: CountTally;
}

/** Keeps the accounts of a stage's tasks, those that were lost too, and says as facts what was committed. */
export class TaskAccounts {
  readonly #accounts = new Map<TaskId, OpenAccount>();
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** A task starts at this offset: where it left off here, or where somebody else did. */
  begun(task: TaskId, offset: Offset, note: TaskNote | undefined): void {
    if (this.#accounts.get(task)?.offsetNext === offset) return;
    const whole = { since: note?.since ?? offset, counts: note?.counts ?? noCounts };
    const tally = new CountTally();
    this.#accounts.set(task, { since: offset, offsetNext: offset, whole, eventTimeMs: undefined, tally });
  }

  /** @param nowMs wall clock, at which the chunk is committed */
  committed(task: TaskId, chunk: CommittedChunk, nowMs: EpochMs): void {
    const account = this.#accounts.get(task);
    if (account === undefined) throw new TypeError(`task ${task} committed before it began`);
    const { tally, note, offsetNext, durationMs, eventTimeMs } = chunk;
    account.tally.add(tally);
    account.offsetNext = offsetNext;
    account.whole = { since: note.since, counts: note.counts };
    if (eventTimeMs !== undefined) account.eventTimeMs = eventTimeMs;
    const { in: read, out, filtered, late, deadLetters } = tally.snapshot();
    const facts = this.#facts;
    facts.emit("chunkCommitted", { task, in: read, out, late, seconds: durationMs / 1_000 });
    for (const [reason, count] of Object.entries(filtered)) facts.emit("recordsFiltered", { task, reason, count });
    for (const [code, count] of codesOf(deadLetters)) facts.emit("recordsFailed", { task, code, count });
    if (late > 0) facts.emit("recordsLate", { task, count: late });
    if (eventTimeMs !== undefined)
      facts.emit("eventsDone", { task, seconds: Math.max(0, nowMs - eventTimeMs) / 1_000 });
  }

  /** Of every task that this process has opened, by partition. */
  get all(): ReadonlyMap<TaskId, TaskAccount> {
    return new Map(
      [...this.#accounts].map(([task, { tally, ...rest }]) => [task, { ...rest, counts: tally.snapshot() }]),
    );
  }
}

/** What became of a stage's records since it started, over all its tasks: what the facts have added up to. */
export function stageCountsOf(tallies: Tallies): StageCounts {
  const byLabel = (metric: "millrace_records_filtered_total" | "millrace_record_errors_total") =>
    Object.fromEntries(tallies.series(metric).map(({ labels, sum }) => [labels[0] ?? "", sum]));
  return {
    in: tallies.total("millrace_records_in_total"),
    out: tallies.total("millrace_records_out_total"),
    filtered: byLabel("millrace_records_filtered_total"),
    late: tallies.total("millrace_late_records_total"),
    deadLetters: byLabel("millrace_record_errors_total"),
  };
}

function codesOf(deadLetters: StageCounts["deadLetters"]) {
  return Object.entries(deadLetters) as [RecordErrorCode, number][];
}
