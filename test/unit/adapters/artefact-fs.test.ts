import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFolderArtefacts } from "../../../src/adapters/artefact-fs/index.ts";
import { artefactStoreContract } from "../../contract/artefacts.ts";

const { signal } = new AbortController();
const files = new Map([
  ["SHA256SUMS", new TextEncoder().encode("sums")],
  ["weights.json", new TextEncoder().encode("{}")],
]);
const unchecked = async (): Promise<void> => undefined;
const hourMs = 3_600_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-artefacts-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

artefactStoreContract("a folder", () => createFolderArtefacts(join(folder, "models")));

test("passes over a version of 0.1 that was never finished", async () => {
  const store = createFolderArtefacts(folder);
  await store.write("m", files, unchecked, signal);
  rmSync(join(folder, "m/1/SHA256SUMS"));
  writeFileSync(join(folder, "m/1/SHA256SUMS.part"), "");
  expect(await store.read("m", 1, signal)).toBeUndefined();
});

test("takes the next number when a folder with files, or a file, appears under the one it was about to take", async () => {
  const store = createFolderArtefacts(folder);
  const check = async (): Promise<void> => {
    // Between this look and the rename another trainer takes a number.
    mkdirSync(join(folder, "m/1"));
    writeFileSync(join(folder, "m/1/SHA256SUMS"), "of the other");
    writeFileSync(join(folder, "m/2"), "a file");
  };
  const versions = store.versions.bind(store);
  expect(await versions("m", signal)).toEqual([]);
  expect(await store.write("m", files, check, signal)).toBe(3);
  expect(Buffer.from((await store.read("m", 1, signal))?.get("SHA256SUMS") ?? []).toString()).toBe("of the other");
});

test("leaves nothing behind but its versions, whether a write went well or not", async () => {
  const store = createFolderArtefacts(folder);
  await store.prepare("m", signal);
  await store.write("m", files, unchecked, signal);
  await expect(store.write("m", files, () => Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
  expect(readdirSync(join(folder, "m"))).toEqual(["1"]);
});

test("clears away what killed trainings have left, once it is a day old", async () => {
  const nowMs = Date.UTC(2026, 0, 10);
  const store = createFolderArtefacts(folder, { now: () => nowMs });
  const left = (name: string, ageMs: number): void => {
    mkdirSync(join(folder, "m", name), { recursive: true });
    writeFileSync(join(folder, "m", name, "weights.json"), "{");
    const at = (nowMs - ageMs) / 1_000;
    utimesSync(join(folder, "m", name), at, at);
  };
  left(".new-0001", 25 * hourMs);
  left(".new-0002", 23 * hourMs);
  left("7", 99 * hourMs);
  left("notes", 99 * hourMs);
  await store.prepare("m", signal);
  expect(readdirSync(join(folder, "m")).sort()).toEqual([".new-0002", "7", "notes"]);
});

test("creates nothing for names that would leave its folder", async () => {
  const store = createFolderArtefacts(folder);
  await expect(store.write("../m", files, unchecked, signal)).rejects.toThrow("a name has lower-case letters");
  await expect(store.write("m", new Map([["../x", new Uint8Array()]]), unchecked, signal)).rejects.toThrow();
  expect(readdirSync(folder)).toEqual([]);
});

test("says what stands in the way of writing, before there is anything to write", async () => {
  writeFileSync(join(folder, "m"), "a file where the folder should be");
  const store = createFolderArtefacts(folder);
  const code = "MR_IO";
  await expect(store.prepare("m", signal)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(`preparing to write a version of m to ${folder}`),
  });
  await expect(store.write("m", files, unchecked, signal)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(`writing a version of m to ${folder}`),
  });
});

test("does not read a version that is larger than the bound into memory", async () => {
  const store = createFolderArtefacts(folder, { versionBytesMax: 6 });
  await store.write("m", files, unchecked, signal);
  expect((await store.read("m", 1, signal))?.size).toBe(2);
  writeFileSync(join(folder, "m/1/weights.json"), "{ }");
  await expect(store.read("m", 1, signal)).rejects.toMatchObject({
    code: "MR_MODEL",
    message: `reading ${join(folder, "m/1")}: 7 bytes of files, and 6 are the most`,
  });
});

test("the bound on a version is 1 GiB", async () => {
  const store = createFolderArtefacts(folder);
  await store.write("m", files, unchecked, signal);
  truncateSync(join(folder, "m/1/weights.json"), 1024 ** 3); // a hole, which takes no room
  await expect(store.read("m", 1, signal)).rejects.toThrow("1073741828 bytes of files, and 1073741824 are the most");
});
