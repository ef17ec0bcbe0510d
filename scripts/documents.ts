/**
 * Documents that run: command lines in fences must name commands, flags and files that exist, offline commands are
 * executed, topologies are planned, JSON is parsed, and links lead somewhere.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { nodeHasher } from "../src/adapters/node/index.ts";
import { commands, groups } from "../src/app/cli/commands.ts";
import { sampleGenerators } from "../src/testing/index.ts";
import { formatProblem, planTopology } from "../src/topology/index.ts";
import { commandLines, commandProblem } from "./command-lines.ts";

const shellLanguages = ["sh", "bash", "shell", "console"];
interface Fence {
  readonly language: string;
  /** The file that the reader is to save it as, where the fence names one behind its language. */
  readonly file: string;
  /** Line of its first line of text, from 1. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** Every document of the repository that people read, relative to its root. */
export function documentFiles(root: string): readonly string[] {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((name) => join("docs", name));
  return ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...docs]
    .filter((name) => name.endsWith(".md") && existsSync(join(root, name)))
    .sort();
}

/**
 * What is wrong with a document, as `FILE:LINE: message`. The working directory must be `root`: files in command
 * lines and links are looked up there.
 */
export async function documentProblems(root: string, file: string, text: string): Promise<readonly string[]> {
  const { fences, prose } = partsOf(text);
  const found: Finding[] = [];
  for (const fence of fences) found.push(...(await fenceFindings(root, fence, fences)));
  for (const [index, line] of prose.entries()) {
    const problems = [...linkProblems(root, file, text, line), ...inlineProblems(line)];
    found.push(...problems.map((message) => ({ line: index + 1, message })));
  }
  return found.sort((a, b) => a.line - b.line).map(({ line, message }) => `${file}:${line}: ${message}`);
}

interface Finding {
  readonly line: number;
  readonly message: string;
}

async function fenceFindings(root: string, fence: Fence, all: readonly Fence[]): Promise<readonly Finding[]> {
  const whole = (messages: readonly string[]): Finding[] => messages.map((message) => ({ line: fence.line, message }));
  if (fence.language === "json") return whole(jsonProblems(fence));
  if (fence.language === "yaml")
    return fence.lines.includes("kind: Topology") ? whole(topologyProblems(root, fence, all)) : [];
  if (!shellLanguages.includes(fence.language)) return [];
  const found: Finding[] = [];
  const made = new Set(all.map(({ file }) => file));
  for (const { line, words } of commandLines(fence.lines, fence.line)) {
    const problem = await commandProblem(root, words, made);
    if (problem !== undefined) found.push({ line, message: `\`${words.join(" ")}\`: ${problem}` });
  }
  return found;
}

/** Commands that the text names between backticks. */
function inlineProblems(line: string): readonly string[] {
  return [...line.matchAll(/`(?:bin\/)?millrace ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?[^`]*`/g)]
    .map(([, first = "", second]) =>
      groups[first] === undefined || second === undefined ? first : `${first} ${second}`,
    )
    .filter((name) => groups[name] === undefined && !commands.some((entry) => entry.name === name))
    .map((name) => `millrace has no command ${name}`);
}

/** Fences, and the lines outside them (a line inside one is empty there). */
function partsOf(text: string): { readonly fences: readonly Fence[]; readonly prose: readonly string[] } {
  const fences: Fence[] = [];
  const prose: string[] = [];
  let open: { language: string; file: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const mark = /^\s*```\s*(\S*)\s*(\S*)/.exec(line);
    if (open !== undefined && mark !== null) {
      fences.push(open);
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (mark !== null) open = { language: mark[1] ?? "", file: mark[2] ?? "", line: index + 2, lines: [] };
    prose.push(open === undefined && mark === null ? line : "");
  }
  return { fences, prose };
}

function jsonProblems(fence: Fence): string[] {
  try {
    JSON.parse(fence.lines.join("\n"));
    return [];
  } catch {
    return ["this is not JSON"];
  }
}

/** @param all fences of the document; the schemas that it has its reader save stand beside those of the repository */
function topologyProblems(root: string, fence: Fence, all: readonly Fence[]): readonly string[] {
  const folder = join(root, "schemas");
  const schemas = readdirSync(folder).map(
    (name) => [name.replace(/\.avsc$/, ""), readFileSync(join(folder, name), "utf8")] as const,
  );
  for (const { file, lines } of all)
    if (file.endsWith(".avsc")) schemas.push([basename(file, ".avsc"), lines.join("\n")]);
  const { problems } = planTopology({
    text: fence.lines.join("\n"),
    file: "topology",
    environment: {},
    schemas: new Map(schemas),
    generators: sampleGenerators.map((generator) => generator.name),
    hasher: nodeHasher,
  });
  return problems.map(formatProblem);
}

function linkProblems(root: string, file: string, text: string, line: string): readonly string[] {
  const plain = line.replaceAll(/`[^`]*`/g, "``");
  return [...plain.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(
    ([, target = ""]) => linkProblem(root, file, text, target) ?? [],
  );
}

function linkProblem(root: string, file: string, text: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = "", anchor] = target.split("#");
  const absolute = path === "" ? join(root, file) : join(root, dirname(file), path);
  if (path !== "" && !existsSync(absolute))
    return `the link ${target} leads nowhere: there is no ${relative(root, absolute)}`;
  if (anchor === undefined || !absolute.endsWith(".md")) return undefined;
  const linked = path === "" ? text : readFileSync(absolute, "utf8");
  return anchorsOf(linked).includes(anchor) ? undefined : `the link ${target} leads nowhere: no such heading`;
}

/** The anchors of a document's headings, as code hosts make them. */
function anchorsOf(text: string): readonly string[] {
  return partsOf(text).prose.flatMap((line) => {
    const title = /^#+ (.*)$/.exec(line)?.[1];
    return title === undefined
      ? []
      : [
          title
            .toLowerCase()
            .replaceAll(/[^\w\- ]/g, "")
            .trim()
            .replaceAll(" ", "-"),
        ];
  });
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, "..");
  process.chdir(root);
  const files = documentFiles(root);
  const problems: string[] = [];
  for (const file of files)
    problems.push(...(await documentProblems(root, file, readFileSync(join(root, file), "utf8"))));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.stdout.write(`${files.length} documents, ${problems.length} problems\n`);
  if (problems.length > 0) process.exitCode = 1;
}
