import { usageError } from "./exit.ts";

/** How a command prints what it found: for people, as one JSON array, or a JSON object a line. */
export type OutputForm = "table" | "json" | "jsonl";

const forms: readonly OutputForm[] = ["table", "json", "jsonl"];

/** @throws ExitError 64 for anything but `table`, `json` and `jsonl` */
export function outputForm(value: unknown): OutputForm {
  const form = forms.find((known) => known === value);
  if (form === undefined) throw usageError(`--output: ${JSON.stringify(value)} is none of ${forms.join(", ")}`);
  return form;
}

/** A column of a table: its heading, and what it shows of a row. */
export interface Column<Row> {
  readonly heading: string;
  readonly show: (row: Row) => string | number;
}

/** The text of all rows, with a line feed at its end; of no rows, in a table, the headings alone. */
export function printedRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], form: OutputForm): string {
  if (form === "json") return `${JSON.stringify(rows, undefined, 2)}\n`;
  if (form === "jsonl") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ show }) => String(show(row)))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const isNumber = columns.map(({ show }) => rows.length > 0 && rows.every((row) => typeof show(row) === "number"));
  const cell = (text: string, i: number): string =>
    isNumber[i] === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0);
  return lines.map((line) => `${line.map(cell).join("  ").trimEnd()}\n`).join("");
}
