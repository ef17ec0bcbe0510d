/**
 * Checks the folder order, the borders between folders and the purity of the core.
 *
 * dependency-cruiser answers "no violations" when its parser is missing and it has seen nothing, so the
 * number of modules is asserted: at least as many as there are TypeScript files under `src/`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

export interface StructureReport {
  readonly moduleCount: number;
  /** `rule: from -> to`, sorted. */
  readonly violations: readonly string[];
}

interface CruiseResult {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/** Cruises `src/` under `root` with the repository's rules. Throws when the tool itself does not run. */
export function cruise(root: string, config: string): StructureReport {
  const bin = join(import.meta.dirname, "../node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const run = spawnSync(process.execPath, [bin, "src", "--config", config, "--output-type", "json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (!run.stdout.startsWith("{")) throw new Error(`running dependency-cruiser in ${root}: ${run.stderr}`);
  const { summary } = JSON.parse(run.stdout) as CruiseResult;
  return {
    moduleCount: summary.totalCruised,
    violations: summary.violations.map((v) => `${v.rule.name}: ${v.from} -> ${v.to}`).sort(),
  };
}

/** Number of TypeScript files under a folder. */
export function sourceFileCount(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts")).length;
}

if (process.argv[1] === import.meta.filename) {
  const root = execFileSync("git", ["rev-parse", "--show-toplevel"], { encoding: "utf8" }).trim();
  const report = cruise(root, join(root, ".dependency-cruiser.cjs"));
  const expected = sourceFileCount(join(root, "src"));
  for (const violation of report.violations) process.stderr.write(`${violation}\n`);
  process.stdout.write(
    `${report.moduleCount} modules for ${expected} source files, ${report.violations.length} violations\n`,
  );
  if (report.moduleCount < expected || expected === 0 || report.violations.length > 0) process.exitCode = 1;
}
