import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { failureLines, verdict } from "../../../scripts/verdict.ts";
import { laneReport } from "../../faults/outcome.ts";

const root = join(import.meta.dirname, "../../..");
const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs `scripts/test.ts` over one test file of its own. */
function runLanes(
  source: string,
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): { code: number | null; lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-lanes-"));
  made.push(folder);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "name": "lanes", "type": "module" }\n');
  writeFileSync(join(folder, "vitest.config.ts"), "export default { test: {} };\n");
  writeFileSync(join(folder, "one.test.ts"), `import { test } from "vitest";\n${source}\n`);
  const run = spawnSync(
    join(root, "node_modules/.bin/tsx"),
    [join(root, "scripts/test.ts"), "--root", folder, "--config", join(folder, "vitest.config.ts"), ...args],
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
    ["a test fails", `${passing}${failing}`, "1 passed, 1 failed, 0 skipped", "FAILED one.test.ts > c"],
    [
      "a file does not load",
      'throw new Error("before any test");',
      "0 passed, 1 failed, 0 skipped",
      "FAILED one.test.ts",
    ],
    [
      "nobody catches an error",
      `${passing}void Promise.reject(new Error("lost"));`,
      "1 passed, 1 failed, 0 skipped",
      "FAILED an error that no test caught",
    ],
  ])("fails when %s, and says what and where above the counts", (_, source, last, what) => {
    const { code, lines } = runLanes(source, {});
    expect(lines.at(-1)).toBe(last);
    expect(code).toBe(1);
    const failed = lines.indexOf(what);
    const error = /Error\("(.*?)"/.exec(source)?.[1];
    expect(lines.slice(failed + 1, -1)).toEqual([`       ${error}`, "       at one.test.ts:2"]);
  });

  test("fails when nothing ran", () => {
    const { code, lines } = runLanes("", {});
    expect(lines.at(-1)).toBe("0 passed, 1 failed, 0 skipped");
    expect(code).toBe(1);
  });

  test("says what differs, and what a set-up that failed kept from running", () => {
    const source = [
      'import { beforeAll, describe, expect } from "vitest";',
      'test("c", () => expect({ a: 1, b: 2 }).toEqual({ a: 1, b: 3 }));',
      'describe("d", () => { beforeAll(() => { throw new Error("no d", { cause: new Error("no e") }); }); test("e", () => {}); });',
    ].join("\n");
    const folder = mkdtempSync(join(tmpdir(), "millrace-lanes-"));
    made.push(folder);
    const { lines } = runLanes(source, {}, "--report", join(folder, "deeper", "report.json"));
    expect(JSON.parse(readFileSync(join(folder, "deeper", "report.json"), "utf8"))).toMatchObject({
      passed: 0,
      failed: 2,
    });
    expect(lines.slice(lines.indexOf("FAILED one.test.ts > d"))).toEqual([
      "FAILED one.test.ts > d",
      "       no d",
      "       cause: no e",
      "       at one.test.ts:4",
      "FAILED one.test.ts > c",
      "       expected { a: 1, b: 2 } to deeply equal { a: 1, b: 3 }",
      '       -   "b": 3,',
      '       +   "b": 2,',
      "       at one.test.ts:3",
      "0 passed, 2 failed, 1 skipped",
    ]);
  });
});

/** The verdict on steps with what they left behind, by file name. */
function verdictOf(files: Readonly<Record<string, string>>, expected: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-lanes-"));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return verdict(folder, expected);
}

const passed = JSON.stringify({ passed: 3, failed: 0, skipped: 1, failures: [] });

describe("what CI says last", () => {
  test("is the sum of all lanes, below the seconds of each step", () => {
    const files = { steps: "check 0 20\nunit 0 90\nkafka 0 300\n", "unit.json": passed, "kafka.json": passed };
    expect(verdictOf(files)).toEqual({
      lines: ["check 20 s, unit 90 s, kafka 300 s", "6 passed, 0 failed, 2 skipped"],
      ok: true,
    });
  });

  test("counts a step that should have run and left no line as failed", () => {
    const files = { steps: "unit 0 90\n", "unit.json": passed };
    expect(verdictOf(files, ["unit"]).ok).toBe(true);
    expect(verdictOf(files, ["unit", "faults"])).toEqual({
      lines: ["unit 90 s, faults ? s", "FAILED faults: it left no word of its end", "3 passed, 1 failed, 1 skipped"],
      ok: false,
    });
  });

  test("names what failed in a lane, with its first lines", () => {
    const report = { passed: 1, failed: 1, skipped: 0, failures: [{ what: "a.test.ts > b", lines: ["expected 1"] }] };
    expect(verdictOf({ steps: "unit 1 9\n", "unit.json": JSON.stringify(report), "unit.log": "" })).toEqual({
      lines: ["unit 9 s", "FAILED unit: a.test.ts > b", "       expected 1", "1 passed, 1 failed, 0 skipped"],
      ok: false,
    });
  });

  test("shows the end of what a step printed that failed without a report", () => {
    const log = Array.from({ length: 40 }, (_, i) => `line ${i}`).join("\n");
    const { lines, ok } = verdictOf({ steps: "check 1 9\nunit 0 9\n", "check.log": `${log}\n`, "unit.json": passed });
    expect(lines[1]).toBe("FAILED check: ended with 1");
    expect(lines.slice(2, -1).map((line) => line.trim())).toEqual(log.split("\n").slice(-25));
    expect(lines.at(-1)).toBe("3 passed, 1 failed, 1 skipped");
    expect(ok).toBe(false);
  });

  test("counts a lane that says all is well and ends with another status than 0", () => {
    const { lines, ok } = verdictOf({ steps: "unit 137 9\n", "unit.json": passed, "unit.log": "Killed\n" });
    expect(lines.slice(1)).toEqual(["FAILED unit: ended with 137", "       Killed", "3 passed, 1 failed, 1 skipped"]);
    expect(ok).toBe(false);
  });

  test("repeats what the faults came to, and names those that did not pass", () => {
    const faults = laneReport([
      { line: "mode exactly-once records 9", reasons: [] },
      { line: "mode at-least-once records 8", reasons: ["1 records are lost"] },
    ]);
    expect(verdictOf({ steps: "faults 1 200\n", "faults.json": JSON.stringify(faults), "faults.log": "" })).toEqual({
      lines: [
        "faults 200 s",
        "faults: mode exactly-once records 9",
        "faults: mode at-least-once records 8",
        "FAILED faults: mode at-least-once records 8",
        "       1 records are lost",
        "1 passed, 1 failed, 0 skipped",
      ],
      ok: false,
    });
  });

  test("is no success when nothing passed", () => {
    expect(verdictOf({ steps: "check 0 20\n" })).toEqual({
      lines: ["check 20 s", "0 passed, 0 failed, 0 skipped"],
      ok: false,
    });
  });

  test("has eighty lines of failures at most, and loses their errors before their names", () => {
    const failures = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ what: `test ${i}`, lines: ["one", "two", "three"] }));
    expect(failureLines(failures(20))).toHaveLength(80);
    const names = (lines: readonly string[]) => lines.filter((line) => line.startsWith("FAILED"));
    expect(names(failureLines(failures(21)))).toHaveLength(21);
    expect(failureLines(failures(21)).length).toBeLessThanOrEqual(80);
    expect(failureLines(failures(80))).toHaveLength(80);
    const most = failureLines(failures(81));
    expect(most).toHaveLength(80);
    expect(most.slice(-2)).toEqual(["FAILED test 78", "FAILED and 2 more"]);
  });
});
