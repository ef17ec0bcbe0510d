import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFolderArtefacts } from "../../../src/adapters/artefact-fs/index.ts";

const signal = new AbortController().signal;
const files = new Map([
  ["SHA256SUMS", new TextEncoder().encode("sums")],
  ["weights.json", new TextEncoder().encode("{}")],
]);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-artefacts-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("numbers versions from 1 and reads back the bytes", async () => {
  const store = createFolderArtefacts(join(folder, "models"));
  expect(await store.versions("card-fraud", signal)).toEqual([]);
  expect(await store.write("card-fraud", files, signal)).toBe(1);
  expect(await store.write("card-fraud", files, signal)).toBe(2);
  expect(await store.versions("card-fraud", signal)).toEqual([1, 2]);
  const read = await store.read("card-fraud", 2, signal);
  expect([...(read ?? [])].sort().map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
    ["SHA256SUMS", "sums"],
    ["weights.json", "{}"],
  ]);
});

test("gives each of many writers at once a number of its own", async () => {
  const store = createFolderArtefacts(folder);
  const taken = await Promise.all(Array.from({ length: 8 }, () => store.write("m", files, signal)));
  expect([...taken].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("passes over a version that was never finished", async () => {
  const store = createFolderArtefacts(folder);
  await store.write("m", files, signal);
  rmSync(join(folder, "m/1/SHA256SUMS"));
  expect(await store.read("m", 1, signal)).toBeUndefined();
  expect(await store.read("m", 7, signal)).toBeUndefined();
});

test("refuses names that would leave its folder", async () => {
  const store = createFolderArtefacts(folder);
  await expect(store.write("../m", files, signal)).rejects.toThrow("a name has lower-case letters");
  await expect(store.write("m", new Map([["../x", new Uint8Array()]]), signal)).rejects.toThrow("is no file name");
  expect(readdirSync(folder)).toEqual([]);
});

test("says what stands in the way of writing", async () => {
  writeFileSync(join(folder, "m"), "a file where the folder should be");
  await expect(createFolderArtefacts(folder).write("m", files, signal)).rejects.toThrow(
    `writing a version of m to ${folder}`,
  );
});
