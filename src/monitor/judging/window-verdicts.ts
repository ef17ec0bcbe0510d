import { psiByGroup } from "../../stats/index.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import { merged, rowsIn } from "../partial.ts";
import type { PartialRecord } from "../records/partial-record.ts";
import type { PartitionShare, VerdictKind, VerdictRecord } from "../records/verdict-record.ts";
import { judge, type Verdict } from "../verdict.ts";
import { type CauseQuestion, fieldOf, isOfSeason, thresholdsFor } from "./causes.ts";
import type { ClosedWindow } from "./open-windows.ts";
import type { PreparedBaseline } from "./prepared-baseline.ts";

/** A verdict before its alert has taken note of it. */
export type DraftVerdict = Omit<VerdictRecord, "cause" | "phase" | "incident">;

/** What one baseline says of a window. */
export interface WindowVerdicts {
  /** One per field, in the monitor's order. */
  readonly drafts: readonly DraftVerdict[];
  /** Of a field by its index, what its cause is read from; undefined where nothing was judged. */
  readonly evidence:
    | ((field: number, known: Pick<CauseQuestion, "isDeployment" | "taskCount">) => CauseQuestion)
    | undefined;
  readonly counted: CountedRows;
}

/** The rows that a baseline judges. */
export interface CountedRows {
  readonly partials: readonly PartialRecord[];
  /** Id of the baseline; empty for none. */
  readonly baseline: string;
  /** Undefined where nothing could be judged. */
  readonly prepared: PreparedBaseline | undefined;
}

export interface WindowQuestion {
  readonly topology: string;
  readonly spec: MonitorSpec;
  readonly window: ClosedWindow;
  /** Ready to judge by; undefined where it is not there or not the monitor's. */
  readonly baselineOf: (id: string) => PreparedBaseline | undefined;
  /** Begin of the window in which a writer's schema was first met; undefined of one that was there from the beginning. */
  readonly schemaSince: (id: number) => number | undefined;
}

/** Most cells and tasks that a verdict names; the others are summed in one more. */
const culpritsMax = 10;
const tasksMax = 20;
/** Cell, or partition, of what the others give together. */
const others = -1;
/**
 * Why something is told and wakes nobody, by the kind of its verdict: the same hour has held such values before; the budget
 * of pages has nothing left for detectors; nobody has learned yet whether windows without rows are usual.
 */
const quietReasons: Partial<Record<VerdictKind, readonly string[]>> = {
  DRIFT: ["season", "budget"],
  NO_DATA: ["learning"],
};

/** Whether what a verdict says opens no incident. */
export function isQuiet({ kind, reason }: Pick<VerdictRecord, "kind" | "reason">): boolean {
  return reason !== undefined && (quietReasons[kind]?.includes(reason) ?? false);
}

/**
 * Judges a closed window by every baseline that counted it, the one with most rows last: usually there is one.
 */
export function judgeWindow(question: WindowQuestion): WindowVerdicts[] {
  const { spec, window } = question;
  const counted = window.partials.filter(({ rows }) => rows > 0);
  if (counted.length === 0) return [unjudged(question, counted, "", "NO_DATA", undefined)];
  const current = counted.filter(({ version }) => version === spec.version);
  if (current.length < counted.length) return [unjudged(question, counted, "", "INSUFFICIENT", "config")];
  const byBaseline = new Map<string, PartialRecord[]>();
  for (const partial of current)
    byBaseline.set(partial.baseline, [...(byBaseline.get(partial.baseline) ?? []), partial]);
  const groups = [...byBaseline].filter(([id]) => id !== "").sort(([, a], [, b]) => rowsIn(a) - rowsIn(b));
  if (groups.length === 0) return [unjudged(question, counted, "", "LEARNING", undefined)];
  return groups.map(([id, partials]) => byOne(question, id, partials, byBaseline.size > 1));
}

function byOne(
  question: WindowQuestion,
  id: string,
  partials: readonly PartialRecord[],
  isSplit: boolean,
): WindowVerdicts {
  const { spec, window, baselineOf, schemaSince } = question;
  const prepared = baselineOf(id);
  if (prepared === undefined) return unjudged(question, partials, id, "INSUFFICIENT", "baseline");
  if (!partials.every((partial) => isOver(partial, prepared)))
    return unjudged(question, partials, id, "INSUFFICIENT", "config");
  const { baseline, probability, cells } = prepared;
  const { practical } = spec;
  const { fromMs } = window;
  const names = spec.fields.map(({ name }) => name);
  const verdicts = judge(names, baseline, { fromMs, partial: merged(partials) }, { practical, probability });
  const reference = baseline.referenceAt(fromMs).partial;
  const recent = partials.flatMap((partial) => {
    const since = partial.recent === undefined ? undefined : schemaSince(partial.recent.schema);
    return partial.recent !== undefined && since !== undefined && since >= fromMs - (window.toMs - fromMs)
      ? [partial.recent]
      : [];
  });
  const hour = prepared.sameHour(fromMs);
  const seasonOf = (field: number) => ({
    tasks: fieldOf(partials, field),
    sameHour: hour?.counts[field],
    ...thresholdsFor(baseline.nullOf(field), practical, probability),
  });
  const drafts = verdicts.map((verdict, i): DraftVerdict => {
    const isUsual = verdict.kind === "drift" && isOfSeason(seasonOf(i));
    const parts = psiByGroup(reference.counts[i] ?? [], fieldOf(partials, i));
    const isSensitive = spec.fields[i]?.isSensitive ?? false;
    return {
      ...draftOf(question, partials, id, verdict.field),
      kind: kindOf(verdict),
      reason: verdict.kind === "insufficient" ? (isSplit ? "baseline" : "rows") : isUsual ? "season" : undefined,
      ...numbersOf(verdict),
      culprits: culpritsOf(verdict, (cell) => (isSensitive ? "" : (cells[i]?.nameOf(cell) ?? ""))),
      partitions: sharesOf(partials, parts),
    };
  });
  return {
    drafts,
    counted: { partials, baseline: id, prepared },
    evidence: (field, known) => ({
      ...known,
      ...seasonOf(field),
      reference: reference.counts[field] ?? [],
      recent: fieldOf(recent, field),
    }),
  };
}

