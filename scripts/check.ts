/**
 * What CI runs first: one line per step, and at the end the output of those that failed. Needs no Kafka.
 *
 * `--static` leaves out the unit tests, for CI, which runs them with the other lanes.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly static: boolean;
}

const root = join(import.meta.dirname, "..");
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const script = (name: string, ...args: string[]): [string, ...string[]] => [bin("tsx"), join("scripts", name), ...args];

const steps: readonly Step[] = [
  { name: "format and lint", command: [bin("biome"), "ci", "--error-on-warnings", "."], static: true },
  { name: "types", command: [bin("tsc"), "-p", "tsconfig.json"], static: true },
  { name: "import order and borders", command: script("structure.ts"), static: true },
  { name: "sizes and contract suites", command: script("proportions.ts"), static: true },
  { name: "dead code", command: [bin("knip")], static: true },
  { name: "generated reference", command: script("reference.ts", "--check"), static: true },
  { name: "documents", command: script("documents.ts"), static: true },
  { name: "compose file", command: [bin("dclint"), "docker-compose.yml"], static: true },
  { name: "build and start", command: script("build-start.ts"), static: true },
  { name: "unit tests", command: script("test.ts", "--project", "unit"), static: false },
];

const staticOnly = process.argv.includes("--static");
const failed: string[] = [];
for (const step of steps) {
  if (staticOnly && !step.static) continue;
  const [command, ...args] = step.command;
  const began = performance.now();
  const run = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const ok = run.status === 0;
  const lastLine = run.stdout?.trim().split("\n").at(-1) ?? "";
  process.stdout.write(
    `${ok ? "ok    " : "FAILED"} ${step.name} (${seconds} s)${step.static ? "" : `: ${lastLine}`}\n`,
  );
  if (!ok) {
    failed.push(
      `${step.name}:\n${run.stdout ?? ""}${run.stderr ?? ""}${run.error === undefined ? "" : String(run.error)}\n`,
    );
  }
}
process.stdout.write(failed.join(""));
process.exitCode = failed.length === 0 ? 0 : 1;
