import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { cruise, sourceFileCount } from "../../../scripts/structure.ts";

const root = join(import.meta.dirname, "../../..");
const folders = JSON.parse(readFileSync(join(root, "architecture/folders.json"), "utf8")) as string[];

/** Files of a tree that breaks one rule, and the rule that must name it. */
interface BadTree {
  readonly rule: string;
  readonly files: Readonly<Record<string, string>>;
}

const neighbour = "export const neighbour = 1;\nexport type Neighbour = number;\n";

const structureRules: readonly BadTree[] = [
  ...folders.slice(0, -1).map((folder, i) => ({
    rule: `order-${folder}`,
    files: {
      [`src/${folder}/bad.ts`]: `import { neighbour } from "../${folders[i + 1]}/index.ts";\nexport const bad = neighbour;\n`,
      [`src/${folders[i + 1]}/index.ts`]: neighbour,
    },
  })),
  {
    rule: "order-kernel",
    files: {
      "src/kernel/bad.ts": 'export type Bad = import("../wire/index.ts").Neighbour;\n',
      "src/wire/index.ts": neighbour,
    },
  },
  {
    rule: "known-folder",
    files: { "src/misc/bad.ts": 'export { neighbour } from "./other.ts";\n', "src/misc/other.ts": neighbour },
  },
  {
    rule: "through-index",
    files: { "src/wire/bad.ts": 'export { neighbour } from "../kernel/deep.ts";\n', "src/kernel/deep.ts": neighbour },
  },
  {
    rule: "own-index",
    files: {
      "src/kernel/bad.ts": 'import type { Neighbour } from "./index.ts";\nexport type Bad = Neighbour;\n',
      "src/kernel/index.ts": neighbour,
    },
  },
  {
    rule: "own-index",
    files: {
      "src/step/clean/bad.ts": 'import type { Neighbour } from "../index.ts";\nexport type Bad = Neighbour;\n',
      "src/step/index.ts": neighbour,
    },
  },
  {
    rule: "stay-in-src",
    files: { "src/kernel/bad.ts": 'export { neighbour } from "../../elsewhere.ts";\n', "elsewhere.ts": neighbour },
  },
  {
    rule: "adapter-apart",
    files: {
      "src/adapters/memory/bad.ts": 'export { neighbour } from "../pino/index.ts";\n',
      "src/adapters/pino/index.ts": neighbour,
    },
  },
  {
    rule: "step-apart",
    files: {
      "src/step/clean/bad.ts": 'export { neighbour } from "./other.ts";\n',
      "src/step/clean/other.ts": neighbour,
    },
  },
  ...["reads: yaml plan", "reads: spec planner", "plans: plan changes", "apart: planner changes"].map((broken) => {
    const [rule, from, to] = broken.split(/:? /);
    return {
      rule: `topology-${rule}`,
      files: {
        [`src/topology/${from}/bad.ts`]: `export { neighbour } from "../${to}/other.ts";\n`,
        [`src/topology/${to}/other.ts`]: neighbour,
      },
    };
  }),
  { rule: "pure-no-builtins", files: { "src/kernel/bad.ts": 'export { join } from "node:path";\n' } },
  {
    rule: "pure-packages",
    files: {
      "package.json": '{ "name": "bad", "type": "module", "dependencies": { "pino": "1.0.0" } }\n',
      "src/kernel/bad.ts": 'import { pino } from "pino";\nexport const bad = pino;\n',
    },
  },
  {
    rule: "no-circular",
    files: {
      "src/kernel/bad.ts": 'import { b } from "./worse.ts";\nexport const a = () => b;\n',
      "src/kernel/worse.ts": 'import { a } from "./bad.ts";\nexport const b = () => a;\n',
    },
  },
  { rule: "not-resolvable", files: { "src/kernel/bad.ts": 'export { gone } from "./gone.ts";\n' } },
  {
    rule: "no-dev-in-src",
    files: {
      "package.json": '{ "name": "bad", "type": "module", "devDependencies": { "vitest": "1.0.0" } }\n',
      "src/app/bad.ts": 'import { test } from "vitest";\nexport const bad = test;\n',
    },
  },
];

/** Lines of code that the linter must refuse inside a pure folder. */
const impureLines = [
  "export const bad = process.pid;",
  "export const bad = (): void => console.log(1);",
  "export const bad = setTimeout;",
  "export const bad = setInterval;",
  "export const bad = setImmediate;",
  "export const bad = performance.now();",
  'export const bad = fetch("x");',
  "export const bad = crypto.randomUUID();",
  "export const bad = Date.now();",
  "export const bad = new Date();",
  "export const bad = Math.random();",
  "export const bad = globalThis.Math.random();",
];

interface LintReport {
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: string } }[];
}

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function treeOf(files: Readonly<Record<string, string>>): string {
  const tree = mkdtempSync(join(tmpdir(), "millrace-structure-"));
  made.push(tree);
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  for (const [name, text] of Object.entries({ "package.json": '{ "name": "bad", "type": "module" }\n', ...files })) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }
  return tree;
}

describe("the structure check", () => {
  test("the folders of src are those of the order, no more and no fewer", () => {
    expect(readdirSync(join(root, "src")).sort()).toEqual([...folders].sort());
  });

  test("ARCHITECTURE.md names the folders in the order that the check reads", () => {
    const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    const rows = [...text.matchAll(/^\| \d+ \| `(\w+)`/gm)].map((match) => match[1]);
    expect(rows).toEqual(folders);
  });

  test("sees every source file of the repository and finds nothing", () => {
    const report = cruise(root, join(root, ".dependency-cruiser.cjs"));
    expect(report.violations).toEqual([]);
    expect(report.moduleCount).toBeGreaterThanOrEqual(sourceFileCount(join(root, "src")));
  });

  test.each(structureRules)("fails with $rule on a tree that breaks it", ({ rule, files }) => {
    const report = cruise(treeOf(files), join(root, ".dependency-cruiser.cjs"));
    expect(report.violations.map((line) => line.split(":")[0])).toContain(rule);
  });

  test("has a bad tree for each of its rules", () => {
    const config = readFileSync(join(root, ".dependency-cruiser.cjs"), "utf8");
    const fixed = [...config.matchAll(/rule\(\s*"([\w-]+)"/g)].map((match) => match[1]);
    const named = [...fixed, ...folders.slice(0, -1).map((folder) => `order-${folder}`)];
    expect([...new Set(structureRules.map((bad) => bad.rule))].sort()).toEqual(named.sort());
  });
});

describe("the purity check", () => {
  test("refuses each line that reaches for the world from a pure folder", () => {
    const config = JSON.parse(readFileSync(join(root, "biome.json"), "utf8")) as Record<string, unknown>;
    delete config["vcs"];
    delete config["$schema"];
    const files = Object.fromEntries(impureLines.map((code, i) => [`src/kernel/bad-${i}.ts`, `${code}\n`]));
    const tree = treeOf({ ...files, "biome.json": JSON.stringify(config) });
    const run = spawnSync(
      join(root, "node_modules/.bin/biome"),
      ["lint", "--reporter=json", "--max-diagnostics=none", "src"],
      { cwd: tree, encoding: "utf8" },
    );
    const { diagnostics } = JSON.parse(run.stdout.slice(0, run.stdout.lastIndexOf("}") + 1)) as LintReport;
    const refused = new Set(
      diagnostics
        .filter((d) => /noRestrictedGlobals|noJsRestrictedProperties/.test(d.category))
        .map((d) => d.location.path),
    );
    expect(Object.keys(files).filter((file) => !refused.has(file))).toEqual([]);
  });
});
