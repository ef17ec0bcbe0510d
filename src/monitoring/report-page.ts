/**
 * The report as one HTML file: no script, nothing fetched, light and dark by what the reader's system says. All that a
 * drawing shows stands beside it as a table, so that it reads without a mouse, on paper and aloud.
 */
import { type EpochMs, formatIsoTime } from "../kernel/index.ts";
import type { VerdictRecord } from "../monitor/index.ts";
import type { FieldReport, ModelReport } from "./drift-report.ts";
import { histogram, scoreChart } from "./report-drawings.ts";
import { escaped, fixed, percent } from "./report-text.ts";

export interface ReportPage {
  readonly topology: string;
  readonly atMs: EpochMs;
  readonly fields: readonly FieldReport[];
  /** Of monitors of predictions and labels. */
  readonly models?: readonly ModelReport[];
}

/** Verdicts that the table of a field shows, the latest first; the drawing has all. */
const verdictsShown = 24;

const style = `
:root { color-scheme: light dark; --ink: #1c1d21; --soft: #5b5f68; --line: #d5d7dc; --page: #fff; --reference: #7a8699; --current: #1f6feb; --drift: #c2281d; --unsure: #946200; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9ec; --soft: #a2a7b1; --line: #3a3d44; --page: #16171a; --reference: #8c98ab; --current: #6aa5ff; --drift: #ff7b6e; --unsure: #e0b050; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h2 { border-top: 1px solid var(--line); padding-top: 1.5rem; margin-top: 2.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; }
.wide { overflow-x: auto; }
.DRIFT { color: var(--drift); font-weight: 600; }
.INSUFFICIENT, .NO_DATA, .SUPPRESSED, .LEARNING, .NONE { color: var(--unsure); }
svg { display: block; width: 100%; height: auto; margin: .5rem 0; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--line); } svg .reference { fill: var(--reference); } svg .current { fill: var(--current); }
svg .threshold { stroke: var(--drift); fill: none; stroke-dasharray: 5 4; } svg .score { stroke: var(--current); fill: none; }
svg .ok { fill: var(--current); } svg .drift { fill: var(--drift); } svg .unsure { fill: var(--unsure); }
`;

/** @returns the whole file */
export function reportPage({ topology, atMs, fields, models = [] }: ReportPage): string {
  const name = escaped(topology);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift of ${name}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Drift of ${name}</h1>
<p>Made ${formatIsoTime(atMs)}. n is the rows of the reference, m those of the window. Scores are population stability indices in nats; a window drifts when its score reaches its threshold.</p>
${summary(fields)}
${fields.map((field, i) => section(field, i)).join("\n")}
${models.map(modelSection).join("\n")}
</main>
</body>
</html>
`;
}

function summary(fields: readonly FieldReport[]): string {
  const rows = fields.map(({ monitor, field, last }, i) => {
    const link = `<a href="#field-${i}">${escaped(monitor)} / ${escaped(field)}</a>`;
    return `<tr><td>${link}</td>${verdictCells(last)}</tr>`;
  });
  return table("The last verdict on each field", ["field", ...verdictHeads], rows);
}

function section(report: FieldReport, index: number): string {
  const { monitor, field, cells, n, m, verdicts, isSensitive } = report;
  const spread =
    cells.length === 0
      ? "<p>The counts of this window, or its baseline, are not on the topics.</p>"
      : `<h3>Reference (n = ${n}) against window (m = ${m})</h3>
${histogram(report)}
${cellTable(report)}`;
  const shown = verdicts.slice(-verdictsShown).reverse();
  const rows = shown.map((verdict) => `<tr><td>${formatIsoTime(verdict.fromMs)}</td>${verdictCells(verdict)}</tr>`);
  const caption = `The last ${shown.length} of ${verdicts.length} verdicts, the latest first`;
  return `<section id="field-${index}">
<h2>${escaped(monitor)} / ${escaped(field)}</h2>
<p>${sentence(report)}${isSensitive ? " The field is sensitive: cells have numbers and no names." : ""}</p>
${spread}
<h3>Score over time</h3>
${verdicts.length === 0 ? "" : scoreChart(report)}
${table(caption, ["window", ...verdictHeads], rows)}
</section>`;
}

/** How good a model was, window by window, beside what it was when it was validated. */
function modelSection({ monitor, field, isEstimated, verdicts }: ModelReport): string {
  const shown = verdicts.slice(-verdictsShown).reverse();
  const rows = shown.map((verdict) => {
    const { fromMs, baseline, value = Number.NaN, reference = Number.NaN } = verdict;
    const cells = `<td>${formatIsoTime(fromMs)}</td><td>${escaped(baseline || "-")}</td>`;
    return `<tr>${cells}${numberCells([fixed(value), fixed(reference)])}${verdictCells(verdict)}</tr>`;
  });
  const heads = ["window", "version", "value", "reference", ...verdictHeads];
  const how = isEstimated
    ? "Estimated before labels are there, by the calibration of each version: it sees that a model is given other inputs, and not that inputs mean something else."
    : "Measured by labels.";
  return `<section>
<h2>${escaped(monitor)} / ${escaped(field)}</h2>
<p>${how} A score is by how much the value is worse than the reference.</p>
${table(`The last ${shown.length} of ${verdicts.length} verdicts, the latest first`, heads, rows)}
</section>`;
}

/** What the last verdict says, in words. */
function sentence({ last }: FieldReport): string {
  if (last === undefined) return "No window was judged yet.";
  const { kind, reason, fromMs, toMs, score, threshold, n, m, season, baseline, cause } = last;
  const window = `The window ${formatIsoTime(fromMs)} to ${formatIsoTime(toMs)} (m = ${m})`;
  const why = reason === undefined ? "" : ` (${escaped(reason)})`;
  if (Number.isNaN(score)) return `${window}: <span class="${kind}">${kind}</span>${why}.`;
  const by = `baseline ${escaped(baseline)} (n = ${n}${season === "none" ? "" : `, ${season}`})`;
  const because = cause === undefined ? "" : ` The cause is taken to be: ${escaped(cause)}.`;
  return `${window}: <span class="${kind}">${kind}</span>${why}, score ${fixed(score)} against a threshold of ${fixed(threshold)} by ${by}.${because}`;
}

const verdictHeads = ["verdict", "score", "threshold", "n", "m", "cause"];

function verdictCells(verdict: VerdictRecord | undefined): string {
  if (verdict === undefined) return `<td class="NONE">NONE</td>${numberCells(["-", "-", "-", "-"])}<td>-</td>`;
  const { kind, reason, score, threshold, n, m, cause } = verdict;
  const why = reason === undefined ? "" : ` (${escaped(reason)})`;
  const numbers = [fixed(score), fixed(threshold), n === 0 ? "-" : String(n), String(m)];
  return `<td class="${kind}">${kind}${why}</td>${numberCells(numbers)}<td>${escaped(cause ?? "-")}</td>`;
}

function numberCells(texts: readonly string[]): string {
  return texts.map((text) => `<td class="number">${text}</td>`).join("");
}

function cellTable({ cells, n, m }: FieldReport): string {
  const rows = cells.map(({ name, reference, current }) => {
    const numbers = [String(reference), percent(reference, n), String(current), percent(current, m)];
    return `<tr><td>${escaped(name)}</td>${numberCells(numbers)}</tr>`;
  });
  const heads = ["cell", "reference rows", "share", "window rows", "share"];
  return table(`Rows per cell: n = ${n}, m = ${m}`, heads, rows);
}

function table(caption: string, heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join("");
  return `<div class="wide"><table>
<caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table></div>`;
}
