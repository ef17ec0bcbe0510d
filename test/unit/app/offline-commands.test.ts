import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { millrace } from "./command-line.ts";

const root = join(import.meta.dirname, "../../..");
const topologies = join(root, "topologies");
const card = join(topologies, "card-fraud.yaml");
const flights = join(topologies, "flights.yaml");
const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
cpSync(join(root, "schemas"), join(folder, "schemas"), { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("validate", () => {
  test("says nothing on stdout about sound files, their warnings on stderr, and ends with 0", async () => {
    const text = readFileSync(card, "utf8").replace("    to: payments.clean\n", "$&    state: { volatile: true }\n");
    const { code, stdout, stderr } = await millrace(["validate", written("odd.yaml", text), flights]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(
      /^.*odd.yaml:\d+:12 MR_STATE_VOLATILE .*\n.*odd.yaml: ok, 5 stages\n.*flights.yaml: ok, 6 stages\n$/,
    );
  });

  test("prints each problem of all files as FILE:LINE:COL CODE PATH: message, and ends with 1", async () => {
    const bad = written("bad.yaml", readFileSync(card, "utf8").replace("steps:", "stepz:").replace("kind:", "knd:"));
    const { code, stdout } = await millrace(["validate", bad, card]);
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(2);
    const problems = lines.filter((line) => !line.startsWith(" "));
    for (const line of problems) expect(line).toMatch(/bad\.yaml:\d+:\d+ MR_[A-Z_]+ \S.*: \S/);
    expect(stdout).toMatch(/MR_UNKNOWN_KEY knd: .*did you mean "kind"/);
  });

  test("says of a file that cannot be read why, and ends with 1", async () => {
    const { code, stdout, stderr } = await millrace(["validate", join(folder, "none.yaml")]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^MR_IO reading .*none\.yaml: ENOENT/);
  });

  test("takes variables from the environment it was given", async () => {
    const file = written("v.yaml", readFileSync(card, "utf8").replace("MILLRACE_NAMESPACE:-", "WHERE:?say where"));
    expect((await millrace(["validate", file])).code).toBe(1);
    expect((await millrace(["validate", file], { environment: { WHERE: "here" } })).stdout).not.toContain("say where");
  });
});

describe("plan and graph", () => {
  test.each(["card-fraud", "flights"])("print the golden files of %s", async (name) => {
    const file = join(topologies, `${name}.yaml`);
    const plan = await millrace(["plan", file]);
    expect({ code: plan.code, stderr: plan.stderr }).toEqual({ code: 0, stderr: "" });
    await expect(plan.stdout).toMatchFileSnapshot(join(root, `test/golden/plan/${name}.txt`));
    const graph = await millrace(["graph", file]);
    expect(graph.code).toBe(0);
    await expect(graph.stdout).toMatchFileSnapshot(join(root, `test/golden/plan/${name}.mmd`));
  });

  test("put the namespace of the flag or its variable before what is ours", async () => {
    const flag = await millrace(["plan", card, "--namespace", "staging"]);
    expect(flag.stdout).toContain("namespace staging");
    expect(flag.stdout).toContain("staging.payments.raw");
    const environment = { MILLRACE_NAMESPACE: "staging" };
    expect((await millrace(["plan", card], { environment })).stdout).toBe(flag.stdout);
    expect((await millrace(["plan", card, "--namespace", "other"], { environment })).stdout).toContain(
      "namespace other",
    );
  });

  test("refuse a bad file with its problems on stderr and 1", async () => {
    const bad = written("bad2.yaml", "apiVersion: millrace/v1\nkind: Topology\n");
    for (const command of ["plan", "graph"]) {
      const { code, stdout, stderr } = await millrace([command, bad]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/bad2\.yaml:\d+:\d+ MR_MISSING_KEY/);
    }
  });
});

describe("test", () => {
  test("runs the cases of both examples", async () => {
    const { code, stdout, stderr } = await millrace(["test", card, flights]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^\d+ passed, 0 failed\n$/);
  });

  test("shows where a failing case stands and what differs, and ends with 1", async () => {
    const text = readFileSync(card, "utf8");
    const bad = written(
      "failing.yaml",
      text.replace("expect: { filtered: 1, records: [] }", "expect: { filtered: 2, records: [] }"),
    );
    const { code, stdout } = await millrace(["test", bad, card]);
    expect(code).toBe(1);
    const at = text.split("\n").findIndex((line) => line.includes("name: a refund is dropped")) + 1;
    expect(stdout).toContain(
      `failing.yaml:${at}:5 MR_TEST_FAILED a refund is dropped\n  filtered: expected 2, got 1\n`,
    );
    expect(stdout).toMatch(/\n\d+ passed, 1 failed\n$/);
  });

  test("counts a file that cannot be planned as failed and goes on with the next", async () => {
    const bad = written("bad3.yaml", "apiVersion: millrace/v1\n");
    const { code, stdout } = await millrace(["test", bad, flights]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/bad3\.yaml:\d+:\d+ MR_/);
    expect(stdout).toMatch(/\n[1-9]\d* passed, 1 failed\n$/);
  });
});
