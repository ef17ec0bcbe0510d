/**
 * Judges mature windows of labelled predictions, in the order of their partials: each metric of a version beside what it
 * was, and what detectors have said of its errors.
 *
 * P1 A window is judged once; what was judged before is taken in as a reference, and not said again.
 * P2 A window without labels enough is INSUFFICIENT(labels), and changes no alert.
 * P3 A metric is compared with that of the same version: at its validation, or in its first windows.
 * P4 A detector that alarms again says so again: its alert fires already, and what was made of the alarm before is over.
 * P5 A window is as old as the time since it could be mature: that its labels were waited for does not age it.
 */
import type { EpochMs } from "../../kernel/index.ts";
import type { AlertRules } from "../alert-machine.ts";
import { isEstimated } from "../estimate/estimated-metrics.ts";
import { chanceDeviates, ofMetric, unjudged } from "../judging/metric-verdict.ts";
import { MonitorAlerts } from "../judging/monitor-alerts.ts";
import type { DraftVerdict } from "../judging/window-verdicts.ts";
import type { AlertEvent } from "../records/alert-event.ts";
import type { PartialRecord } from "../records/partial-record.ts";
import type { VerdictRecord } from "../records/verdict-record.ts";
import { VersionReferences } from "./metric-reference.ts";
import {
  type DetectorState,
  losses,
  type MeasuredMetric,
  type PerformanceSpec,
  type VersionPerformance,
  type WindowPerformance,
} from "./performance-spec.ts";

/** Labelled rows below which a window says nothing. */
const rowsMin = 30;
/**
 * What a detector says is a change by itself, and no window has to say it again. Nor that it is over, which is so when
 * another version serves: were that waited for, what the detector of that version says would be no news.
 */
const detectorFire = { windows: 1, of: 1 };
const detectorClearWindows = 1;
/** An alarm of another version is news, and not the same one again. */
const detectorCooldownMs = 0;

export interface PerformanceJudgeOptions {
  readonly topology: string;
  readonly rules: AlertRules;
  /** Windows that could be mature longer ago are judged and page nobody. */
  readonly ageMaxMs: number;
}

/** What verdicts of a monitor of performance are of: metrics, measured and estimated, and `error.` with a detector. */
export function modelFields({ metrics, detectors, estimate }: PerformanceSpec): string[] {
  return [...metrics, ...detectors.map(({ kind }) => detectorField(kind)), ...(estimate?.metrics ?? [])];
}

export class PerformanceJudge {
  readonly #spec: PerformanceSpec;
  readonly #options: PerformanceJudgeOptions;
  readonly #alerts: MonitorAlerts;
  readonly #references: VersionReferences;
  /** Begin of the last window that was judged before. */
  #restoredMs: EpochMs = Number.NEGATIVE_INFINITY;
  #restored = new Map<string, VerdictRecord>();
  /** Model and version that alerts took note of last. */
  #alerted: string | undefined;
  /** How often the detectors of the version had alarmed that had most rows in the window before, by field. */
  #alarms: { readonly of: string; readonly counts: ReadonlyMap<string, number> } = { of: "", counts: new Map() };
  /** Begin of the last window that was taken. */
  #takenMs: EpochMs = Number.NEGATIVE_INFINITY;
  #passedOver = 0;

