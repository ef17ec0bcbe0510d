/**
 * Breaks the source in small ways, one at a time, and says which breaks no test notices.
 *
 *     npm run mutants -- --seed 7 --count 100 [--under src/wire] [--no-lane] [--list]
 *
 * Mutations are drawn evenly over the files of `src/` by the seed, in a copy of the work tree, so that the tree itself
 * is never changed. A mutant first meets the unit tests that reach its file by imports and lie in a folder of its
 * folder's name, or are among the twelve nearest, then all others of the unit lane; with `--no-lane` the verdict of the
 * near ones is the last, so that the share that survives is an upper bound. A mutant with which no test file ends for
 * `hungMs` counts as killed. Mutants that cannot be told from the program, listed with the reason in `equivalent.json`,
 * are left out of the share.
 *
 * One process keeps the test runner warm: a cold start that follows the imports of every test file costs more than the
 * tests that kill most mutants.
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
import { nearestTests, nearTests } from "./mutants/nearest-tests.ts";
import { WarmRunner } from "./mutants/warm-runner.ts";

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

/** Without a test file that ended for so long a mutant hangs. A test has 20 s, and the machine may be busy. */
const hungMs = 90_000;
const root = join(import.meta.dirname, "..");
const { values: flags } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10" },
    under: { type: "string", default: "src" },
    "no-lane": { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

const drawn = draw(Number(flags.seed), Number(flags.count), flags.under);
if (drawn.length === 0) throw new Error(`no mutation found under ${flags.under}`);
if (flags.list) {
  for (const each of drawn) process.stdout.write(`${describe(each)}\n`);
} else {
  process.exitCode = await run(drawn);
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

async function run(mutants: readonly Drawn[]): Promise<number> {
  const equivalents = JSON.parse(
    readFileSync(join(import.meta.dirname, "mutants/equivalent.json"), "utf8"),
  ) as readonly Equivalent[];
  const copy = copyTree();
  const runner = new WarmRunner(copy, hungMs);
  const counts = { killed: 0, survived: 0, equivalent: 0 };
  try {
    const tests = unitTests();
    if (!flags["no-lane"]) {
      const failed = await runner.run(tests.all);
      if (failed !== undefined) throw new Error(`the unit lane fails without a mutant: ${failed}`);
    }
    for (const [index, each] of mutants.entries()) {
      const isEquivalent = equivalents.some((known) => isSame(known, each));
      const killer = isEquivalent ? undefined : await killerOf(copy, runner, tests, each);
      const fate = isEquivalent ? "equivalent" : killer === undefined ? "survived" : "killed";
      counts[fate]++;
      const by = killer === undefined ? "" : ` by ${killer}`;
      process.stdout.write(`${index + 1}/${mutants.length} ${fate} ${describe(each)}${by}\n`);
    }
  } finally {
    runner.end();
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

interface UnitTests {
  readonly all: readonly string[];
  /** Path -> text of every source and test file. */
  readonly texts: ReadonlyMap<string, string>;
}

function unitTests(): UnitTests {
  const paths = tracked().filter((path) => /^(src|test)\/.*\.ts$/.test(path));
  return {
    all: paths.filter(isUnitTest),
    texts: new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")])),
  };
}

function isUnitTest(path: string): boolean {
  return /^test\/unit\/.*\.test\.ts$/.test(path);
}

/** What notices a mutant: a test file, or that it hangs. Undefined when nothing does. */
async function killerOf(copy: string, runner: WarmRunner, tests: UnitTests, drawn: Drawn): Promise<string | undefined> {
  const { file, source, mutation } = drawn;
  const near = nearTests(nearestTests(tests.texts, file).filter(isUnitTest), file);
  const others = tests.all.filter((test) => !near.includes(test));
  const path = join(copy, file);
  writeFileSync(path, mutate(source, mutation));
  try {
    return (await runner.run(near, file)) ?? (flags["no-lane"] ? undefined : await runner.run(others, file));
  } finally {
    writeFileSync(path, source);
    runner.changed(file);
  }
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
