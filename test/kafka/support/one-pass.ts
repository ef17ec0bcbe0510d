/** What would be said of sensors if nobody ever died. */
import { decodeBaseline, decodePartial, isHeartbeat, Judge, type VerdictRecord } from "../../../src/monitor/index.ts";
import { judgeOptionsOf, stagePartitions } from "../../../src/monitoring/index.ts";
import type { WatchedSensors } from "./watched-sensors.ts";

/** A window of so many rows. */
interface RowWindow {
  readonly fromMs: number;
  readonly rows: number;
}

/** Verdicts of one judge that reads all that tasks have counted once, each record at the time when it was written. */
export async function judgedInOnePass(sensors: WatchedSensors): Promise<VerdictRecord[]> {
  const { plan, monitoring, broker } = sensors;
  const partitions = await stagePartitions(plan, broker.admin, new AbortController().signal);
  const judge = new Judge(judgeOptionsOf(plan, monitoring, partitions));
  const baselines = await sensors.read(monitoring.topics.baselines.clusterName);
  const partials = await sensors.read(monitoring.topics.partials.clusterName);
  const isBaseline = new Set(baselines);
  const told = [...baselines, ...partials].sort((a, b) => a.timestampMs - b.timestampMs);
  const verdicts: VerdictRecord[] = [];
  let beforeMs = Number.NaN;
  for (const record of told) {
    const { value, timestampMs } = record;
    // What a task has told at once belongs together.
    if (timestampMs !== beforeMs) verdicts.push(...judge.judge().verdicts);
    beforeMs = timestampMs;
    if (value === null) continue;
    if (isBaseline.has(record)) {
      judge.takeBaseline(decodeBaseline(value));
      continue;
    }
    const partial = decodePartial(value);
    if (isHeartbeat(partial)) judge.takeHeartbeat(partial, timestampMs);
    else judge.takePartial(partial, timestampMs);
  }
  return [...verdicts, ...judge.judge().verdicts];
}

/** Minutes put together, in their order, until they have so many rows. @param sent rows by begin of the minute */
export function rowWindows(sent: ReadonlyMap<number, number>, rowsMin: number): RowWindow[] {
  const windows: RowWindow[] = [];
  let open: RowWindow | undefined;
  for (const [minuteMs, rows] of sent) {
    open = { fromMs: open?.fromMs ?? minuteMs, rows: (open?.rows ?? 0) + rows };
    if (open.rows < rowsMin) continue;
    windows.push(open);
    open = undefined;
  }
  return windows;
}