  constructor(spec: PerformanceSpec, options: PerformanceJudgeOptions) {
    const { topology, rules } = options;
    this.#spec = spec;
    this.#options = options;
    const clear = { ...rules.clear, windows: detectorClearWindows };
    const ofDetectors = { fire: detectorFire, clear, cooldownMs: detectorCooldownMs };
    this.#alerts = new MonitorAlerts(
      topology,
      spec,
      rules,
      new Map(spec.detectors.map(({ kind }) => [detectorField(kind), ofDetectors])),
    );
    this.#references = new VersionReferences(rowsMin);
  }

  /** Pages since that time. */
  pagesSince(ms: EpochMs): number {
    return this.#alerts.pagesSince(ms);
  }

  /** Windows that were joined otherwise than the monitor is now, and passed over, since the last time it was asked. */
  passedOver(): number {
    const count = this.#passedOver;
    this.#passedOver = 0;
    return count;
  }

  /** What was judged before, in the order of its topic, before any window is taken. */
  takeVerdict(record: VerdictRecord): void {
    // What was estimated is not measured, and its windows are others.
    if (isEstimated(record.field)) return;
    if (record.fromMs < this.#restoredMs) return;
    if (record.fromMs > this.#restoredMs) this.#restore();
    this.#restoredMs = record.fromMs;
    // Of several versions the alert took note of the one with most rows, which came last.
    this.#restored.set(record.field, record);
  }

  /** @param nowMs Kafka's time */
  take(
    record: PartialRecord,
    nowMs: EpochMs,
    isMuted: (field: string) => boolean,
  ): { readonly verdicts: readonly VerdictRecord[]; readonly events: readonly AlertEvent[] } {
    this.#restore();
    const { performance, fromMs } = record;
    if (performance === undefined) return { verdicts: [], events: [] };
    if (record.version !== this.#spec.version) {
      this.#passedOver++;
      return { verdicts: [], events: [] };
    }
    if (fromMs <= this.#takenMs) return { verdicts: [], events: [] };
    this.#takenMs = fromMs;
    const drafts = performance.versions.map((version) => this.#judged(version, performance, record, nowMs));
    if (!performance.isOutage)
      for (const version of performance.versions) this.#references.add(version, this.#isWell(drafts, version));
    const again = this.#alarmedAgain(performance.versions.at(-1));
    if (fromMs <= this.#restoredMs) return { verdicts: [], events: [] };
    const last = drafts.pop() ?? [];
    const others = drafts.flatMap((verdicts) => this.#alerts.stamped(verdicts));
    const over = this.#alerts.add(this.#overBefore(last), isMuted).events;
    const { verdicts, events } = this.#alerts.add(last, isMuted);
    const renewed = last
      .filter(
        ({ field, kind }) => kind === "DRIFT" && again.has(field) && !events.some((event) => event.field === field),
      )
      .flatMap((draft) => this.#alerts.again(draft, isMuted));
    return { verdicts: [...others, ...verdicts], events: [...over, ...events, ...renewed] };
  }

  /** Fields of detectors that had alarmed for this version, and have alarmed once more since its window before. */
  #alarmedAgain(version: VersionPerformance | undefined): ReadonlySet<string> {
    if (version === undefined) return new Set();
    const of = `${version.model}/${version.version}`;
    const before = this.#alarms.of === of ? this.#alarms.counts : new Map<string, number>();
    const counts = new Map(version.detectors.map(({ kind, alarms }) => [detectorField(kind), alarms]));
    this.#alarms = { of, counts };
    const isAgain = ([field, count]: readonly [string, number]): boolean => {
      const known = before.get(field) ?? 0;
      return known > 0 && count > known;
    };
    return new Set([...counts].filter(isAgain).map(([field]) => field));
  }

  /**
   * What detectors say of the version before when the next one alarms in its first window: that it is over. Otherwise the
   * alert would go on as if nothing had happened, and nobody would learn that the new version does no better.
   */
  #overBefore(drafts: readonly CausedDraft[]): readonly CausedDraft[] {
    const [{ baseline } = { baseline: undefined }] = drafts;
    const before = this.#alerted;
    if (baseline !== undefined) this.#alerted = baseline;
    if (before === undefined || baseline === undefined || before === baseline) return [];
    const alarms = drafts.filter(({ field, kind }) => isDetectorField(field) && kind === "DRIFT");
    return alarms.map((draft) => ({ ...draft, kind: "OK", score: 0, value: 0, since: undefined }));
  }

  #restore(): void {
    const verdicts = [...this.#restored.values()];
    this.#restored = new Map();
    this.#alerted = verdicts.at(-1)?.baseline ?? this.#alerted;
    this.#alerts.restore(verdicts);
  }

  /** Windows that are worse are no reference of what is usual. */
  #isWell(drafts: readonly (readonly CausedDraft[])[], { model, version }: VersionPerformance): boolean {
    const baseline = `${model}/${version}`;
    const isAgainst = ({ kind }: CausedDraft): boolean => kind === "DRIFT" || kind === "SUPPRESSED";
    return drafts.every((own) => own.every((draft) => draft.baseline !== baseline || !isAgainst(draft)));
  }

  #judged(
    version: VersionPerformance,
    window: WindowPerformance,
    record: PartialRecord,
    nowMs: EpochMs,
  ): CausedDraft[] {
    const { windowMs, waitMs, lateMs } = this.#spec;
    const matureMs = record.fromMs + windowMs + Math.max(waitMs, lateMs);
    const isOld = matureMs < nowMs - this.#options.ageMaxMs;
    const base = (field: string) => this.#base(field, version, window, record, nowMs);
    const metrics = version.metrics.map((measured) => {
      return { ...base(measured.metric), ...this.#metricVerdict(measured, version, window) };
    });
    const detectors = version.detectors.map((state) => {
      return { ...base(detectorField(state.kind)), ...detectorVerdict(state, window) };
    });
    return [...metrics, ...detectors].map((draft): CausedDraft => {
      if (draft.kind !== "DRIFT" || !isOld) return draft;
      return { ...draft, kind: "SUPPRESSED", reason: "old" };
    });
  }

  #metricVerdict(
    measured: MeasuredMetric,
    version: VersionPerformance,
    { isOutage }: WindowPerformance,
  ): MetricVerdict {
    const { metric, value, error } = measured;
    const practical = this.#spec.practical[metric];
    if (isOutage) return { ...unjudged, kind: "INSUFFICIENT", reason: "labels", practical, value };
    if (version.labelled < rowsMin || Number.isNaN(value))
      return { ...unjudged, kind: "INSUFFICIENT", reason: "rows", practical, value };
    const was = this.#references.of(version, measured);
    if (was === undefined) return { ...unjudged, kind: "LEARNING", practical, value };
    const noiseFloor = chanceDeviates * Math.hypot(error, was.error);
    const threshold = Math.max(practical, noiseFloor);
    const score = losses.has(metric) ? value - was.value : was.value - value;
    return {
      kind: score >= threshold ? "DRIFT" : "OK",
      reason: undefined,
      score,
      threshold,
      practical,
      noiseFloor,
      n: was.rows,
      value,
      reference: was.value,
      since: undefined,
    };
  }

  #base(
    field: string,
    { model, version, rows, kept, labelled }: VersionPerformance,
    { late }: WindowPerformance,
    { fromMs, offsetFrom, offsetNext, stage, partition }: PartialRecord,
    nowMs: EpochMs,
  ): Omit<CausedDraft, keyof MetricVerdict> {
    const { name, windowMs } = this.#spec;
    const baseline = `${model}/${version}`;
    return {
      eventId: `${name}/${field}/${fromMs}/${baseline}`,
      topology: this.#options.topology,
      monitor: name,
      field,
      fromMs,
      toMs: fromMs + windowMs,
      baseline,
      ...ofMetric,
      m: labelled,
      late,
      partitions: [{ stage, partition, rows, part: 0, offsetFrom, offsetNext }],
      schemas: [],
      judgedAtMs: nowMs,
      coverage: kept === 0 ? 0 : labelled / kept,
      sampled: rows === 0 ? 1 : kept / rows,
    };
  }
}

type CausedDraft = DraftVerdict & Pick<VerdictRecord, "cause">;
type MetricVerdict = Pick<
  CausedDraft,
  "kind" | "reason" | "score" | "threshold" | "practical" | "noiseFloor" | "n" | "value" | "reference" | "since"
>;

const detectorStem = "error.";

function detectorField(kind: string): string {
  return `${detectorStem}${kind}`;
}

/** Whether a field of a monitor of performance is what a detector says of errors. */
export function isDetectorField(field: string): boolean {
  return field.startsWith(detectorStem);
}

/** 1 from the alarm on, for as long as the version serves, and 0 before. */
function detectorVerdict({ rows, sinceRow, sinceMs }: DetectorState, { isOutage }: WindowPerformance): MetricVerdict {
  const practical = 1;
  // What was said before stays said; that nothing is said follows from labels that are there.
  if (isOutage && sinceRow === undefined)
    return { ...unjudged, kind: "INSUFFICIENT", reason: "labels", practical, value: 0 };
  const score = sinceRow === undefined ? 0 : 1;
  return {
    kind: score === 1 ? "DRIFT" : "OK",
    reason: undefined,
    score,
    threshold: 1,
    practical,
    noiseFloor: 0,
    n: rows,
    value: score,
    reference: 0,
    since: sinceRow === undefined || sinceMs === undefined ? undefined : { row: sinceRow, ms: sinceMs },
  };
}
