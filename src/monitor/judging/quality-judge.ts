/**
 * The quality of the rows of one monitor: what windows say of it, with alerts and incidents of their own.
 *
 * Q1 It is judged before the values of the same window, so that what is broken is not called drift.
 * Q2 Of a window that two baselines have counted, the one with more rows is what it is judged by.
 * Q3 A window without rows is an alert when there are more of them in a row than the reference ever had, ended lately, and
 *    rows came as they happened until then: a gap in old history is no outage, and neither is a pause of a backfill. That
 *    the stage has not read what waits for it is no excuse: then nothing arrives all the same.
 */
import type { AlertRules } from "../alert-machine.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import { merged, rowsIn } from "../partial.ts";
import type { QualityScore } from "../quality/quality-reference.ts";
import { arrivalLine, isBrokenLine, isOfField, type QualityLine, qualityLines } from "../quality/quality-spec.ts";
import { rowsOf, shareFloor, shareProbability } from "../quality/shares.ts";
import type { VerdictRecord } from "../records/verdict-record.ts";
import { MonitorAlerts } from "./monitor-alerts.ts";
import type { ClosedWindow } from "./open-windows.ts";
import type { PreparedBaseline } from "./prepared-baseline.ts";
import { type CountedRows, type DraftVerdict, draftOf, sharesOf } from "./window-verdicts.ts";

/** Of what has no reference to learn from: once in a thousand windows. */
const chance = 0.001;
/** Records below which a share of failures says nothing. */
const recordsMin = 30;
/** One window says it, and the first with rows takes it back. */
const arrivalRules = { fire: { windows: 1, of: 1 }, clear: { windows: 1, below: 1 } };
const recentMs = 6 * 3_600_000;

export interface QualityQuestion {
  readonly window: ClosedWindow;
  readonly counted: CountedRows;
  /** What is said of the values of the window as a whole; undefined where it depends on the field. */
  readonly unjudged: Pick<DraftVerdict, "kind" | "reason"> | undefined;
  /** The baseline in service, whether the window was counted by it or not. */
  readonly prepared: PreparedBaseline | undefined;
  /** Why nobody is told of what is wrong with this window. */
  readonly suppressed: string | undefined;
}

export class QualityJudge {
  readonly alerts: MonitorAlerts;
  readonly #topology: string;
  readonly #spec: MonitorSpec;
  readonly #ageMaxMs: number;
  readonly #lines: readonly QualityLine[];
  /** Windows without rows up to now, in a row. */
  #empty = 0;

  constructor(
    spec: MonitorSpec,
    { topology, rules, ageMaxMs }: { readonly topology: string; readonly rules: AlertRules; readonly ageMaxMs: number },
  ) {
    const { name, severity } = spec;
    this.#topology = topology;
    this.#spec = spec;
    this.#ageMaxMs = ageMaxMs;
    this.#lines = qualityLines(spec.fields, spec.quality);
    const ofArrival = new Map([[arrivalLine, { ...rules, ...arrivalRules }]]);
    this.alerts = new MonitorAlerts(topology, { name, severity, kind: "quality" }, rules, ofArrival);
  }

  /** Takes what was judged of a window before. */
  restore(verdicts: readonly VerdictRecord[]): void {
    // Of the first window with rows it is 0, and behind that nothing is said.
    this.#empty = verdicts.find(({ field }) => field === arrivalLine)?.score ?? 0;
    this.alerts.restore(verdicts);
  }

  /** Whether it says anything under that name. */
  has(name: string): boolean {
    return name === arrivalLine || this.#lines.some((line) => line.name === name);
  }

