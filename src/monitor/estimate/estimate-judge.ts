/**
 * Judges windows of predictions before their labels are there: what each version is expected to come to, beside what the
 * same estimate comes to on the rows that it was validated on.
 *
 * E1 A window is judged once, in the order of time, when all tasks that write predictions are through with it.
 * E2 Rows of one version are judged by what is known of that version alone, whichever wrote most of the window.
 * E3 Without a calibration of a version nothing is said of it: INSUFFICIENT(calibration).
 * E4 What is estimated is worse for what the model is given and never for what that means: its alerts are of a kind of
 *    their own, and measured performance has none of them.
 */
import type { EpochMs } from "../../kernel/index.ts";
import type { AlertRules } from "../alert-machine.ts";
import { chanceDeviates, ofMetric, unjudged } from "../judging/metric-verdict.ts";
import { type CausedVerdict, MonitorAlerts } from "../judging/monitor-alerts.ts";
import { type ClosedWindow, OpenWindows, type TaskName } from "../judging/open-windows.ts";
import { draftOf, sharesOf } from "../judging/window-verdicts.ts";
import { merged, rowsIn } from "../partial.ts";
import type { AlertEvent } from "../records/alert-event.ts";
import type { HeartbeatRecord, PartialRecord } from "../records/partial-record.ts";
import type { VerdictRecord } from "../records/verdict-record.ts";
import { type EstimateSpec, type Expectation, estimateOfCounts, scoredRows } from "./estimate-spec.ts";
import { type EstimatedMetric, estimatedLosses, isEstimated } from "./estimated-metrics.ts";
import { scoreCells } from "./score-cells.ts";

/** Rows below which a window says nothing: the error of an estimate is not known from fewer. */
const rowsMin = 100;
/** Versions that are remembered. */
const versionsMax = 64;

export interface EstimateJudgeOptions {
  readonly topology: string;
  readonly rules: AlertRules;
  /** Tasks that write the predictions. */
  readonly tasks: readonly TaskName[];
  readonly ageMaxMs: number;
}

/** Why a window counts for nothing, such as `old`; undefined where it counts. */
export type Suppression = string | undefined;

export class EstimateJudge {
  readonly #spec: EstimateSpec;
  readonly #topology: string;
  readonly #windows: OpenWindows;
  readonly #alerts: MonitorAlerts;
  /** By `<model>/<version>`; undefined of those that nothing is known of. */
  readonly #expectations = new Map<string, Expectation | undefined>();
  /** Closed and not judged yet, oldest first. */
  readonly #closed: ClosedWindow[] = [];
  #restored = new Map<string, VerdictRecord>();
  #restoredMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** Of the last window that was judged before: metrics that nobody asks for any more. */
  #orphans: readonly VerdictRecord[] = [];

  constructor(spec: EstimateSpec, { topology, rules, tasks, ageMaxMs }: EstimateJudgeOptions) {
    this.#spec = spec;
    this.#topology = topology;
    this.#windows = new OpenWindows(spec.counted, tasks, ageMaxMs);
    this.#alerts = new MonitorAlerts(topology, spec.counted, rules);
  }

  get stages(): readonly string[] {
    return this.#windows.stages;
  }

  /** End of the window that is to be judged next; undefined while there is none. */
  get nextToMs(): EpochMs | undefined {
    return this.#closed[0]?.toMs;
  }

  pagesSince(ms: EpochMs): number {
    return this.#alerts.pagesSince(ms);
  }

  restorePage(atMs: EpochMs): void {
    this.#alerts.restorePage(atMs);
  }

  /** What was judged before, in the order of its topic, before any window is taken. */
  takeVerdict(record: VerdictRecord): void {
    if (record.fromMs <= this.#restoredMs) return;
    const [first] = this.#restored.values();
    if (first !== undefined && record.fromMs > first.fromMs) this.#restore();
    // Of several versions the alert took note of the one with most rows, which came last.
    this.#restored.set(record.field, record);
  }

  /** The version, as `<model>/<version>`, that a record is of and of which it is not known what to expect. */
  lacks({ baseline }: PartialRecord): string | undefined {
    return baseline === "" || this.#expectations.has(baseline) ? undefined : baseline;
  }

  /** @param expectation undefined where nothing is known of the version */
  takeExpectation(version: string, expectation: Expectation | undefined): void {
    this.#expectations.set(version, expectation);
    const [oldest] = this.#expectations.keys();
    if (this.#expectations.size > versionsMax && oldest !== undefined) this.#expectations.delete(oldest);
  }

  takePartial(record: PartialRecord, nowMs: EpochMs): void {
    this.#windows.takePartial(record, nowMs);
  }

  takeHeartbeat(record: HeartbeatRecord, nowMs: EpochMs): void {
    this.#windows.takeHeartbeat(record, nowMs);
  }

  /** What was there before has been taken. @returns how what was told of metrics that are gone ends */
  begin(): AlertEvent[] {
    this.#windows.begin();
    return this.#alerts.ended(this.#orphans);
  }

  /** Sets aside the windows that can be closed at that time of Kafka's. */
  close(nowMs: EpochMs): void {
    this.#restore();
    this.#closed.push(...this.#windows.close(nowMs));
  }

  /** Judges the oldest window that was set aside. */
  judge(
    suppressedOf: (window: ClosedWindow) => Suppression,
    isMuted: (field: string, atMs: EpochMs) => boolean,
  ): { readonly verdicts: readonly VerdictRecord[]; readonly events: readonly AlertEvent[] } {
    const window = this.#closed.shift();
    if (window === undefined) return { verdicts: [], events: [] };
    const suppressed = suppressedOf(window);
    const all = this.#groupsOf(window).map(({ version, partials, isOther }) =>
      this.#spec.metrics.map((metric): CausedVerdict => {
        const base = this.#base(metric, window, version, partials);
        const said = isOther
          ? { ...unjudged, kind: "INSUFFICIENT" as const, reason: "config" }
          : this.#said(metric, version, partials);
        return said.kind === "DRIFT" && suppressed !== undefined
          ? { ...base, ...said, kind: "SUPPRESSED", reason: suppressed }
          : { ...base, ...said };
      }),
    );
    const last = all.pop() ?? [];
    // The alert takes note of one version alone: a window is one of the five.
    const others = all.flatMap((verdicts) => this.#alerts.stamped(verdicts));
    const { verdicts, events } = this.#alerts.add(last, (field) => isMuted(field, window.closedAtMs));
    return { verdicts: [...others, ...verdicts], events };
  }

