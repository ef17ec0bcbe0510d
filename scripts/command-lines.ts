/** Checks the command lines of documents: programs, scripts, commands, flags, files; offline commands are executed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Command, type Option } from "commander";
import { commands, groups } from "../src/app/cli/commands.ts";
import { runCommandLine } from "../src/app/main.ts";

/** Programs that documents may name and that nobody here can check. */
const programsElsewhere = ["cd", "cat", "curl", "docker", "echo", "git", "grep", "kcat", "node", "python3", "wc"];
/** Where documents have Python install what they need. */
const pythonFolder = ".millrace/python/bin/";
/** Commands that need no cluster and end by themselves. */
const offlineCommands = ["validate", "plan", "graph", "test"];

export interface CommandLine {
  readonly line: number;
  readonly words: readonly string[];
}

/** Simple commands of a shell fence that begins at line `lineFirst`: comments, prompts, pipes and variables in front are taken off. */
export function commandLines(lines: readonly string[], lineFirst: number): readonly CommandLine[] {
  const whole = lines.join("\n").replaceAll(/\\\n\s*/g, " ");
  return whole.split("\n").flatMap((text, index) =>
    text
      .replace(/^\$ /, "")
      .replace(/(^|\s)#.*$/, "")
      .split(/&&|\||;/)
      .map((part) => wordsOf(part))
      .filter((words) => words.length > 0)
      .map((words) => ({ line: lineFirst + index, words })),
  );
}

function wordsOf(text: string): readonly string[] {
  const words = [...text.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );
  const program = words.findIndex((word) => !/^\w+=/.test(word) && word !== "export");
  return program < 0 ? [] : words.slice(program).filter((word, i, all) => word !== ">" && all[i - 1] !== ">");
}

/**
 * What is wrong with a command line; undefined when nothing is. Offline commands are executed in the working directory.
 *
 * @param made files that the document has its reader save
 */
export async function commandProblem(
  root: string,
  words: readonly string[],
  made: ReadonlySet<string> = new Set(),
): Promise<string | undefined> {
  const [program = "", ...args] = words;
  if (program === "npm") return npmProblem(root, args);
  if (program === "npx" && args[0] === "millrace") return millraceProblem(root, args.slice(1), made);
  if (["millrace", "bin/millrace"].includes(program)) return millraceProblem(root, args, made);
  if (program.startsWith(pythonFolder)) return undefined;
  return programsElsewhere.includes(program) ? undefined : `nobody knows the program ${program}`;
}

function npmProblem(root: string, [verb = "", script = ""]: readonly string[]): string | undefined {
  if (["ci", "install", "pack"].includes(verb)) return undefined;
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
  const name = verb === "test" ? "test" : script;
  if (verb !== "run" && verb !== "test") return `npm ${verb} is not used here`;
  return Object.hasOwn(scripts, name) ? undefined : `package.json has no script ${name}`;
}

async function millraceProblem(
  root: string,
  args: readonly string[],
  made: ReadonlySet<string>,
): Promise<string | undefined> {
  const [first = ""] = args;
  const name = groups[first] === undefined ? first : args.slice(0, 2).join(" ");
  const rest = args.slice(name.split(" ").length);
  if (["--version", "--help", "-V", "-h"].includes(name)) return undefined;
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry === undefined) return `millrace has no command ${name}`;
  const command = (await entry.load()).command.configure(new Command(name));
  const given = givenTo(command, rest);
  if (given.unknown !== undefined) return `millrace ${name} has no flag ${given.unknown}`;
  const wanted = command.registeredArguments;
  if (given.words.length < wanted.filter((argument) => argument.required).length) return "an argument is missing";
  const isFile = (_: string, i: number): boolean => (wanted[i] ?? wanted.at(-1))?.name().startsWith("file") === true;
  const files = [...given.words.filter(isFile), ...given.topologies];
  const missing = files.find((path) => !made.has(path) && !existsSync(join(root, path)));
  if (missing !== undefined) return `there is no file ${missing}`;
  if (!offlineCommands.includes(name) || args.includes("--brokers")) return undefined;
  // What the reader has saved is executed where the document's own test saves it.
  if (files.some((path) => made.has(path))) return undefined;
  return executionProblem(args);
}

interface Given {
  /** Arguments that are no flags. */
  readonly words: readonly string[];
  /** Values of flags that take a topology file. */
  readonly topologies: readonly string[];
  /** The first flag that the command does not have. */
  readonly unknown: string | undefined;
}

function givenTo(command: Command, args: readonly string[]): Given {
  const words: string[] = [];
  const topologies: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (word === "-" || !word.startsWith("-")) {
      words.push(word);
      continue;
    }
    const option = optionNamed(command, word);
    if (option === undefined) return { words, topologies, unknown: word };
    if (!option.required) continue;
    const value = word.includes("=") ? word.slice(word.indexOf("=") + 1) : (args[++i] ?? "");
    if (option.flags.includes("<topology>")) topologies.push(value);
  }
  return { words, topologies, unknown: undefined };
}

function optionNamed(command: Command, word: string): Option | undefined {
  const flag = word.split("=")[0];
  return command.options.find((option) => option.long === flag || option.short === flag);
}

async function executionProblem(args: readonly string[]): Promise<string | undefined> {
  let said = "";
  const code = await runCommandLine(args, {
    environment: {},
    stdout: (text) => {
      said = text;
    },
    stderr: (text) => {
      said = text;
    },
    stdin: Readable.from([]),
    isTerminal: false,
    stop: new AbortController().signal,
  });
  return code === 0 ? undefined : `it ended with ${code}: ${said.trim()}`;
}
