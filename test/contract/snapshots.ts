/** What every place for snapshots promises (`runtime/snapshots.ts`). */
import { expect, test } from "vitest";
import type { SnapshotShelf, StageShelf } from "../../src/runtime/index.ts";

export interface ShelfBench {
  /** A place where nothing lies yet. */
  open(): Promise<SnapshotShelf>;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

async function textOf(stage: StageShelf, task: number, store: string): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stage.read({ task, store })) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

async function put(stage: StageShelf, task: number, store: string, ...texts: string[]): Promise<void> {
  const held = (await stage.hold(task))!;
  const writing = await held.write(store);
  for (const text of texts) await writing.append(bytesOf(text));
  await writing.publish();
  await held.release();
}

export function snapshotContract({ open }: ShelfBench): void {
  const stageOf = async (): Promise<StageShelf> => (await open()).ofStage("cluster", "shop.features");

  test("what was published is read back as it was appended, and listed", async () => {
    const stage = await stageOf();
    expect(await stage.list()).toEqual([]);
    expect(await textOf(stage, 3, "seen")).toBe("");
    await put(stage, 3, "seen", "one ", "two");
    await put(stage, 3, "windows", "w");
    await put(stage, 12, "seen", "x".repeat(700_000));
    expect(await textOf(stage, 3, "seen")).toBe("one two");
    expect(await textOf(stage, 12, "seen")).toBe("x".repeat(700_000));
    expect((await stage.list()).toSorted((a, b) => a.task - b.task || a.store.localeCompare(b.store))).toEqual([
      { task: 3, store: "seen" },
      { task: 3, store: "windows" },
      { task: 12, store: "seen" },
    ]);
  });

  test("the one before is there until the next is published, and stays when that is discarded", async () => {
    const stage = await stageOf();
    await put(stage, 0, "seen", "before");
    const held = (await stage.hold(0))!;
    const given = await held.write("seen");
    await given.append(bytesOf("half"));
    expect(await textOf(stage, 0, "seen")).toBe("before");
    await given.discard();
    expect(await textOf(stage, 0, "seen")).toBe("before");
    const next = await held.write("seen");
    await next.append(bytesOf("next"));
    expect(await textOf(stage, 0, "seen")).toBe("before");
    await next.publish();
    await next.discard();
    expect(await textOf(stage, 0, "seen")).toBe("next");
    await expect(next.append(bytesOf("more"))).rejects.toThrow("it was ended");
    expect(await stage.list()).toEqual([{ task: 0, store: "seen" }]);
    await held.release();
  });

  test("bytes are the caller's again once they are appended", async () => {
    const stage = await stageOf();
    const held = (await stage.hold(0))!;
    const writing = await held.write("seen");
    const buffer = Buffer.from("abc");
    await writing.append(buffer);
    buffer.write("xyz");
    await writing.append(buffer);
    await writing.publish();
    await held.release();
    expect(await textOf(stage, 0, "seen")).toBe("abcxyz");
  });

  test("a task is held by one at a time, others beside it, and can be read by all", async () => {
    const stage = await stageOf();
    await put(stage, 0, "seen", "x");
    const held = (await stage.hold(0))!;
    expect(await stage.hold(0)).toBeUndefined();
    const other = (await stage.hold(1))!;
    expect(await textOf(stage, 0, "seen")).toBe("x");
    await held.release();
    const again = (await stage.hold(0))!;
    expect(again).toBeDefined();
    await again.release();
    await other.release();
  });

  test("clusters and groups do not see each other's, whatever they are called", async () => {
    const shelf = await open();
    const names = [
      ["cluster", "shop.features"],
      ["cluster", "shop.clean"],
      ["other/cluster", "shop.features"],
      ["..", "."],
      [".", ".."],
    ] as const;
    for (const [cluster, group] of names) await put(shelf.ofStage(cluster, group), 0, "a/b", `${cluster} ${group}`);
    for (const [cluster, group] of names) {
      const stage = shelf.ofStage(cluster, group);
      expect(await textOf(stage, 0, "a/b")).toBe(`${cluster} ${group}`);
      expect(await stage.list()).toEqual([{ task: 0, store: "a/b" }]);
    }
  });
}
