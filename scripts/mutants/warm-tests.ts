/**
 * A process that keeps a test runner warm: asked over IPC to run test files after one source file has changed, it
 * answers whether they passed. Files that did not change are not transformed again, which is most of what a run costs.
 * It may hang with what it runs; whoever started it ends its process group.
 */
import { createVitest, type TestModule } from "vitest/node";

export interface WarmRequest {
  /** Paths of test files, in the order in which they are to be tried. */
  readonly tests: readonly string[];
  /** Paths of the files that changed since the last run. */
  readonly changed: readonly string[];
}

/** A test file that ended, which shows that the run goes on, or the run's end, with a file that failed if one did. */
export type WarmAnswer = { readonly ended: string } | { readonly failed: string | null };

const root = process.argv[2];
if (root === undefined || process.send === undefined) throw new Error("to be forked with the root of a work tree");
process.chdir(root);
let firstFailed: string | undefined;
let passedCount = 0;

const vitest = await createVitest("test", {
  root,
  watch: false,
  bail: 1,
  // The tests of a run share their modules, which halves its time; each run has its own.
  isolate: false,
  project: ["unit"],
  reporters: [{ onTestModuleEnd: ended }],
  // The order of a request is kept: the nearest test is the likeliest to fail.
  sequence: {
    sequencer: class {
      sort = async <T>(files: T): Promise<T> => files;
      shard = this.sort;
    },
  },
});
await vitest.standalone();
process.on("message", (request: WarmRequest) => void run(request));
process.on("disconnect", () => process.exit());
process.send("ready");

async function run({ tests, changed }: WarmRequest): Promise<void> {
  for (const file of changed) vitest.invalidateFile(file);
  const all = await vitest.globTestSpecifications();
  const specifications = tests.flatMap((test) => all.filter(({ moduleId }) => moduleId === test));
  let failed: string | undefined;
  // The failure that ended the run before may cut short the one after it: what did not pass is no verdict yet.
  for (let attempt = 1; attempt <= 2 && failed === undefined; attempt++) {
    [firstFailed, passedCount] = [undefined, 0];
    const { unhandledErrors } = await vitest.runTestSpecifications(specifications);
    failed = firstFailed ?? (unhandledErrors.length > 0 ? "an error outside of every test" : undefined);
    if (passedCount === specifications.length) break;
  }
  say({ failed: failed ?? null });
}

// What a run answers of its modules holds those of earlier runs too.
function ended(module: TestModule): void {
  if (!module.ok()) firstFailed ??= module.moduleId;
  else if (module.state() === "passed") passedCount++;
  say({ ended: module.moduleId });
}

function say(answer: WarmAnswer): void {
  process.send?.(answer);
}
