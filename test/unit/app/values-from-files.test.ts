import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkTopologyFile } from "../../../src/app/load-topology.ts";
import { formatProblem } from "../../../src/topology/index.ts";
import { smallSchemas, smallText } from "../topology/fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-values-"));
afterAll(() => rmSync(folder, { recursive: true }));

mkdirSync(join(folder, "schemas"));
for (const [name, text] of smallSchemas) writeFileSync(join(folder, "schemas", `${name}.avsc`), text);

/** The small chain with a monitor and an address out of a file. */
function check(secret: string) {
  const file = join(folder, "small.yaml");
  const monitors = `monitors: [{ name: m, on: raw }]\nalerts:\n  notify:\n    - slack: { url: "\${file:${secret}}" }\n`;
  writeFileSync(file, `${smallText}${monitors}`);
  return checkTopologyFile(file, {}, undefined);
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test.each(["", "\n", "\r\n"])("the text of a file is taken without the line end %j behind it", (end) => {
  const result = check(write("url", `https://hooks.example.com/x${end}`));
  expect(result.problems.map(formatProblem)).toEqual([]);
  expect(result.plan?.monitoring?.alerts.notify).toEqual([{ kind: "slack", url: "https://hooks.example.com/x" }]);
});

test("a file that is not there, or is no value, is named with the reason, and what it holds is not shown", () => {
  const said = (path: string): string => {
    const [problem, ...others] = check(path).problems;
    expect(others).toEqual([]);
    return `${problem?.code} ${problem?.message}`;
  };
  const missing = join(folder, "none");
  expect(said(missing)).toMatch(new RegExp(`^MR_ENVIRONMENT the file ${missing} cannot be read: ENOENT`));
  const long = write("long", "x".repeat(65_537));
  expect(said(long)).toBe(
    `MR_ENVIRONMENT the file ${long} cannot be read: it has 65537 bytes, and a value has at most 65536`,
  );
  expect(said(write("two", "SECRET\nSECRET\n"))).toBe(
    "MR_OUT_OF_RANGE expected an address that begins with https:// or http://",
  );
});
