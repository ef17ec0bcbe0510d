import { CommitHistory, type HeldRecords, type LagStatus } from "../monitor/index.ts";
import { type ClusterAdmin, type LagAdmin, lagsOf, type PartitionLag } from "../runtime/index.ts";
import type { Plan } from "../topology/index.ts";

/** The lag of one stage at one time, as the command prints it. */
export interface StageLag {
  readonly stage: string;
  readonly group: string;
  readonly topic: string;
  /** Members that the group has; 0 when nobody works on the stage. */
  readonly members: number;
  /** Records that are there and not committed, over all partitions. */
  readonly records: number;
  /**
   * The worst of its partitions, in the order of {@link statuses}; `idle` when nobody works and nothing is behind;
   * `unjudged` after one look at a stage that is behind, which does not say whether it gets on; `held` when it is well but
   * for records that an open transaction keeps from it.
   */
  readonly status: LagStatus | "idle" | "no-members" | "unjudged" | "held";
  /** Over all partitions: all their records, for as long as the longest; nothing is known of it after one look. */
  readonly held: HeldRecords;
  /** Until the lag is worked off at the pace since the watching began; null when it does not shrink, or nothing is behind. */
  readonly catchUpMs: number | null;
  readonly partitions: readonly {
    readonly partition: number;
    /** Next offset to be read; null when nothing is committed. */
    readonly committed: number | null;
    readonly records: number;
    readonly status: LagStatus;
  }[];
}

/** The worst last. */
const statuses: readonly LagStatus[] = ["ok", "growing", "stalled", "rewound", "stopped"];

/** A pause between commits that means nothing: stages commit every 100 ms or so, but not while they restore or wait. */
const pauseMs = 30_000;

type Admin = LagAdmin & Pick<ClusterAdmin, "members" | "extent">;

/** Where the end that a reader may see stands, and since when it was seen to be held. */
interface StandingEnd {
  readonly end: number;
  readonly heldSinceMs: number | undefined;
  /** Looks in a row at which it stood. */
  readonly looks: number;
}

/**
 * Looks at which an end that stands is asked of each time, and behind which once in as many: a transaction that hangs is
 * seen soon behind the last record, and later within a minute, and hundreds of idle partitions are no load.
 */
const closeLooks = 6;

/** Looks at the lag of a plan's stages again and again, and remembers what it saw. */
export class LagWatch {
  #looks = 0;
  readonly #plan: Pick<Plan, "stages">;
  readonly #admin: Admin;
  readonly #histories = new Map<string, CommitHistory>();
  readonly #ends = new Map<string, StandingEnd>();
  readonly #first = new Map<string, { readonly atMs: number; readonly records: number }>();

  constructor(plan: Pick<Plan, "stages">, admin: Admin) {
    this.#plan = plan;
    this.#admin = admin;
  }

  /** Every stage, in the order of the plan. */
  async look(nowMs: number, signal: AbortSignal): Promise<StageLag[]> {
    const found: StageLag[] = [];
    this.#looks++;
    for (const stage of this.#plan.stages) {
      const [lags, members] = await Promise.all([
        lagsOf(stage, this.#admin, signal),
        this.#admin.members(stage.group, signal),
      ]);
      const partitions = lags.map(({ partition, committed, records }) => ({
        partition,
        committed: committed < 0 ? null : committed,
        records,
        status: this.#statusOf(`${stage.name}/${partition}`, nowMs, committed, records),
      }));
      const records = partitions.reduce((sum, { records: own }) => sum + own, 0);
      const held = await this.#held(stage.from.clusterName, stage.name, lags, nowMs, signal);
      const worst = this.#stageStatus(members.length, records, partitions);
      const status = held.records > 0 && worst === "ok" ? "held" : worst;
      found.push({
        stage: stage.name,
        group: stage.group,
        topic: stage.from.clusterName,
        members: members.length,
        records,
        status,
        held,
        catchUpMs: this.#catchUpMs(stage.name, nowMs, records),
        partitions,
      });
    }
    return found;
  }

  /**
   * What open transactions hold back. Between two transactions of a busy writer the end moves; one that hangs stands still
   * while the log goes on behind it. The log's end is asked of those alone whose end has not moved since the look before, and of
   * idle ones seldom: {@link closeLooks}.
   */
  async #held(
    topic: string,
    stage: string,
    lags: readonly PartitionLag[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<HeldRecords> {
    const all = await Promise.all(
      lags.map(async ({ partition, end }) => {
        const key = `${stage}/${partition}`;
        const before = this.#ends.get(key);
        const looks = before?.end === end ? before.looks + 1 : 0;
        const isHeld = before?.heldSinceMs !== undefined;
        const isAsked = looks > 0 && (isHeld || looks <= closeLooks || looks % closeLooks === 0);
        const logEnd = isAsked ? (await this.#admin.extent({ topic, partition }, signal)).end : end;
        const heldSinceMs = logEnd > end ? (before?.heldSinceMs ?? nowMs) : undefined;
        this.#ends.set(key, { end, heldSinceMs, looks });
        return { records: logEnd - end, ms: heldSinceMs === undefined ? 0 : nowMs - heldSinceMs };
      }),
    );
    return {
      records: all.reduce((sum, { records }) => sum + records, 0),
      seconds: Math.max(0, ...all.map(({ ms }) => ms)) / 1_000,
    };
  }

  #stageStatus(
    members: number,
    records: number,
    partitions: readonly { readonly status: LagStatus }[],
  ): StageLag["status"] {
    if (members === 0) return records > 0 ? "no-members" : "idle";
    if (records > 0 && this.#looks < 2) return "unjudged";
    return statuses[Math.max(0, ...partitions.map(({ status }) => statuses.indexOf(status)))] ?? "ok";
  }

  #statusOf(key: string, nowMs: number, committed: number, records: number): LagStatus {
    const history = this.#histories.get(key) ?? new CommitHistory();
    this.#histories.set(key, history);
    const offset = Math.max(0, committed);
    history.add(nowMs, offset, offset + records);
    return history.status(nowMs, 0, pauseMs);
  }

  #catchUpMs(stage: string, nowMs: number, records: number): number | null {
    const first = this.#first.get(stage);
    if (first === undefined) {
      this.#first.set(stage, { atMs: nowMs, records });
      return null;
    }
    const worked = first.records - records;
    return records === 0 || worked <= 0 ? null : Math.round((records * (nowMs - first.atMs)) / worked);
  }
}
