/**
 * Joins labels to predictions in the order of one log, without a clock and without I/O.
 *
 * L1 What a window comes to follows from the records before the one that closed it, however they come in batches.
 * L2 Windows close in the order of time, each once; what comes for one that is closed is counted as late.
 * L3 Of several labels the last by event time counts, then by event id, while the window is open.
 * L4 Without a label a row is negative only where the monitor says so, and never in an outage.
 */
import type { EpochMs, Offset } from "../../kernel/index.ts";
import {
  isJoinedLabel,
  type JoinedLabel,
  type JoinedPrediction,
  type LabelledRecord,
  type PerformanceReference,
  type PerformanceSpec,
  type VersionPerformance,
  type WindowPerformance,
} from "../../monitor/index.ts";
import { HeldLabels, matches, replaces } from "./held-labels.ts";
import { keyShare } from "./key-share.ts";
import { UsualLabels } from "./usual-labels.ts";
import { VersionErrors } from "./version-errors.ts";
import { isError, measuredMetrics } from "./window-metrics.ts";

export interface LabelJoinOptions {
  /** Most predictions that wait for labels, and most labels that wait for predictions. */
  readonly rowsMax: number;
  /** What is known of a version before it serves. */
  readonly referenceOf: (model: string, version: number) => PerformanceReference | undefined;
}

/** A window that is done with. */
export interface JoinedWindow {
  readonly fromMs: EpochMs;
  readonly performance: WindowPerformance;
  /** Of the log: the first record of the window, and the one behind that which closed it. */
  readonly offsetFrom: Offset;
  readonly offsetNext: Offset;
  /** Of the predictions. */
  readonly streamTimeMs: EpochMs;
}

interface ServingVersion {
  readonly model: string;
  readonly version: number;
  readonly errors: VersionErrors;
}

interface WaitingRow {
  readonly eventId: string;
  readonly key: string;
  readonly timeMs: EpochMs;
  readonly score: number;
  readonly by: ServingVersion;
  label: JoinedLabel | undefined;
}

interface JoinWindow {
  readonly fromMs: EpochMs;
  readonly offsetFrom: Offset;
  rows: WaitingRow[];
  /** Predictions by version, whether they are held or not. */
  readonly counts: Map<ServingVersion, number>;
  /** Rows are held whose key falls into this share. */
  share: number;
  /** Kafka's time when the predictions had passed all that labels are waited for; undefined before. */
  dueAtMs: EpochMs | undefined;
}

/** How long labels may be silent, by Kafka's time, when a window is due; at least as long as a window. */
const silenceMsMin = 15 * 60_000;
/** Versions whose errors are remembered. */
const versionsMax = 64;

export class LabelJoin {
  readonly #spec: PerformanceSpec;
  readonly #options: LabelJoinOptions;
  readonly #versions = new Map<string, ServingVersion>();
  /** Ascending by time. */
  #windows: JoinWindow[] = [];
  /** By key, then by event id: one key may have all rows of a window, and each comes and goes in constant time. */
  readonly #rowsByKey = new Map<string, Map<string, WaitingRow>>();
  readonly #labels: HeldLabels;
  readonly #usual = new UsualLabels();
  /** Keys of the window that was closed last. */
  #closedKeys: ReadonlySet<string> = new Set();
  /** Everything before it is closed. */
  #closedToMs: EpochMs = Number.NEGATIVE_INFINITY;
  #predictionMs: EpochMs = Number.NEGATIVE_INFINITY;
  #labelMs: EpochMs = Number.NEGATIVE_INFINITY;
  #kafkaMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** Kafka's time when the labels came on last. */
  #labelMovedMs: EpochMs = Number.NEGATIVE_INFINITY;
  #waiting = 0;
  #late = 0;

  constructor(spec: PerformanceSpec, options: LabelJoinOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#labels = new HeldLabels(spec, options.rowsMax);
  }

