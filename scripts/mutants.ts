/**
 * Breaks the source in small ways, one at a time, and says which breaks no test notices.
 *
 *     npm run mutants -- --seed 7 --count 100 [--under src/wire] [--lane-timeout 600] [--no-lane]
 *
 * Mutations are drawn evenly over the files of `src/` by the seed, in a copy of the work tree, so that the tree itself
 * is never changed. A mutant first meets the tests that import its file, for 20 seconds at most, then the whole unit
 * lane; with `--no-lane` the verdict of those tests is the last, and running out of time counts as killed: quick, and a
 * figure that only says that the tool works. One that makes the lane hang counts as killed. Mutants that cannot be told from the program, listed with the
 * reason in `equivalent.json`, are left out of the share.
 *
 * Ends with `mutants N killed N survived N equivalent N (X %)`. Does not measure what the Kafka lane would notice.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRng } from "../src/kernel/index.ts";
import { findMutations, type Mutation, mutate } from "./mutants/find-mutations.ts";

interface Equivalent {
  readonly file: string;
  readonly line: string;
  readonly mutant: string;
  readonly why: string;
}

interface Drawn {
  readonly file: string;
  readonly source: string;
  readonly mutation: Mutation;
}

const relatedMs = 20_000;
const root = join(import.meta.dirname, "..");
const { values: flags } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10" },
    under: { type: "string", default: "src" },
    "lane-timeout": { type: "string", default: "600" },
    "no-lane": { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

const drawn = draw(Number(flags.seed), Number(flags.count), flags.under);
if (drawn.length === 0) throw new Error(`no mutation found under ${flags.under}`);
if (flags.list) {
  for (const each of drawn) process.stdout.write(`${describe(each)}\n`);
} else {
  process.exitCode = run(drawn);
}

/** Draws the file first and then the place, so that a long file has no more mutants than a short one. */
function draw(seed: number, count: number, under: string): readonly Drawn[] {
  const rng = seededRng(seed);
  const files = tracked().filter((file) => file.startsWith(under) && file.startsWith("src/") && file.endsWith(".ts"));
  const known = new Map<string, { source: string; mutations: Mutation[] }>();
  const picked: Drawn[] = [];
  for (let tries = 0; picked.length < count && tries < count * 20; tries++) {
    const file = files[rng.below(files.length)];
    if (file === undefined) break;
    const source = readFileSync(join(root, file), "utf8");
    const entry = known.get(file) ?? { source, mutations: [...findMutations(source)] };
    known.set(file, entry);
    const [mutation] = entry.mutations.splice(rng.below(Math.max(1, entry.mutations.length)), 1);
    if (mutation !== undefined) picked.push({ file, source: entry.source, mutation });
  }
  return picked;
}

function run(mutants: readonly Drawn[]): number {
  const equivalents = JSON.parse(
    readFileSync(join(import.meta.dirname, "mutants/equivalent.json"), "utf8"),
  ) as readonly Equivalent[];
  const copy = copyTree();
  const counts = { killed: 0, survived: 0, equivalent: 0 };
  try {
    if (!flags["no-lane"] && !passes(copy, [], Number(flags["lane-timeout"]) * 1_000))
      throw new Error("the unit lane fails without a mutant");
    for (const [index, each] of mutants.entries()) {
      const fate = equivalents.some((known) => isSame(known, each))
        ? "equivalent"
        : survives(copy, each)
          ? "survived"
          : "killed";
      counts[fate]++;
      process.stdout.write(`${index + 1}/${mutants.length} ${fate} ${describe(each)}\n`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  const judged = mutants.length - counts.equivalent;
  const share = judged === 0 ? 0 : (100 * counts.survived) / judged;
  process.stdout.write(
    `mutants ${mutants.length} killed ${counts.killed} survived ${counts.survived} equivalent ${counts.equivalent} (${share.toFixed(1)} %)\n`,
  );
  // Else a list of excuses would be the way to a good figure.
  if (counts.equivalent * 10 <= Math.max(10, mutants.length)) return 0;
  process.stderr.write(`${counts.equivalent} of ${mutants.length} are called equivalent, and a tenth is the most\n`);
  return 1;
}

function survives(copy: string, { file, source, mutation }: Drawn): boolean {
  const path = join(copy, file);
  writeFileSync(path, mutate(source, mutation));
  try {
    if (flags["no-lane"]) return passes(copy, ["related", file], relatedMs);
    return passes(copy, ["related", file], relatedMs, true) && passes(copy, [], Number(flags["lane-timeout"]) * 1_000);
  } finally {
    writeFileSync(path, source);
  }
}

/** Whether the tests pass. One that runs out of time counts as passed where a longer run follows. */
function passes(copy: string, args: readonly string[], timeoutMs: number, isShort = false): boolean {
  const [verb, ...rest] = args.length === 0 ? ["run"] : args;
  const vitest = join(copy, "node_modules/vitest/vitest.mjs");
  const command = [vitest, String(verb), ...rest, "--run", "--project", "unit", "--bail", "1", "--reporter", "dot"];
  const run = spawnSync(process.execPath, command, {
    cwd: copy,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    stdio: "ignore",
  });
  return run.status === 0 || (isShort && run.signal !== null);
}

function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), "millrace-mutants-"));
  for (const file of tracked()) cpSync(join(root, file), join(copy, file));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  // Some tests ask git for the root of the repository.
  spawnSync("git", ["init", "--quiet"], { cwd: copy });
  return copy;
}

function tracked(): readonly string[] {
  const run = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return run.stdout.split("\n").filter((file) => file !== "");
}

function isSame(known: Equivalent, { file, source, mutation }: Drawn): boolean {
  return known.file === file && known.line === lineOf(source, mutation) && known.mutant === mutation.text;
}

function describe({ file, source, mutation }: Drawn): string {
  const line = source.slice(0, mutation.from).split("\n").length;
  const was = source.slice(mutation.from, mutation.to).replace(/\s+/g, " ");
  return `${file}:${line} ${mutation.operator}: ${was} -> ${mutation.text.replace(/\s+/g, " ")}`;
}

/** The whole line that a mutation begins in, without its indentation: places move, lines stay. */
function lineOf(source: string, { from }: Mutation): string {
  const begin = source.lastIndexOf("\n", from - 1) + 1;
  const end = source.indexOf("\n", from);
  return source.slice(begin, end === -1 ? undefined : end).trim();
}