  /** Whether the rows are broken: of one field, or of any where none is named. */
  isBroken(field?: string): boolean {
    return this.#lines.some(({ name, field: of }) => {
      const isMeant = field === undefined || of === undefined || this.#spec.fields[of]?.name === field;
      return isMeant && isBrokenLine(name) && this.alerts.isIll(name);
    });
  }

  judge(question: QualityQuestion, isMuted: (field: string) => boolean): ReturnType<MonitorAlerts["add"]> {
    const { suppressed } = question;
    const drafts = [...this.#lines.map((line) => this.#draftOf(line, question)), ...this.#arrivalDraft(question)];
    const caused = drafts.map((draft) => {
      const isToBeTold = draft.kind === "DRIFT" || draft.kind === "NO_DATA";
      const isExcused = suppressed !== undefined && (draft.field !== arrivalLine || suppressed === "old");
      return isToBeTold && isExcused
        ? { ...draft, kind: "SUPPRESSED" as const, reason: suppressed, cause: undefined }
        : { ...draft, cause: undefined };
    });
    return this.alerts.add(caused, isMuted);
  }

  #draftOf(line: QualityLine, question: QualityQuestion): DraftVerdict {
    const { window, counted, unjudged } = question;
    const { prepared, partials } = counted;
    if (line.metric === "errors") {
      const [score, told] = [this.#errorsOf(window), { ...counted, partials: window.partials }];
      return this.#draft(line.name, { ...question, counted: told }, score, (i) => {
        return (window.partials[i]?.failed ?? 0) / score.m;
      });
    }
    if (line.metric === "freshness") return this.#draft(line.name, question, this.#freshnessOf(window), () => 0);
    if (prepared === undefined) {
      const { kind, reason } = unjudged ?? { kind: "INSUFFICIENT" as const, reason: "baseline" };
      return { ...this.#draft(line.name, question, nothing(rowsIn(partials)), () => 0), kind, reason };
    }
    const counts = merged(partials);
    // The number of rows is the window's, whatever they were counted by.
    const partial = line.metric === "rows" ? { ...counts, rows: rowsIn(window.partials) } : counts;
    const score = prepared.quality.scoreOf(line, { fromMs: window.fromMs, partial });
    return this.#draft(line.name, question, score, (i) => this.#partOf(line, partials[i], score));
  }

  /** What a task gave to the score of a line; the parts of all tasks add up to it. */
  #partOf({ metric, field }: QualityLine, partial: CountedRows["partials"][number] | undefined, score: QualityScore) {
    if (field === undefined || partial === undefined || !isOfField(metric)) return 0;
    const rows = rowsOf(metric, this.#spec.fields[field]?.kind ?? "numbers", partial.counts[field] ?? []);
    return (rows - score.reference * partial.rows) / score.m;
  }

  /**
   * Records that no row could be made of, among those and the rows: what was filtered out or late is in neither. What a
   * topic holds does not tell how many are usual.
   */
  #errorsOf({ partials }: ClosedWindow): QualityScore {
    const failed = partials.reduce((sum, partial) => sum + (partial.failed ?? 0), 0);
    const m = rowsIn(partials) + failed;
    if (m === 0) return nothing(0);
    const value = failed / m;
    const noiseFloor = shareFloor(0, Number.POSITIVE_INFINITY, m, 1, chance);
    return {
      value,
      reference: 0,
      score: value,
      noiseFloor,
      threshold: Math.max(this.#spec.quality?.practical.errors ?? 0, noiseFloor),
      probability: shareProbability(0, value, Number.POSITIVE_INFINITY, m, 1),
      n: 0,
      m,
      lack: m < recordsMin ? "rows" : undefined,
    };
  }

  /** How far the rows were behind Kafka's time when they were told of, in seconds: of the task that is furthest behind. */
  #freshnessOf({ partials, staleMs }: ClosedWindow): QualityScore {
    const stale = partials.flatMap((partial, i) => (partial.rows > 0 ? [Math.max(0, staleMs[i] ?? 0) / 1_000] : []));
    const m = rowsIn(partials);
    if (stale.length === 0) return nothing(m);
    const value = Math.max(...stale);
    const threshold = this.#spec.quality?.practical.freshness ?? 0;
    return { ...nothing(m), value, reference: 0, score: value, noiseFloor: 0, threshold, lack: undefined };
  }

  /** Whether there were rows at all: said of windows without, and of the first with rows behind them. */
  #arrivalDraft({ window, prepared, counted, ...question }: QualityQuestion): DraftVerdict[] {
    const { lateMs, idleAfterMs } = this.#spec;
    const isEmpty = window.partials.every(({ rows }) => rows === 0);
    if (!isEmpty && this.#empty === 0) return [];
    const oldestMs = window.closedAtMs - lateMs - idleAfterMs - Math.min(this.#ageMaxMs, recentMs);
    if (isEmpty && (window.toMs < oldestMs || !window.isCurrent)) return [];
    this.#empty = isEmpty ? this.#empty + 1 : 0;
    const gap = prepared?.gapWindows ?? 0;
    const score = {
      ...nothing(rowsIn(window.partials)),
      value: this.#empty,
      reference: gap,
      score: this.#empty,
      noiseFloor: gap,
      threshold: gap + 1,
    };
    const draft = this.#draft(arrivalLine, { window, prepared, counted, ...question }, score, () => 0);
    // Before there is a reference nobody knows which windows of it had none.
    const reason = isEmpty && prepared === undefined ? "learning" : undefined;
    return [{ ...draft, kind: isEmpty ? "NO_DATA" : "OK", reason, unit: "windows" }];
  }

  #draft(
    name: string,
    { window, counted }: QualityQuestion,
    score: QualityScore,
    partOf: (partial: number) => number,
  ): DraftVerdict {
    const { lack, value, reference, ...numbers } = score;
    const isEmpty = window.partials.every(({ rows, failed = 0 }) => rows + failed === 0);
    const { partials, baseline } = counted;
    const kind = isEmpty ? "NO_DATA" : lack !== undefined ? "INSUFFICIENT" : verdictOf(score);
    return {
      ...draftOf({ topology: this.#topology, spec: this.#spec, window }, partials, baseline, name),
      unit: name === "quality.freshness" ? "seconds" : "share",
      practical: this.#practicalOf(name),
      kind,
      reason: kind === "INSUFFICIENT" ? lack : undefined,
      ...numbers,
      value: Number.isNaN(value) ? undefined : value,
      reference: Number.isNaN(reference) ? undefined : reference,
      falseDiscoveryRate: Number.NaN,
      ks: Number.NaN,
      cells: 0,
      season: this.#spec.season,
      culprits: [],
      partitions: sharesOf(
        partials,
        partials.map((_, i) => partOf(i)),
      ),
    };
  }

  #practicalOf(name: string): number {
    const line = this.#lines.find((known) => known.name === name);
    return line === undefined ? 1 : (this.#spec.quality?.practical[line.metric] ?? 0);
  }
}

function verdictOf({ score, threshold }: QualityScore): "DRIFT" | "OK" {
  return score >= threshold ? "DRIFT" : "OK";
}

/** Where nothing can be said. */
function nothing(m: number): QualityScore {
  const none = Number.NaN;
  return {
    value: none,
    reference: none,
    score: none,
    noiseFloor: none,
    threshold: none,
    probability: none,
    n: 0,
    m,
    lack: "rows",
  };
}
