import {
  type Clock,
  type EpochMs,
  type GaugeName,
  type MetricName,
  metrics,
  type Series,
  type Tallies,
} from "../kernel/index.ts";
import type { TaskId } from "./port.ts";
import type { StageTrouble } from "./readiness.ts";
import { type LagAdmin, type LaggingStage, lagsOf, type PartitionLag } from "./stage-lag.ts";
import { type StageStatus, stageStatuses } from "./stage-status.ts";
import type { TaskAccount } from "./task-accounts.ts";

/** A cluster that is away must not hold up whoever asks for the lag. */
const lagTimeoutMs = 2_000;

/** One number of a metric, or the buckets of a histogram, as it stands when it is asked for. */
export interface MetricReading {
  readonly metric: MetricName;
  /** Names and values, in the order in which they are printed. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Observations per bucket, not cumulative; histograms only. */
  readonly buckets?: Float64Array;
}

/** One number of a gauge of its own that a role has. */
export interface GaugeReading {
  readonly metric: GaugeName;
  /** Values of the metric's labels; `topology` and `stage` go before them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What is measured of a stage or a role. One that has not been made yet has a place on the cluster all the same. */
export interface MeasuredStage {
  readonly stage: LaggingStage & { readonly name: string };
  readonly status: StageStatus;
  readonly tasks: readonly TaskId[];
  readonly troubles: readonly StageTrouble[];
  readonly storeEntries: ReadonlyMap<string, number>;
  readonly accounts: ReadonlyMap<TaskId, TaskAccount>;
  readonly tallies: Tallies;
  /** Of a role, what it alone can say now. */
  readonly readings?: readonly GaugeReading[];
}

/**
 * All metrics of some stages: what their facts have added up to, and what is read now. The lag is asked of the cluster,
 * as everybody else sees it; where that does not answer within 2 s there is none, since an old number would be a wrong one.
 */
export async function readMetrics(
  topology: string,
  stages: readonly MeasuredStage[],
  by: { readonly admin: LagAdmin; readonly clock: Clock },
): Promise<readonly MetricReading[]> {
  const lags = await lagsInTime(
    stages.map(({ stage }) => stage),
    by.admin,
    by.clock,
  );
  const nowMs = by.clock.now();
  return stages.flatMap((stage, index) => {
    const own = { topology, stage: stage.stage.name };
    return [
      ...fedReadings(stage, own),
      ...gauges(stage, own),
      ...(stage.readings ?? []).map(({ labels, ...reading }) => ({ ...reading, labels: { ...own, ...labels } })),
      ...lagReadings(stage, lags[index], own, nowMs),
    ];
  });
}

/** By stage; undefined where the cluster did not tell in time. */
export async function lagsInTime(
  stages: readonly Parameters<typeof lagsOf>[0][],
  admin: LagAdmin,
  clock: Clock,
): Promise<readonly (readonly PartitionLag[] | undefined)[]> {
  const enough = new AbortController();
  const isLate = new Promise<undefined>((resolve) => {
    enough.signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  void clock.sleep(lagTimeoutMs, enough.signal).then(
    () => enough.abort(),
    () => undefined,
  );
  const asked = stages.map(async (stage) => lagsOf(stage, admin, enough.signal));
  const lags = await Promise.all(asked.map((lag) => Promise.race([lag.catch(() => undefined), isLate])));
  enough.abort();
  return lags;
}

/**
 * Counters and histograms. Those of stages without labels are 0 before the first fact, so that a rate over them is right at
 * once; a role has none of them.
 */
function fedReadings({ tallies, readings }: MeasuredStage, own: Readonly<Record<string, string>>): MetricReading[] {
  return (Object.keys(metrics) as MetricName[]).flatMap((metric) => {
    const { type, labels } = metrics[metric];
    if (type === "gauge") return [];
    const all = tallies.series(metric);
    if (readings === undefined && all.length === 0 && type === "counter" && labels.length === 0)
      return [{ metric, labels: own, value: 0 }];
    return all.map((series) => readingOf(metric, series, own));
  });
}

function readingOf(metric: MetricName, series: Series, own: Readonly<Record<string, string>>): MetricReading {
  const names: readonly string[] = metrics[metric].labels;
  const labels = { ...own, ...Object.fromEntries(names.map((name, i) => [name, series.labels[i] ?? ""])) };
  const { sum: value, buckets } = series;
  return buckets === undefined ? { metric, labels, value } : { metric, labels, value, buckets };
}

function gauges(stage: MeasuredStage, own: Readonly<Record<string, string>>): MetricReading[] {
  return [
    ...stageStatuses.map((state) => {
      const value = Number(stage.status === state);
      return { metric: "millrace_consumer_state", labels: { ...own, state }, value } as const;
    }),
    { metric: "millrace_assigned_partitions", labels: own, value: stage.tasks.length },
    { metric: "millrace_degraded_tasks", labels: own, value: stage.troubles.length },
    ...[...stage.storeEntries].map(
      ([store, value]) => ({ metric: "millrace_state_store_entries", labels: { ...own, store }, value }) as const,
    ),
  ];
}

function lagReadings(
  { stage, accounts }: MeasuredStage,
  lags: readonly PartitionLag[] | undefined,
  own: Readonly<Record<string, string>>,
  nowMs: EpochMs,
): MetricReading[] {
  return (lags ?? []).flatMap((lag) => {
    const labels = { ...own, topic: stage.from.clusterName, partition: String(lag.partition) };
    const seconds = secondsBehind(lag, accounts.get(lag.partition), nowMs);
    return [
      { metric: "millrace_consumer_lag_records", labels, value: lag.records } as const,
      ...(seconds === undefined ? [] : [{ metric: "millrace_consumer_lag_seconds", labels, value: seconds } as const]),
    ];
  });
}

/** Undefined where the last committed record is not one that this process has worked off, or has no event time. */
function secondsBehind(lag: PartitionLag, account: TaskAccount | undefined, nowMs: EpochMs): number | undefined {
  if (lag.records === 0) return 0;
  // Where another member has been since, its records are not known here.
  if (account?.eventTimeMs === undefined || account.offsetNext < lag.committed) return undefined;
  return Math.max(0, nowMs - account.eventTimeMs) / 1_000;
}
