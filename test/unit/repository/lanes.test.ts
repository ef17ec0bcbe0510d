import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");
const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs `scripts/test.ts` over one test file of its own. */
function runLanes(
  source: string,
  environment: Readonly<Record<string, string>>,
): { code: number | null; lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-lanes-"));
  made.push(folder);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "name": "lanes", "type": "module" }\n');
  writeFileSync(join(folder, "vitest.config.ts"), "export default { test: {} };\n");
  writeFileSync(join(folder, "one.test.ts"), `import { test } from "vitest";\n${source}\n`);
  const run = spawnSync(
    join(root, "node_modules/.bin/tsx"),
    [join(root, "scripts/test.ts"), "--root", folder, "--config", join(folder, "vitest.config.ts")],
    { encoding: "utf8", env: { PATH: process.env["PATH"] ?? "", ...environment } },
  );
  return { code: run.status, lines: run.stdout.trim().split("\n") };
}

const passing = 'test("a", () => {});';
const skipping = 'test.skip("b", () => {});';
const failing = 'test("c", () => { throw new Error("c"); });';

describe("the test script", () => {
  test("ends with the counts, and with 0 when all passed", () => {
    const { code, lines } = runLanes(passing, {});
    expect(lines.at(-1)).toBe("1 passed, 0 failed, 0 skipped");
    expect(code).toBe(0);
  });

  test("names and counts what was skipped", () => {
    const { code, lines } = runLanes(`${passing}${skipping}`, {});
    expect(lines).toContain("SKIPPED b");
    expect(lines.at(-1)).toBe("1 passed, 0 failed, 1 skipped");
    expect(code).toBe(0);
  });

  test("counts a skipped test as failed under CI=true", () => {
    const { code, lines } = runLanes(`${passing}${skipping}`, { CI: "true" });
    expect(lines.at(-1)).toBe("1 passed, 1 failed, 0 skipped");
    expect(code).toBe(1);
  });

  test.each([
    ["a test fails", `${passing}${failing}`, "1 passed, 1 failed, 0 skipped"],
    ["a file does not load", 'throw new Error("before any test");', "0 passed, 1 failed, 0 skipped"],
    ["nothing ran", "", "0 passed, 1 failed, 0 skipped"],
  ])("fails when %s", (_, source, last) => {
    const { code, lines } = runLanes(source, {});
    expect(lines.at(-1)).toBe(last);
    expect(code).toBe(1);
  });
});