  /** Predictions that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes the next record of the log. @returns the windows that it closes, oldest first */
  take(record: LabelledRecord, offset: Offset, kafkaTimeMs: EpochMs): JoinedWindow[] {
    this.#kafkaMs = Math.max(this.#kafkaMs, kafkaTimeMs);
    if (isJoinedLabel(record)) this.#takeLabel(record);
    else this.#takePrediction(record, offset);
    return this.#close(offset + 1);
  }

  #takeLabel(label: JoinedLabel): void {
    if (label.timeMs > this.#labelMs) {
      this.#labelMs = label.timeMs;
      this.#labelMovedMs = this.#kafkaMs;
    }
    let isJoined = false;
    for (const row of this.#rowsByKey.get(label.key)?.values() ?? []) {
      if (!matches(this.#spec, label, row.timeMs)) continue;
      isJoined = true;
      this.#join(row, label);
    }
    if (!isJoined && this.#closedKeys.has(label.key)) this.#late++;
    this.#labels.add(label);
  }

  #takePrediction(prediction: JoinedPrediction, offset: Offset): void {
    const { windowMs } = this.#spec;
    const { timeMs, key, eventId } = prediction;
    const fromMs = Math.floor(timeMs / windowMs) * windowMs;
    if (fromMs < this.#closedToMs) {
      this.#late++;
      return;
    }
    const rows = this.#rowsByKey.get(key) ?? new Map<string, WaitingRow>();
    // At least once, a prediction may be there twice.
    if (rows.has(eventId)) return;
    this.#predictionMs = Math.max(this.#predictionMs, timeMs);
    const window = this.#windowAt(fromMs, offset);
    const by = this.#versionOf(prediction);
    window.counts.set(by, (window.counts.get(by) ?? 0) + 1);
    if (keyShare(key) >= window.share) return;
    const row: WaitingRow = { eventId, key, timeMs, score: prediction.score, by, label: undefined };
    window.rows.push(row);
    rows.set(eventId, row);
    this.#rowsByKey.set(key, rows);
    this.#waiting++;
    for (const label of this.#labels.of(key)) if (matches(this.#spec, label, timeMs)) this.#join(row, label);
    while (this.#waiting > this.#options.rowsMax) this.#thinOut();
  }

  #join(row: WaitingRow, label: JoinedLabel): void {
    if (row.label !== undefined && !replaces(label, row.label)) return;
    const isFirst = row.label === undefined;
    row.label = label;
    // A detector cannot take back what it was given: it has seen the first label.
    if (isFirst) row.by.errors.add(isError(row.score, label.label), row.timeMs);
  }

  #windowAt(fromMs: EpochMs, offsetFrom: Offset): JoinWindow {
    let at = this.#windows.length;
    while (at > 0 && (this.#windows[at - 1]?.fromMs ?? fromMs) > fromMs) at--;
    const found = this.#windows[at - 1];
    if (found?.fromMs === fromMs) return found;
    const window: JoinWindow = { fromMs, offsetFrom, rows: [], counts: new Map(), share: 1, dueAtMs: undefined };
    this.#windows.splice(at, 0, window);
    return window;
  }

  #versionOf({ model, version }: JoinedPrediction): ServingVersion {
    const name = `${model}/${version}`;
    const known = this.#versions.get(name);
    if (known !== undefined) return known;
    const made: ServingVersion = { model, version, errors: new VersionErrors(this.#spec.detectors) };
    this.#versions.set(name, made);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > versionsMax && oldest !== undefined) this.#versions.delete(oldest);
    return made;
  }

  /** Lets go of half of the rows of the window that has most, by their keys: a row and its label go together. */
  #thinOut(): void {
    let largest: JoinWindow | undefined;
    for (const window of this.#windows) if (window.rows.length > (largest?.rows.length ?? 0)) largest = window;
    if (largest === undefined) return;
    largest.share /= 2;
    const { share } = largest;
    const before = largest.rows;
    largest.rows = before.filter(({ key }) => keyShare(key) < share);
    for (const row of before) if (keyShare(row.key) >= share) this.#forget(row);
    this.#waiting -= before.length - largest.rows.length;
  }

  #forget({ key, eventId }: WaitingRow): void {
    const rows = this.#rowsByKey.get(key);
    rows?.delete(eventId);
    if (rows?.size === 0) this.#rowsByKey.delete(key);
  }

  #close(offsetNext: Offset): JoinedWindow[] {
    const closed: JoinedWindow[] = [];
    for (;;) {
      const [window] = this.#windows;
      if (window === undefined) return closed;
      const ending = this.#endingOf(window);
      if (ending === undefined) return closed;
      this.#windows.shift();
      this.#closedToMs = window.fromMs + this.#spec.windowMs;
      const performance = this.#performanceOf(window, ending === "silent");
      this.#late = 0;
      this.#closedKeys = new Set(window.rows.map(({ key }) => key));
      for (const row of window.rows) this.#forget(row);
      this.#waiting -= window.rows.length;
      this.#labels.forgetBefore(this.#closedToMs);
      const { fromMs, offsetFrom } = window;
      closed.push({ fromMs, performance, offsetFrom, offsetNext, streamTimeMs: this.#predictionMs });
    }
  }

  /** Why a window ends now; undefined while it does not. */
  #endingOf(window: JoinWindow): "mature" | "silent" | undefined {
    const { windowMs, lateMs, waitMs } = this.#spec;
    const toMs = window.fromMs + windowMs;
    if (this.#predictionMs < toMs + lateMs) return undefined;
    if (this.#labelMs >= toMs + waitMs) return "mature";
    if (this.#predictionMs < toMs + lateMs + waitMs) return undefined;
    window.dueAtMs ??= this.#kafkaMs;
    const silentMs = this.#kafkaMs - Math.max(window.dueAtMs, this.#labelMovedMs);
    return silentMs >= Math.max(silenceMsMin, windowMs) ? "silent" : undefined;
  }

  #performanceOf(window: JoinWindow, isSilent: boolean): WindowPerformance {
    const { rows, counts } = window;
    const labelled = rows.filter(({ label }) => label !== undefined).length;
    const positives = rows.filter(({ label }) => label?.label === 1).length;
    const isAbsenceNegative = this.#spec.isAbsenceNegative && !isSilent;
    const found = { rows: rows.length, labelled: isAbsenceNegative ? rows.length : labelled, positives };
    for (const { model, version } of counts.keys()) this.#usual.begin(this.#options.referenceOf(model, version));
    const isOutage = isSilent || this.#usual.isOutage(found, isAbsenceNegative);
    if (!isOutage) this.#usual.add(found);
    const absent = isAbsenceNegative && !isOutage;
    const versions = [...counts]
      .map(([by, count]) => this.#versionPerformance(by, count, window, absent))
      .sort((a, b) => a.rows - b.rows || a.version - b.version);
    return { versions, isOutage, late: this.#late };
  }

  #versionPerformance(by: ServingVersion, count: number, { rows }: JoinWindow, absent: boolean): VersionPerformance {
    const own = rows.filter((row) => row.by === by);
    const known = absent ? own : own.filter(({ label }) => label !== undefined);
    if (absent) for (const row of own) if (row.label === undefined) by.errors.add(isError(row.score, 0), row.timeMs);
    const scores = Float64Array.from(known, ({ score }) => score);
    const labels = Float64Array.from(known, ({ label }) => label?.label ?? 0);
    const { model, version } = by;
    return {
      model,
      version,
      rows: count,
      kept: own.length,
      labelled: known.length,
      positives: labels.reduce((sum, label) => sum + label, 0),
      metrics: measuredMetrics(this.#spec.metrics, scores, labels),
      detectors: by.errors.states,
      reference: this.#options.referenceOf(model, version),
    };
  }
}
