import {
  type Clock,
  type EpochMs,
  formatIsoTime,
  type Hasher,
  MillraceError,
  OperationError,
  parseIsoTimeMs,
} from "../kernel/index.ts";
import { type ArtefactStore, trainingRowsOf } from "../model/index.ts";
import type { BaselineHeadRecord } from "../monitor/index.ts";
import { readAliases } from "../runtime/index.ts";
import type { BaselineOrigin } from "../topology/index.ts";
import type { TopicRange } from "../training/index.ts";
import { type WriteOptions, writeBaseline } from "./baselines-topic.ts";
import { type MeasuredMonitor, type MeasureOptions, measureBaseline } from "./measure-baseline.ts";

/** Rows below which a reference says nothing of what chance does: those that a window needs to be judged. */
const referenceRowsMin = 500;
/** Windows that stand in for the rows of a version, where the monitor's topic is not what it was trained on. */
const windowsForModel = 30;

/** A monitor whose baseline is to be made. */
export interface BaselinedMonitor extends MeasuredMonitor {
  readonly version: string;
  readonly baseline: BaselineOrigin;
}

/** A window that is over, counted without a baseline. */
export interface ClosedWindow {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly rows: number;
}

export interface EnsureOptions extends WriteOptions {
  readonly clock: Pick<Clock, "now">;
  readonly monitor: BaselinedMonitor;
  readonly controlTopic: string;
  /** Alias of the version that is in service. */
  readonly alias: string;
  readonly artefacts: Pick<ArtefactStore, "read">;
  /** Windows of the monitor that are over and had no baseline, in the order of time. */
  readonly closed: readonly ClosedWindow[];
  readonly progress?: MeasureOptions["progress"];
}

/** `waiting`: there is nothing to measure yet, for a reason in words; to be asked again. */
export type Ensured =
  | { readonly kind: "written"; readonly head: BaselineHeadRecord; readonly rows: number; readonly windows: number }
  | { readonly kind: "waiting"; readonly reason: string };

/** What is to be read for a baseline. */
interface Reference extends Pick<MeasureOptions, "fromMs" | "toMs" | "ranges"> {
  readonly model?: string;
  readonly origin: string;
}

/**
 * Measures and writes the baseline that a monitor's topology asks for, when that can be done now. To be called by who has
 * seen on the baselines topic that none of the monitor's version is in service.
 */
export async function ensureBaseline(options: EnsureOptions, signal: AbortSignal): Promise<Ensured> {
  const reference = await referenceOf(options, signal);
  if (typeof reference === "string") return { kind: "waiting", reason: reference };
  try {
    return await measureAndWrite(options, reference, signal);
  } catch (thrown) {
    if (!(thrown instanceof MillraceError) || thrown.code !== "MR_BASELINE") throw thrown;
    return { kind: "waiting", reason: thrown.message };
  }
}

/** Measures one reference and puts it in service. @throws OperationError MR_BASELINE when no row is in it */
export async function measureAndWrite(
  options: Omit<EnsureOptions, "controlTopic" | "alias" | "artefacts" | "closed">,
  { model, origin, fromMs, toMs, ranges }: Reference,
  signal: AbortSignal,
): Promise<Extract<Ensured, { kind: "written" }>> {
  const { broker, registry, monitor, progress } = options;
  const measured = await measureBaseline({ broker, registry, monitor, fromMs, toMs, ranges, progress }, signal);
  const { fields, rows, windows } = measured;
  const asked = askedOf(monitor.baseline, options.hasher);
  const head = await writeBaseline(options, { monitor, fields, model, origin, asked }, signal);
  return { kind: "written", head, rows, windows };
}

/** 16 hex digits of what a topology asks for: another `baseline:` asks for another measurement. */
export function askedOf(baseline: BaselineOrigin, hasher: Hasher): string {
  return hasher.sha256(JSON.stringify(baseline)).slice(0, 16);
}

async function referenceOf(options: EnsureOptions, signal: AbortSignal): Promise<Reference | string> {
  const { monitor, closed, clock } = options;
  const { baseline } = monitor;
  if (baseline.kind === "first") return firstWindows(closed, baseline.windows);
  if (baseline.kind === "model") return trainedRows(options, baseline.model, signal);
  const { fromMs, toMs } = baseline;
  if (toMs > clock.now()) return `its reference ends ${formatIsoTime(toMs)}`;
  return { fromMs, toMs, origin: rangeText(fromMs, toMs) };
}

/** The first windows with rows, as many as asked for, and more while they hold too few rows. */
function firstWindows(closed: readonly ClosedWindow[], count: number): Reference | string {
  let windows = 0;
  let rows = 0;
  const [first] = closed.filter((window) => window.rows > 0);
  for (const window of closed) {
    if (window.rows === 0 || first === undefined) continue;
    windows++;
    rows += window.rows;
    if (windows < count || rows < referenceRowsMin) continue;
    const [fromMs, toMs] = [first.fromMs, window.toMs];
    return { fromMs, toMs, origin: `first ${windows} windows, ${rangeText(fromMs, toMs)}` };
  }
  return `its first ${Math.max(count, windows + 1)} windows are the reference, and ${windows} are over, with ${rows} rows`;
}

async function trainedRows(options: EnsureOptions, model: string, signal: AbortSignal): Promise<Reference | string> {
  const { broker, controlTopic, alias, artefacts, monitor, closed } = options;
  const { aliases } = await readAliases(broker, controlTopic, signal);
  const version = aliases.find((known) => known.model === model && known.alias === alias)?.version;
  if (version === undefined) return `no version of model ${model} is in service; run millrace train`;
  const files = await artefacts.read(model, version, signal);
  if (files === undefined)
    throw new OperationError("MR_MODEL", `opening model ${model}/${version}: the models directory has no such version`);
  const trained = trainingRowsOf(files);
  const reference = trained && trainedReference(monitor, `${model}/${version}`, trained);
  if (reference !== undefined) return reference;
  const first = firstWindows(closed, windowsForModel);
  return typeof first === "string"
    ? `model ${model}/${version} was not trained on topic ${monitor.topic.name}: ${first}`
    : {
        ...first,
        origin: `${first.origin} (topic ${monitor.topic.name} is not what ${model}/${version} learned from)`,
      };
}

/** What a version learned from, as far as it is of the monitor's topic; undefined when nothing is. */
export function trainedReference(
  monitor: Pick<MeasuredMonitor, "topic">,
  version: string,
  trained: NonNullable<ReturnType<typeof trainingRowsOf>>,
): Reference | undefined {
  const ranges: TopicRange[] = trained.ranges.filter(({ topic }) => topic === monitor.topic.clusterName);
  if (ranges.length === 0) return undefined;
  const bound = (text: string | null | undefined): EpochMs | undefined =>
    typeof text === "string" ? parseIsoTimeMs(text) : undefined;
  const { eventTimes } = trained;
  return {
    ranges,
    fromMs: bound(eventTimes?.from),
    toMs: bound(eventTimes?.to),
    model: version,
    origin: `training rows of ${version}`,
  };
}

/** For people: a half-open range of event time. */
export function rangeText(fromMs: EpochMs, toMs: EpochMs): string {
  return `${formatIsoTime(fromMs)} to ${formatIsoTime(toMs)}`;
}
