/**
 * Detectors over the sequence of windows of a field: each window is one value of {@link WindowLevels}.
 *
 * D1 A window is given to detectors once, in the order of time, and not while its rows are broken or too few.
 * D2 What they know follows from the verdicts that stand on the topic: a restart gives them the same values again.
 * D3 Another baseline has other ranks: they begin anew.
 */
import { createDetector, isForZeroOrOne } from "../detectors/create-detector.ts";
import type { Detector } from "../detectors/detector.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import { merged } from "../partial.ts";
import type { VerdictRecord } from "../records/verdict-record.ts";
import { rowsMin } from "../verdict.ts";
import type { ClosedWindow } from "./open-windows.ts";
import { type CountedRows, type DraftVerdict, draftOf, sharesOf } from "./window-verdicts.ts";

/** Nine of ten windows of the reference lie nearer, where they are normal: the others are errors to a detector of 0 and 1. */
const errorDeviates = 1.6448536269514722;

/** The alarm of a detector is a change by itself, and no window has to say it again. */
export const detectorFire = { windows: 1, of: 1 };

interface Watching {
  /** `<field>.<kind>`: as it stands in verdicts. */
  readonly line: string;
  readonly field: string;
  readonly isForZeroOrOne: boolean;
  readonly create: () => Detector;
  detector: Detector;
}

export interface DetectorQuestion {
  readonly window: ClosedWindow;
  readonly counted: CountedRows;
  /** What is said of the values of the window as a whole; undefined where it depends on the field. */
  readonly unjudged: Pick<DraftVerdict, "kind" | "reason"> | undefined;
  /** Whether the rows of a field are broken. */
  readonly isBroken: (field: string) => boolean;
}

export class FieldDetectors {
  readonly #topology: string;
  readonly #spec: MonitorSpec;
  readonly #watching: readonly Watching[];
  /** Id of the baseline by which the detectors were fed. */
  #baseline = "";

  constructor(topology: string, spec: MonitorSpec) {
    const { fields = [], detectors = [] } = spec.detectors ?? {};
    this.#topology = topology;
    this.#spec = spec;
    this.#watching = fields.flatMap((field) =>
      detectors.map(({ kind, config }): Watching => {
        const create = (): Detector => createDetector(kind, config);
        const of = { line: `${field}.${kind}`, field, isForZeroOrOne: isForZeroOrOne(kind) };
        return { ...of, create, detector: create() };
      }),
    );
  }

  get lines(): readonly string[] {
    return this.#watching.map(({ line }) => line);
  }

  /** Takes what was judged of a window before (D2). */
  restore(verdicts: readonly VerdictRecord[]): void {
    for (const watching of this.#watching) {
      const verdict = verdicts.find(({ field }) => field === watching.line);
      if (verdict?.value === undefined) continue;
      this.#goBy(verdict.baseline);
      this.#add(watching, verdict.value);
    }
  }

  judge({ window, counted, unjudged, isBroken }: DetectorQuestion): DraftVerdict[] {
    const { prepared, partials, baseline } = counted;
    const partial = prepared === undefined ? undefined : merged(partials);
    if (prepared !== undefined) this.#goBy(baseline);
    return this.#watching.map((watching): DraftVerdict => {
      const base = this.#baseOf(watching.line, window, counted);
      const levels = prepared?.levels.find(({ field }) => field === watching.field);
      if (levels === undefined || partial === undefined) {
        const { kind, reason } = unjudged ?? { kind: "INSUFFICIENT" as const, reason: "baseline" };
        return { ...base, kind, reason };
      }
      if (isBroken(watching.field)) return { ...base, kind: "SUPPRESSED", reason: "quality" };
      if (partial.rows < rowsMin) return { ...base, kind: "INSUFFICIENT", reason: "rows" };
      const value = levels.deviatesOf({ fromMs: window.fromMs, partial });
      if (value === undefined) return { ...base, kind: "INSUFFICIENT", reason: "baseline" };
      const isAlarm = this.#add(watching, value);
      const score = isAlarm ? 1 : 0;
      return { ...base, kind: isAlarm ? "DRIFT" : "OK", score, threshold: 1, noiseFloor: 0, value, reference: 0 };
    });
  }

  #goBy(baseline: string): void {
    if (baseline === this.#baseline) return;
    this.#baseline = baseline;
    for (const watching of this.#watching) watching.detector = watching.create();
  }

  #add({ detector, isForZeroOrOne: isBinary }: Watching, deviates: number): boolean {
    const value = isBinary ? Number(Math.abs(deviates) >= errorDeviates) : deviates;
    return detector.add(value) === "drift";
  }

  #baseOf(line: string, window: ClosedWindow, { partials, baseline }: CountedRows): DraftVerdict {
    const none = Number.NaN;
    const rows = partials.reduce((sum, partial) => sum + partial.rows, 0);
    return {
      ...draftOf({ topology: this.#topology, spec: this.#spec, window }, partials, baseline, line),
      kind: "OK",
      reason: undefined,
      unit: "metric",
      practical: 1,
      score: none,
      threshold: none,
      noiseFloor: none,
      probability: none,
      falseDiscoveryRate: none,
      ks: none,
      cells: 0,
      n: 0,
      m: rows,
      season: this.#spec.season,
      culprits: [],
      partitions: sharesOf(
        partials,
        partials.map(() => 0),
      ),
    };
  }
}