  #restore(): void {
    const verdicts = [...this.#restored.values()];
    const [first] = verdicts;
    if (first === undefined) return;
    this.#restored = new Map();
    this.#restoredMs = first.fromMs;
    this.#windows.judgedBefore(first.fromMs);
    const isAsked = ({ field }: VerdictRecord): boolean => isEstimated(field) && this.#spec.metrics.includes(field);
    this.#alerts.restore(verdicts.filter(isAsked));
    this.#orphans = verdicts.filter((verdict) => !isAsked(verdict));
  }

  /** The versions that predicted in a window, that with most rows last. */
  #groupsOf({ partials }: ClosedWindow): Group[] {
    const counted = partials.filter(({ rows }) => rows > 0);
    const { version: ofMonitor } = this.#spec.counted;
    const isOther = counted.some(({ version }) => version !== ofMonitor);
    // Windows of a monitor that was changed meanwhile were counted by two measures.
    if (isOther || counted.length === 0) return [{ version: "", partials: counted, isOther }];
    const byVersion = new Map<string, PartialRecord[]>();
    for (const partial of counted)
      byVersion.set(partial.baseline, [...(byVersion.get(partial.baseline) ?? []), partial]);
    const groups = [...byVersion].map(([version, own]) => ({ version, partials: own, isOther }));
    return groups.sort((a, b) => rowsIn(a.partials) - rowsIn(b.partials));
  }

  #said(metric: EstimatedMetric, version: string, partials: readonly PartialRecord[]): Said {
    if (partials.length === 0) return { ...unjudged, kind: "NO_DATA" };
    const expected = this.#expectations.get(version);
    const counts = partials.every((partial) => isCounted(partial)) ? merged(partials).counts[0] : undefined;
    if (expected === undefined || counts === undefined)
      return { ...unjudged, kind: "INSUFFICIENT", reason: "calibration" };
    const rows = scoredRows(counts);
    const now = estimateOfCounts(metric, expected, counts);
    const sampled = rows / rowsIn(partials);
    if (rows < rowsMin || Number.isNaN(now.value))
      return { ...unjudged, kind: "INSUFFICIENT", reason: "rows", value: now.value, sampled };
    const was = estimateOfCounts(metric, expected, expected.counts);
    // What a version was validated on may lack what an area needs, and an earlier release has not written it down.
    if (Number.isNaN(was.value))
      return { ...unjudged, kind: "INSUFFICIENT", reason: "calibration", value: now.value, sampled };
    const noiseFloor = chanceDeviates * Math.hypot(now.error, was.error);
    const threshold = Math.max(this.#spec.practical[metric], noiseFloor);
    const score = estimatedLosses.has(metric) ? now.value - was.value : was.value - now.value;
    return {
      kind: score >= threshold ? "DRIFT" : "OK",
      reason: undefined,
      score,
      threshold,
      noiseFloor,
      n: scoredRows(expected.counts),
      value: now.value,
      reference: was.value,
      sampled,
    };
  }

  #base(metric: EstimatedMetric, window: ClosedWindow, version: string, partials: readonly PartialRecord[]) {
    const { counted: spec, practical } = this.#spec;
    return {
      ...draftOf({ topology: this.#topology, spec, window }, partials, version, metric),
      ...ofMetric,
      practical: practical[metric],
      m: rowsIn(partials),
      partitions: sharesOf(
        partials,
        partials.map(() => 0),
      ),
    };
  }
}

interface Group {
  readonly version: string;
  readonly partials: readonly PartialRecord[];
  /** Counted by the monitor as it was before. */
  readonly isOther: boolean;
}

type Said = Pick<
  CausedVerdict,
  "kind" | "reason" | "score" | "threshold" | "noiseFloor" | "n" | "value" | "reference" | "sampled"
>;

function isCounted({ counts }: PartialRecord): boolean {
  return counts.length === 1 && counts[0]?.length === scoreCells.count;
}
