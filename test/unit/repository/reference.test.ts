import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { referencePages, staleFiles } from "../../../scripts/reference.ts";
import { commands } from "../../../src/app/cli/commands.ts";
import { functionTable } from "../../../src/expression/index.ts";
import { errorCodes } from "../../../src/kernel/index.ts";
import { stepCatalogue } from "../../../src/step/index.ts";

const root = join(import.meta.dirname, "../../..");
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-reference-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the pages on disk are those that the code gives", async () => {
  expect(staleFiles(await referencePages(), join(root, "docs/reference"))).toEqual([]);
});

test("a page that is missing, was changed by hand or is no page any more is stale", async () => {
  const pages = new Map([
    ["a.md", "a"],
    ["b.md", "b"],
    ["c.md", "c"],
  ]);
  writeFileSync(join(folder, "a.md"), "a");
  writeFileSync(join(folder, "b.md"), "B");
  writeFileSync(join(folder, "d.md"), "d");
  expect(staleFiles(pages, folder)).toEqual(["b.md", "c.md", "d.md"]);
  expect(staleFiles(pages, join(folder, "none"))).toEqual(["a.md", "b.md", "c.md"]);
});

test("every command, step, function and code has its place", async () => {
  const pages = await referencePages();
  const has = (page: string, text: string): void => expect(pages.get(page), `${page}: ${text}`).toContain(text);
  for (const { name, example } of commands) {
    has("commands.md", `## ${name}\n`);
    has("commands.md", example);
  }
  for (const kind of Object.keys(stepCatalogue)) has("topology.md", `### \`${kind}\`\n`);
  for (const { signature } of Object.values(functionTable)) has("expressions.md", signature.replaceAll("|", "\\|"));
  for (const code of Object.keys(errorCodes)) has("errors.md", `| \`${code}\` |`);
  expect(JSON.parse(pages.get("topology.schema.json") ?? "")).toMatchObject({ type: "object" });
});
