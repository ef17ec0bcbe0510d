/**
 * Writes `docs/reference/` from the code. With `--check` nothing is written, and a file that differs ends it with 1.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { commands } from "../src/app/cli/commands.ts";
import { runCommandLine } from "../src/app/main.ts";
import { errorCodes, type MetricDefinition, metrics } from "../src/kernel/index.ts";
import { sampleGenerators } from "../src/testing/index.ts";
import { topologyJsonSchema, topologyLanguage, topologyReference } from "../src/topology/index.ts";
import { expressionsPage } from "./expressions-page.ts";
import { code, notice, row } from "./markdown.ts";

/** Every page by its file name. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["topology.md", `${notice}\n\n${topologyReference(topologyLanguage)}\n${samplesText()}`],
    ["topology.schema.json", topologyJsonSchema(topologyLanguage)],
    ["expressions.md", expressionsPage()],
    ["errors.md", errorsPage()],
    ["commands.md", await commandsPage()],
    ["metrics.md", metricsPage()],
  ]);
}

/** File names that differ from their page, are missing, or are no page. */
export function staleFiles(pages: ReadonlyMap<string, string>, folder: string): readonly string[] {
  const onDisk = existsSync(folder) ? readdirSync(folder) : [];
  const stale = [...pages].filter(([name, text]) => {
    const path = join(folder, name);
    return !existsSync(path) || readFileSync(path, "utf8") !== text;
  });
  return [...stale.map(([name]) => name), ...onDisk.filter((name) => !pages.has(name))].sort();
}

function samplesText(): string {
  const rows = sampleGenerators.map(
    ({ name, summary, topics }) => `| \`${name}\` | ${summary} | ${topics.map((topic) => `\`${topic}\``).join(", ")} |`,
  );
  return [
    "## Stock generators",
    "",
    "What `sample.generator` can name. A generator feeds external topics of these names.",
    "",
    "| generator | what it makes | topics |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

const kinds = {
  record: ["Records", "One record could not be processed; it is in the dead letters, and the stage goes on."],
  config: ["Files, flags and arguments", "Something that was written is wrong; nothing ran."],
  warning: ["Warnings", "Odd but safe; the command went on."],
  operation: ["Operation", "The world did not do what was asked."],
} as const;

function errorsPage(): string {
  const parts = Object.entries(kinds).map(([kind, [title, about]]) => {
    const rows = Object.entries(errorCodes)
      .filter(([, entry]) => entry.kind === kind)
      .map(([name, entry]) => row([code(name), entry.meaning]));
    return [`## ${title}`, about, [row(["code", "meaning"]), "|---|---|", ...rows].join("\n")].join("\n\n");
  });
  return `${[
    notice,
    "# Codes",
    "Every error and warning carries one of these codes: in messages, in the header `millrace.code` of a dead letter, and in logs. The table is closed.",
    ...parts,
  ].join("\n\n")}\n`;
}

function metricsPage(): string {
  const rows = Object.entries<MetricDefinition>(metrics).map(([name, { type, labels, help }]) => {
    const own = name === "millrace_build_info" ? labels : ["topology", "stage", ...labels];
    return row([code(name), type, own.map(code).join(", "), help]);
  });
  return `${[
    notice,
    "# Metrics",
    "What `millrace run --http HOST:PORT` answers under `/metrics`, in Prometheus' text format. Records are counted when they are committed: `records_in` = `records_out` + `records_filtered` + `late_records` + `record_errors`. No label holds a key or a value of a record; a metric has at most 200 sets of label values, and the rest is counted under `_other`.",
    [row(["metric", "type", "labels", "what it says"]), "|---|---|---|---|", ...rows].join("\n"),
  ].join("\n\n")}\n`;
}

async function commandsPage(): Promise<string> {
  const parts: string[] = [];
  for (const { name } of commands)
    parts.push(`## ${name}`, `\`\`\`text\n${(await help(name.split(" "))).trimEnd()}\n\`\`\``);
  return `${[
    notice,
    "# Commands",
    "Data goes to standard output; progress, hints, warnings and logs go to standard error. A flag wins over its `MILLRACE_*` variable.",
    ["| exit code | meaning |", "|---|---|", ...exitCodeRows].join("\n"),
    `\`\`\`text\n${(await help([])).trimEnd()}\n\`\`\``,
    ...parts,
  ].join("\n\n")}\n`;
}

const exitCodeRows = [
  row(["0", "done"]),
  row(["1", "a check found something, or a failure that was handled and said"]),
  row(["64", "wrong command, flag or argument; `MR_UNSUPPORTED` for what this version does not have"]),
  row(["69", "broker or registry unreachable"]),
  row(["70", "a bug in Millrace"]),
  row(["75", "timed out or cut short; try again"]),
  row(["130", "ended by SIGINT"]),
];

async function help(names: readonly string[]): Promise<string> {
  let text = "";
  await runCommandLine([...names, "--help"], {
    environment: {},
    stdout: (part) => {
      text += part;
    },
    stderr: () => undefined,
    stdin: Readable.from([]),
    isTerminal: false,
    stop: new AbortController().signal,
  });
  return text;
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(import.meta.dirname, "../docs/reference");
  const pages = await referencePages();
  const stale = staleFiles(pages, folder);
  if (process.argv.includes("--check")) {
    for (const name of stale) process.stdout.write(`docs/reference/${name} is stale: run npm run reference\n`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    mkdirSync(folder, { recursive: true });
    for (const name of stale) {
      const text = pages.get(name);
      if (text === undefined) rmSync(join(folder, name), { recursive: true });
      else writeFileSync(join(folder, name), text);
    }
  }
  process.stdout.write(
    `${pages.size} pages, ${stale.length} of them ${process.argv.includes("--check") ? "stale" : "written"}\n`,
  );
}
