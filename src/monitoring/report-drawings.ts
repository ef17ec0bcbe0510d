import { formatIsoTime } from "../kernel/index.ts";
import type { VerdictRecord } from "../monitor/index.ts";
import type { FieldReport, ReportedCell } from "./drift-report.ts";
import { escaped, fixed, percent } from "./report-text.ts";

/** In the units of a drawing, which is scaled to the width of the page. */
const width = 800;
const height = 200;
const top = 20;
const left = 60;
const right = 10;
/** Cells that a histogram draws; of more, those that hold most. The table has all. */
const cellsMax = 60;

/** Both shares of each cell side by side, the reference first. */
export function histogram({ cells, n, m, monitor, field }: FieldReport): string {
  const drawn = drawnCells(cells);
  const shares = drawn.map(({ reference, current }) => [share(reference, n), share(current, m)] as const);
  const highest = Math.max(...shares.flat(), 1e-9);
  const step = (width - left - right) / Math.max(1, drawn.length);
  const bar = step * 0.4;
  const bars = shares.map(([reference, current], i) => {
    const x = left + i * step + step * 0.1;
    return rect(x, bar, reference / highest, "reference") + rect(x + bar, bar, current / highest, "current");
  });
  const label = `Shares of the cells of ${monitor} / ${field}: reference of ${n} rows and window of ${m} rows. The table below has the numbers.`;
  const first = drawn[0]?.name ?? "";
  const last = drawn.at(-1)?.name ?? "";
  const names =
    drawn.length < 2
      ? text(left, height + 16, first)
      : text(left, height + 16, first) + text(width - right, height + 16, last, "end");
  const legend = `${square(left + 10, "reference")}${text(left + 26, 12, `reference, n = ${n}`)}${square(left + 210, "current")}${text(left + 226, 12, `window, m = ${m}`)}`;
  const leftOut = cells.length - drawn.length;
  const note = leftOut === 0 ? "" : text(width - right, 12, `${leftOut} smaller cells are in the table alone`, "end");
  return svg(height + 26, label, `${axis(highest)}${bars.join("")}${names}${legend}${note}`);
}

function drawnCells(cells: readonly ReportedCell[]): readonly ReportedCell[] {
  if (cells.length <= cellsMax) return cells;
  const sizeOf = ({ reference, current }: ReportedCell): number => Math.max(reference, current);
  const largest = [...cells].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, cellsMax);
  const kept = new Set(largest);
  return cells.filter((cell) => kept.has(cell));
}

/** The score of each window with its threshold; what was not judged is on the ground line. */
export function scoreChart({ verdicts, monitor, field }: FieldReport): string {
  const numbers = verdicts.flatMap(({ score, threshold }) => [score, threshold]).filter((x) => Number.isFinite(x));
  const highest = Math.max(...numbers, 1e-9) * 1.05;
  const [first, last] = [verdicts[0], verdicts.at(-1)];
  const [fromMs, toMs] = [first?.fromMs ?? 0, last?.fromMs ?? 0];
  const xOf = ({ fromMs: at }: VerdictRecord): number =>
    left + 6 + ((width - left - right - 12) * (at - fromMs)) / Math.max(1, toMs - fromMs);
  const yOf = (value: number): number => height - (height - top) * (value / highest);
  const judged = verdicts.filter(({ score }) => Number.isFinite(score));
  const line = (of: (verdict: VerdictRecord) => number, name: string): string => {
    const points = judged.map((verdict) => `${round(xOf(verdict))},${round(yOf(of(verdict)))}`).join(" ");
    return `<polyline class="${name}" points="${points}"/>`;
  };
  const points = verdicts.map((verdict) => {
    const y = Number.isFinite(verdict.score) ? yOf(verdict.score) : height;
    return mark(verdict.kind, xOf(verdict), y);
  });
  const drifts = verdicts.filter(({ kind }) => kind === "DRIFT").length;
  const label = `Score of ${monitor} / ${field} over ${verdicts.length} windows, ${drifts} of which drift. The table below has the latest.`;
  const times =
    (first === undefined ? "" : text(left, height + 16, formatIsoTime(first.fromMs))) +
    (verdicts.length < 2 || last === undefined
      ? ""
      : text(width - right, height + 16, formatIsoTime(last.fromMs), "end"));
  const legend = text(
    left + 10,
    12,
    "line: score; dashes: threshold; diamond: DRIFT; dot: OK; bar on the ground line or below it: not judged",
  );
  const body = `${axis(highest, fixed)}${line(({ threshold }) => threshold, "threshold")}${line(({ score }) => score, "score")}${points.join("")}${times}${legend}`;
  return svg(height + 26, label, body);
}

/** Shapes and not colours alone tell verdicts apart. */
function mark(kind: VerdictRecord["kind"], x: number, y: number): string {
  const [cx, cy] = [round(x), round(y)];
  if (kind === "OK") return `<circle class="ok" cx="${cx}" cy="${cy}" r="2.5"/>`;
  if (kind === "DRIFT") return `<path class="drift" d="M${cx} ${round(y - 5)}l5 5l-5 5l-5 -5z"/>`;
  return `<rect class="unsure" x="${round(x - 1.5)}" y="${round(y - 4)}" width="3" height="8"/>`;
}

function axis(highest: number, shown: (value: number) => string = (value) => percent(value, 1)): string {
  const middle = (height + top) / 2;
  const lines = [
    [top, highest],
    [middle, highest / 2],
    [height, 0],
  ] as const;
  return lines
    .map(
      ([y, value]) =>
        `<line class="axis" x1="${left}" x2="${width - right}" y1="${y}" y2="${y}"/>${text(left - 6, y + 4, shown(value), "end")}`,
    )
    .join("");
}

function rect(x: number, wide: number, part: number, name: string): string {
  const tall = (height - top) * part;
  return `<rect class="${name}" x="${round(x)}" y="${round(height - tall)}" width="${round(wide)}" height="${round(tall)}"/>`;
}

function square(x: number, name: string): string {
  return `<rect class="${name}" x="${x}" y="2" width="11" height="11"/>`;
}

function text(x: number, y: number, content: string, anchor = "start"): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function svg(tall: number, label: string, body: string): string {
  return `<svg viewBox="0 0 ${width} ${tall}" role="img" aria-label="${escaped(label)}">${body}</svg>`;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
