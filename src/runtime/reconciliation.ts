/**
 * Compares what tasks say of their records with what is in the logs. Pure: who reads the logs is `app/reconcile.ts`.
 *
 * A task's account is exact as of its offset, so that two accounts of one task give exact counts of the records between
 * them. Which two depends on what retention has left: of the records behind the first of them everything must be there.
 */
import type { EpochMs, Offset } from "../kernel/index.ts";
import type { DeliveryMode } from "../topology/index.ts";
import type { LeftAccount } from "./account-log.ts";
import { type CountTotals, noCounts } from "./counts.ts";
import { readNote } from "./task-note.ts";

/** An account and when it was left, by the clock of the worker. */
export interface DatedAccount {
  readonly account: Pick<LeftAccount, "since" | "offsetNext" | "counts">;
  readonly leftMs: EpochMs;
}

/** What is known of one partition of a stage's input. */
export interface PartitionAccounts {
  /** The group's next offset, -1 when there is none, with its note. */
  readonly committed: Offset;
  readonly note: string | undefined;
  /** Those that are still on the accounts topic, in its order. */
  readonly accounts: readonly DatedAccount[];
}

/** What may be counted. */
export interface CountingBounds {
  /** First offset of the input that is still there. */
  readonly low: Offset;
  /** What was written before this may be gone from an output or the dead letters; -Infinity where nothing is. */
  readonly wholeSinceMs: EpochMs;
  /** Only what was committed in this time, as far as accounts tell. */
  readonly fromMs: EpochMs | undefined;
  readonly toMs: EpochMs | undefined;
}

/** A range of an input, half open, and what its task says of it. */
export interface AccountedRange {
  readonly from: Offset;
  readonly to: Offset;
  readonly counts: CountTotals;
}

/** Workers' clocks differ, and a chunk is written some time after its first record was stamped. */
const clockMarginMs = 60_000;

/** The longest range that can be counted, or why there is none. */
export function rangeOf(
  known: PartitionAccounts,
  bounds: CountingBounds,
): AccountedRange | { readonly lacking: string } {
  const { committed, note, accounts } = known;
  if (committed === -1) return { lacking: uncommitted(accounts) };
  const read = readNote(note);
  const last: DatedAccount[] =
    read === undefined
      ? []
      : [
          {
            account: { since: read.since, offsetNext: committed, counts: read.counts },
            leftMs: Number.POSITIVE_INFINITY,
          },
        ];
  const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = bounds;
  // At least once an account may be ahead of what was committed after all.
  const end = [...accounts, ...last]
    .filter(({ account, leftMs }) => account.offsetNext <= committed && leftMs <= toMs)
    .reduce<DatedAccount | undefined>((best, one) => (isBehind(one, best) ? best : one), undefined);
  if (end === undefined) return { lacking: "no account was left of what is committed" };
  const { since } = end.account;
  const first: DatedAccount = {
    account: { since, offsetNext: since, counts: noCounts },
    leftMs: Number.NEGATIVE_INFINITY,
  };
  const wholeMs = bounds.wholeSinceMs + clockMarginMs;
  const start = [first, ...accounts]
    .filter(({ account, leftMs }) => account.since === since && leftMs >= fromMs && leftMs >= wholeMs)
    .filter(({ account }) => account.offsetNext >= bounds.low && account.offsetNext < end.account.offsetNext)
    .reduce<DatedAccount | undefined>((best, one) => (isBehind(one, best) ? one : (best ?? one)), undefined);
  if (start === undefined) return { lacking: "no account is old enough that has all of its records still there" };
  return {
    from: start.account.offsetNext,
    to: end.account.offsetNext,
    counts: difference(end.account.counts, start.account.counts),
  };
}

/** Why there is no offset: none yet, or none any more, which accounts outlive. */
function uncommitted(accounts: readonly DatedAccount[]): string {
  if (accounts.length === 0) return "nothing was committed";
  const to = Math.max(...accounts.map(({ account }) => account.offsetNext));
  return `its committed offset is gone, though accounts reach to ${to}: a cluster forgets the offsets of a group that had no member for long (offsets.retention.minutes), and a reset takes them back`;
}

function isBehind({ account }: DatedAccount, other: DatedAccount | undefined): boolean {
  return other !== undefined && account.offsetNext < other.account.offsetNext;
}

function difference(whole: CountTotals, part: CountTotals): CountTotals {
  return {
    in: whole.in - part.in,
    out: whole.out - part.out,
    filtered: whole.filtered - part.filtered,
    late: whole.late - part.late,
    deadLetters: whole.deadLetters - part.deadLetters,
  };
}

/** What the logs have of one partition of a stage's input, by input offset. */
export interface FoundFates {
  /** Records of the input, ascending. */
  readonly inputs: readonly Offset[];
  /** How often the output of each is there. */
  readonly outputs: ReadonlyMap<Offset, number>;
  readonly late: ReadonlySet<Offset>;
  readonly deadLetters: ReadonlySet<Offset>;
}

export interface Recount {
  /** What has left no trace counts as filtered. */
  readonly counts: CountTotals;
  /** Outputs that are there once more than they should be. */
  readonly repeats: number;
}

/** Counts a range anew. */
export function recount({ inputs, outputs, late, deadLetters }: FoundFates, range: AccountedRange): Recount {
  const isIn = (offset: Offset): boolean => offset >= range.from && offset < range.to;
  const countIn = (offsets: Iterable<Offset>): number => [...offsets].filter(isIn).length;
  const counts = {
    in: countIn(inputs),
    out: countIn(outputs.keys()),
    late: countIn(late),
    deadLetters: countIn(deadLetters),
  };
  let repeats = 0;
  for (const [offset, copies] of outputs) if (isIn(offset)) repeats += copies - 1;
  return { counts: { ...counts, filtered: counts.in - counts.out - counts.late - counts.deadLetters }, repeats };
}

const names = { in: "in", out: "out", late: "late", deadLetters: "dead letters" } as const;

/**
 * Where the logs and the account differ, in words; empty when they agree. At least once what was made twice may have become
 * something else the second time: only what is missing counts there.
 */
export function differencesOf(account: CountTotals, { counts, repeats }: Recount, delivery: DeliveryMode): string[] {
  const isOnce = delivery === "exactly-once";
  const found = (Object.keys(names) as (keyof typeof names)[]).flatMap((name) => {
    const [logged, accounted] = [counts[name], account[name]];
    const isWrong = isOnce || name === "in" ? logged !== accounted : logged < accounted;
    return isWrong ? [`${names[name]} ${logged} in the logs, ${accounted} in the account`] : [];
  });
  return isOnce && repeats > 0 ? [...found, `${repeats} outputs are there twice`] : found;
}
