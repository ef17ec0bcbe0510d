import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { registryContract } from "../../contract/registry.ts";

const signal = new AbortController().signal;
const payment = { type: "record", name: "Payment", fields: [{ name: "id", type: "string" }] };
const made: string[] = [];

async function newDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "millrace-registry-"));
  made.push(dir);
  return dir;
}

afterEach(async () => {
  for (const dir of made.splice(0)) await rm(dir, { recursive: true, force: true });
});

describe("the folder keeps the contract", () => {
  registryContract(async () => createFolderRegistry(await newDir()));
});

test("the folder is <subject>/<version>.avsc and ids.json, and nothing else is left behind", async () => {
  const dir = await newDir();
  await createFolderRegistry(dir).register("payments-value", payment, signal);
  expect((await readdir(dir)).sort()).toEqual(["ids.json", "payments-value"]);
  expect(await readdir(join(dir, "payments-value"))).toEqual(["1.avsc"]);
  expect(JSON.parse(await readFile(join(dir, "payments-value", "1.avsc"), "utf8"))).toEqual(payment);
  expect(JSON.parse(await readFile(join(dir, "ids.json"), "utf8"))).toEqual({
    1: [{ subject: "payments-value", version: 1 }],
  });
});

test("two registries on one folder see each other and never share an id", async () => {
  const dir = await newDir();
  const [a, b] = [createFolderRegistry(dir), createFolderRegistry(dir)];
  const docs = Array.from({ length: 12 }, (_, i) => ({ ...payment, doc: `Doc ${i}.` }));
  const entries = await Promise.all(
    docs.map((doc, i) => (i % 2 === 0 ? a : b).register(`s${i}-value`, doc, new AbortController().signal)),
  );
  expect(new Set(entries.map((entry) => entry.id)).size).toBe(12);
  expect(await b.byId(entries[0]?.id ?? 0, signal)).toMatchObject({ subject: "s0-value" });
});

test("read-only answers, refuses to register, and creates nothing", async () => {
  const dir = await newDir();
  const registry = createFolderRegistry(join(dir, "none"), { readOnly: true });
  expect(await registry.latest("payments-value", signal)).toBeUndefined();
  await expect(registry.register("payments-value", payment, signal)).rejects.toMatchObject({
    code: "MR_REGISTRY",
    disposition: "halt",
  });
  expect(await readdir(dir)).toEqual([]);
});

test("a version whose writer died before the id was noted gets its id with the next registration", async () => {
  const dir = await newDir();
  const registry = createFolderRegistry(dir);
  await registry.register("payments-value", payment, signal);
  await writeFile(join(dir, "ids.json"), "{}");
  expect(await registry.latest("payments-value", signal)).toBeUndefined();
  expect(await registry.register("payments-value", payment, signal)).toMatchObject({ id: 1, version: 1 });
  expect(await registry.latest("payments-value", signal)).toMatchObject({ id: 1 });
});

test("the lock of a process that is gone is taken over", async () => {
  const dir = await newDir();
  // Process ids end below 2^22 on Linux and far below this on every platform.
  await writeFile(join(dir, ".lock"), JSON.stringify({ pid: 2_147_483_646, host: hostname() }));
  expect(await createFolderRegistry(dir).register("payments-value", payment, signal)).toMatchObject({ id: 1 });
  expect((await readdir(dir)).sort()).toEqual(["ids.json", "payments-value"]);
});

test("a damaged ids.json halts with its path instead of starting ids anew", async () => {
  const dir = await newDir();
  await writeFile(join(dir, "ids.json"), "{");
  const registry = createFolderRegistry(dir);
  await expect(registry.byId(1, signal)).rejects.toMatchObject({ code: "MR_REGISTRY", disposition: "halt" });
  await writeFile(join(dir, "ids.json"), '{"1": "x"}');
  await expect(registry.register("payments-value", payment, signal)).rejects.toThrow("entry 1 is damaged");
});

test.each(["", ".", "..", "../x-value"])("the subject %j cannot leave the folder", async (subject) => {
  const dir = await newDir();
  await expect(createFolderRegistry(dir).register(subject, payment, signal)).rejects.toMatchObject({
    code: "MR_REGISTRY",
  });
});
