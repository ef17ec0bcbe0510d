import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createFolderShelf } from "../../../src/adapters/state-fs/index.ts";
import type { StageShelf } from "../../../src/runtime/index.ts";
import { snapshotContract } from "../../contract/snapshots.ts";

let folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  folders = [];
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-snapshots-"));
  folders.push(folder);
  return folder;
}

describe("the contract", () => snapshotContract({ open: async () => createFolderShelf(await newFolder()) }));

async function place(): Promise<{ folder: string; stage: StageShelf; task: string; lock: string }> {
  const folder = await newFolder();
  const task = join(folder, "cluster/shop.features/0");
  return {
    folder,
    stage: createFolderShelf(folder).ofStage("cluster", "shop.features"),
    task,
    lock: join(task, "lock"),
  };
}

test("a snapshot is one file under its cluster, group and task, and nothing is left beside it", async () => {
  const { stage, task } = await place();
  const held = (await stage.hold(0))!;
  const writing = await held.write("seen");
  await writing.append(Buffer.from("x"));
  expect((await readdir(task)).filter((name) => name.endsWith(".new"))).toHaveLength(1);
  await writing.publish();
  const given = await held.write("seen");
  await given.discard();
  expect((await readdir(task)).sort()).toEqual(["lock", "seen.snapshot"]);
  await held.release();
  expect(await readdir(task)).toEqual(["seen.snapshot"]);
});

test("what a killed process has left half written goes when the task is taken, and nothing else", async () => {
  const { stage, task } = await place();
  await (await stage.hold(0))!.release();
  for (const name of ["seen.0123456789ab.new", "seen.snapshot", "notes.txt"]) await writeFile(join(task, name), "x");
  const held = (await stage.hold(0))!;
  expect((await readdir(task)).sort()).toEqual(["lock", "notes.txt", "seen.snapshot"]);
  await held.release();
});

test("the lock of a process that has died is taken over, that of one that lives is not", async () => {
  const { stage, lock } = await place();
  await (await stage.hold(0))!.release();
  const holder = { pid: process.ppid, host: hostname(), process: "another", began: "" };
  await writeFile(lock, JSON.stringify(holder));
  expect(await stage.hold(0)).toBeUndefined();
  const dead = [
    // No process has this one: pids end at 2^22.
    { ...holder, pid: 2 ** 22 + 1 },
    // The pid was given again: to this process, and to one that began at another time.
    { ...holder, pid: process.pid },
    { ...holder, began: "1" },
  ];
  for (const one of dead) {
    await writeFile(lock, JSON.stringify(one));
    const held = await stage.hold(0);
    expect(held, JSON.stringify(one)).toBeDefined();
    await held!.release();
  }
});

test("a holder on another machine is dead when it has said nothing for a minute", async () => {
  const { stage, lock } = await place();
  await (await stage.hold(0))!.release();
  await writeFile(lock, JSON.stringify({ pid: 1, host: "elsewhere", process: "another", began: "" }));
  expect(await stage.hold(0)).toBeUndefined();
  const ago = new Date(Date.now() - 90_000);
  await utimes(lock, ago, ago);
  const held = (await stage.hold(0))!;
  expect(JSON.parse(await readFile(lock, "utf8"))).toMatchObject({ pid: process.pid, host: hostname() });
  await held.release();
});

test("where nothing tells which process a pid is, its holder is dead when it has said nothing for a minute", async () => {
  const { stage, lock } = await place();
  await (await stage.hold(0))!.release();
  // A process of this pid lives; when the one began that took the lock was not to be told.
  const holder = { pid: process.ppid, host: hostname(), process: "another", began: "" };
  const spokeAgo = async (ms: number): Promise<boolean> => {
    await writeFile(lock, JSON.stringify(holder));
    const at = new Date(Date.now() - ms);
    await utimes(lock, at, at);
    const held = await stage.hold(0);
    await held?.release();
    return held !== undefined;
  };
  expect([await spokeAgo(5_000), await spokeAgo(90_000)]).toEqual([false, true]);
});

test("a lock that another has taken over meanwhile is left to it", async () => {
  const { stage, lock } = await place();
  const held = (await stage.hold(0))!;
  const theirs = JSON.stringify({ pid: 1, host: "elsewhere", process: "another", began: "" });
  await writeFile(lock, theirs);
  await held.release();
  expect(await readFile(lock, "utf8")).toBe(theirs);
});

test("a folder that cannot be made is an error of that call, which names it", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "file"), "x");
  const stage = createFolderShelf(join(folder, "file")).ofStage("cluster", "shop.features");
  await expect(stage.hold(0)).rejects.toThrow(join(folder, "file"));
});
