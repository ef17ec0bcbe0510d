import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { TaskLostError, TaskReopenError } from "../../src/runtime/index.ts";
import type { Outgoing } from "../../src/wire/index.ts";
import { outgoingOf, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** At least once, with state: a changelog is never ahead of the offsets, whatever outputs are. */
export function changelogs(bench: () => Bench): void {
  const changes = (topic: string, stem: string): Outgoing => outgoingOf(textRecords(topic, 0, 2, stem), "changelog");

  test("outputs are seen at once, and what is written to a changelog with the commit of the offsets", async () => {
    const [input, output, changelog] = [await bench().topic(1), await bench().topic(1), await bench().topic(1)];
    const group = bench().name("group");
    const member = await bench().joinAlone([input], 1, { group, hasChangelogs: true });
    const handle = await member.open(0);
    const written = handle.write([outgoingOf(textRecords(output, 0, 2, "out")), changes(changelog, "change")]);
    await bench().within("a write", written);
    await bench().untilSeen(output, 0, ["out0", "out1"]);
    expect(await bench().seenIn(changelog, 0)).toEqual([]);
    await bench().within("a commit", handle.commit(new Map([[topicPartitionKey(input, 0), 0]])));
    await bench().untilSeen(changelog, 0, ["change0", "change1"]);
    expect(await bench().seenIn(output, 0)).toEqual(["out0", "out1"]);
  });

  test("what was written to a changelog and not committed is never seen by whoever opens the task next", async () => {
    const [input, changelog] = [await bench().topic(1), await bench().topic(1)];
    const member = await bench().joinAlone([input], 1, { hasChangelogs: true });
    const before = await member.open(0);
    await bench().within("a write", before.write([changes(changelog, "lost")]));
    const after = await member.open(0);
    await expect(before.commit(before.offsetsNext)).rejects.toThrow(TaskLostError);
    await bench().within("a write", after.write([changes(changelog, "kept")]));
    await bench().within("a commit", after.commit(after.offsetsNext));
    await bench().untilSeen(changelog, 0, ["kept0", "kept1"]);
  });

  test("a commit with nothing for a changelog is no transaction: it passes where another has taken the id, and one with something does not", async () => {
    const [input, changelog] = [await bench().topic(1), await bench().topic(1)];
    const group = bench().name("group");
    const member = await bench().joinAlone([input], 1, { group, hasChangelogs: true });
    const handle = await member.open(0);
    await bench().broker.transaction(`${group}.0`, new AbortController().signal);
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    await bench().within("a write", handle.write([changes(changelog, "lost")]));
    await expect(bench().within("a commit", handle.commit(handle.offsetsNext))).rejects.toThrow(TaskReopenError);
    expect(await bench().seenIn(changelog, 0)).toEqual([]);
  });
}
