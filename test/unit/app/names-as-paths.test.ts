import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkTopologyFile, problemsText } from "../../../src/app/load-topology.ts";
import { openArtefacts, openRegistry } from "../../../src/app/wire.ts";

const { signal } = new AbortController();
const unchecked = async (): Promise<void> => undefined;
const record = {
  type: "record",
  name: "Reading",
  fields: [
    { name: "event_id", type: "string" },
    { name: "sensor", type: "string" },
    { name: "taken_at", type: { type: "long", logicalType: "timestamp-millis" } },
  ],
};
const outsideText = JSON.stringify({ ...record, name: "FromOutside" });

let root = "";
/** Holds the topology; what it may read lies in `work/schemas`, what it may not beside `work`. */
let work = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "millrace-paths-"));
  work = join(root, "work");
  mkdirSync(join(work, "schemas"), { recursive: true });
  writeFileSync(join(work, "schemas", "reading.avsc"), JSON.stringify(record));
  writeFileSync(join(root, "outside.avsc"), outsideText);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Problems of a topology with one topic of this name and schema. */
function problemsOf({ topic = "readings", schema = "reading", name = "small", inbox = "inbox" }): string {
  const quoted = [topic, schema, name, inbox].map((text) => JSON.stringify(text));
  const text = `apiVersion: millrace/v1
kind: Topology
name: ${quoted[2]}
delivery: at-least-once
topics:
  inbox: { name: ${quoted[3]}, format: json, external: true }
  ${quoted[0]}: { schema: ${quoted[1]}, key: sensor, time: taken_at, partitions: 1 }
stages:
  - name: ingest
    from: { topic: inbox, format: json, start: earliest }
    to: ${quoted[0]}
    steps:
      - cast: { taken_at: timestamp-millis }
`;
  const file = join(work, "small.yaml");
  writeFileSync(file, text);
  return problemsText(checkTopologyFile(file, {}, undefined).problems);
}

/** Every file below the root but those that a test begins with. */
function filesMade(): string[] {
  const begunWith = new Set(["outside.avsc", "work/schemas/reading.avsc"]);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !begunWith.has(path))
    .sort();
}

describe("a topology's names are names, never paths", () => {
  test("names that are fine have no problems", () => expect(problemsOf({})).toBe(""));

  test.each(["../../outside", "../schemas/reading", "/etc/passwd", "./reading", "reading.avsc", "__proto__"])(
    "the schema %j is looked up and not opened",
    (schema) => {
      const problems = problemsOf({ schema });
      expect(problems).toContain(`MR_REFERENCE topics.readings.schema: there is no schema ${JSON.stringify(schema)}`);
      expect(problems).not.toContain("FromOutside");
    },
  );

  test.each(["../x", "..", ".", "/x", "a/b", "a\\b", "a\0b", ""])("%j names no topic", (name) => {
    expect(problemsOf({ topic: name })).toMatch(/MR_OUT_OF_RANGE topics\[.*\]: a topic's name has only letters/);
    expect(problemsOf({ inbox: name })).toMatch(/MR_OUT_OF_RANGE topics\.inbox\.name: a topic's name has only letters/);
  });

  test.each(["../x", "/x", "a.b", ".", ""])("%j names no topology", (name) => {
    expect(problemsOf({ name })).toContain("MR_OUT_OF_RANGE name: ");
  });
});

describe("what is written stays in its folder", () => {
  const folder = (): string => join(work, "made");

  test("a registry folder keeps every subject below itself", async () => {
    const registry = await openRegistry(folder(), undefined, "write");
    await registry.register("a/../../b-value", record, signal);
    expect(filesMade()).toEqual(["work/made/a%2F..%2F..%2Fb-value/1.avsc", "work/made/ids.json"]);
    for (const subject of ["../b", "..", ".git"]) {
      await expect(registry.register(subject, record, signal)).rejects.toMatchObject({ code: "MR_REGISTRY" });
    }
    expect(filesMade()).toHaveLength(2);
  });

  test("an ids.json that points outside reads nothing there", async () => {
    mkdirSync(folder());
    const holders = [{ subject: "../..", version: 1 }];
    writeFileSync(join(folder(), "ids.json"), JSON.stringify({ 1: holders }));
    const registry = await openRegistry(folder(), undefined);
    await expect(registry.byId(1, signal)).rejects.toMatchObject({ code: "MR_REGISTRY" });
  });

  test("a models folder takes neither a model nor a file that leads out", async () => {
    const artefacts = openArtefacts(folder());
    const files = new Map([["../escaped", Buffer.from("x")]]);
    await expect(artefacts.write("late", files, unchecked, signal)).rejects.toMatchObject({ code: "MR_IO" });
    for (const model of ["../late", "..", "/late", "a/b", "Late", "late\n"]) {
      await expect(artefacts.write(model, new Map(), unchecked, signal), model).rejects.toMatchObject({
        code: "MR_MODEL",
      });
      await expect(artefacts.read(model, 1, signal), model).rejects.toMatchObject({ code: "MR_MODEL" });
    }
    expect(filesMade()).toEqual([]);
  });

  test("files of models and schemas are as open as the process's umask lets them be, and none can be run", async () => {
    await (await openRegistry(folder(), undefined, "write")).register("readings-value", record, signal);
    const files = new Map([["SHA256SUMS", Buffer.from("")]]);
    await openArtefacts(folder()).write("late", files, unchecked, signal);
    const modes = filesMade().map((path) => [path, statSync(join(root, path)).mode & 0o777]);
    const open = 0o666 & ~process.umask();
    expect(modes).toEqual([
      ["work/made/ids.json", open],
      ["work/made/late/1/SHA256SUMS", open],
      ["work/made/readings-value/1.avsc", open],
    ]);
  });
});