/** Whether its counts are over the cells of the baseline, all of them. */
function isOver({ counts }: PartialRecord, { cells }: PreparedBaseline): boolean {
  return counts.length === cells.length && counts.every(({ length }, i) => length === cells[i]?.count);
}

function kindOf({ kind }: Verdict): VerdictKind {
  return kind === "ok" ? "OK" : kind === "drift" ? "DRIFT" : "INSUFFICIENT";
}

/** What is told of every window, judged or not. */
export function draftOf(
  { topology, spec, window }: Pick<WindowQuestion, "topology" | "spec" | "window">,
  partials: readonly PartialRecord[],
  baseline: string,
  field: string,
) {
  const { fromMs, toMs } = window;
  return {
    eventId: `${spec.name}/${field}/${fromMs}/${baseline}`,
    topology,
    monitor: spec.name,
    field,
    fromMs,
    toMs,
    baseline,
    unit: "psi" as VerdictRecord["unit"],
    practical: spec.practical,
    late: window.late + window.partials.reduce((sum, { late }) => sum + late, 0),
    schemas: [...new Set(partials.flatMap(({ schemas }) => schemas.map(({ id }) => id)))].sort((a, b) => a - b),
    judgedAtMs: window.closedAtMs,
  };
}

function numbersOf({
  score,
  threshold,
  noiseFloor,
  probability,
  falseDiscoveryRate,
  ks,
  cells,
  n,
  m,
  season,
}: Verdict) {
  return { score, threshold, noiseFloor, probability, falseDiscoveryRate, ks, cells, n, m, season };
}

function unjudged(
  question: WindowQuestion,
  partials: readonly PartialRecord[],
  baseline: string,
  kind: VerdictKind,
  reason: string | undefined,
): WindowVerdicts {
  const nothing = Number.NaN;
  const drafts = question.spec.fields.map(({ name }): DraftVerdict => {
    return {
      ...draftOf(question, partials, baseline, name),
      kind,
      reason,
      score: nothing,
      threshold: nothing,
      noiseFloor: nothing,
      probability: nothing,
      falseDiscoveryRate: nothing,
      ks: nothing,
      cells: 0,
      n: 0,
      m: rowsIn(partials),
      season: question.spec.season,
      culprits: [],
      partitions: sharesOf(
        partials,
        partials.map(() => 0),
      ),
    };
  });
  return { drafts, evidence: undefined, counted: { partials, baseline, prepared: undefined } };
}

function culpritsOf({ culprits, score }: Verdict, nameOf: (cell: number) => string): VerdictRecord["culprits"] {
  const named = culprits.slice(0, culpritsMax).map(({ cell, part }) => ({ cell, name: nameOf(cell), part }));
  const rest = score - named.reduce((sum, { part }) => sum + part, 0);
  return named.length === 0 || rest <= restMin * score ? named : [...named, { cell: others, name: "", part: rest }];
}

/** Less than that of a score is what adding up leaves. */
const restMin = 1e-9;

/** What each task gave, the largest part first. */
export function sharesOf(partials: readonly PartialRecord[], parts: readonly number[]): PartitionShare[] {
  const shares = partials.map(({ stage, partition, rows, offsetFrom, offsetNext }, i): PartitionShare => {
    return { stage, partition, rows, part: parts[i] ?? 0, offsetFrom, offsetNext };
  });
  shares.sort((a, b) => b.part - a.part || b.rows - a.rows || a.partition - b.partition);
  const rest = shares.slice(tasksMax);
  if (rest.length === 0) return shares;
  const sum = (of: (share: PartitionShare) => number): number => rest.reduce((total, share) => total + of(share), 0);
  const together = { rows: sum(({ rows }) => rows), part: sum(({ part }) => part), offsetFrom: 0, offsetNext: 0 };
  return [...shares.slice(0, tasksMax), { stage: "", partition: others, ...together }];
}
