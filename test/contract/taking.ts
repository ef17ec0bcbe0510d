import { expect, test } from "vitest";
import { topicPartitionKey } from "../../src/kernel/index.ts";
import { RecordRefusedError, TaskReopenError, type TransactionalWriter } from "../../src/runtime/index.ts";
import { outgoingOf, textRecord, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** `transaction`: a transactional id that no group stands behind, of which one at a time is the holder. */
export function taking(bench: () => Bench): void {
  const take = (id: string, broker = bench().broker): Promise<TransactionalWriter> =>
    bench().within("an id to be taken", broker.transaction(id, bench().signal));
  const commit = (writer: TransactionalWriter, records: Parameters<TransactionalWriter["commit"]>[0]): Promise<void> =>
    bench().within("a commit", writer.commit(records, bench().signal));

  test("what a holder of an id commits is seen, in every partition, and the next commit behind it", async () => {
    const topic = await bench().topic(2);
    const writer = await take(bench().name("id"));
    await commit(writer, [...textRecords(topic, 0, 2, "a"), ...textRecords(topic, 1, 1, "b")]);
    await commit(writer, textRecords(topic, 0, 1, "c"));
    await bench().untilSeen(topic, 0, ["a0", "a1", "c0"]);
    await bench().untilSeen(topic, 1, ["b0"]);
  });

  test("a commit of nothing leaves nothing", async () => {
    const topic = await bench().topic(1);
    await commit(await take(bench().name("id")), []);
    expect(await bench().broker.admin.watermarks(topic, bench().signal)).toEqual([{ partition: 0, low: 0, end: 0 }]);
  });

  test("whoever takes an id fences the holder before, also in another process, and what that one commits is refused", async () => {
    const topic = await bench().topic(1);
    const id = bench().name("id");
    const before = await take(id);
    const after = await take(id, await bench().secondBroker());
    await expect(commit(before, textRecords(topic, 0, 1, "zombie"))).rejects.toMatchObject({ code: "MR_FENCED" });
    await commit(after, textRecords(topic, 0, 1, "holder"));
    await bench().untilSeen(topic, 0, ["holder0"]);
    await expect(commit(before, textRecords(topic, 0, 1, "zombie"))).rejects.toMatchObject({ code: "MR_FENCED" });
  });

  test("holders of different ids do not disturb each other", async () => {
    const topic = await bench().topic(1);
    const [one, other] = [await take(bench().name("id")), await take(bench().name("id"))];
    await commit(one, textRecords(topic, 0, 1, "one"));
    await commit(other, textRecords(topic, 0, 1, "other"));
    await bench().untilSeen(topic, 0, ["one0", "other0"]);
  });

  test("a record that is refused takes back the others of its commit, and the writer is dead", async () => {
    const topic = await bench().topic(2, { "max.message.bytes": "2000" });
    const writer = await take(bench().name("id"));
    const large = { ...textRecord(topic, 1, "large"), value: Buffer.alloc(3_000, "x") };
    await expect(commit(writer, [textRecord(topic, 0, "lost"), large])).rejects.toThrow(RecordRefusedError);
    const next = await take(bench().name("id"));
    await commit(next, textRecords(topic, 0, 1, "kept"));
    await bench().untilSeen(topic, 0, ["kept0"]);
    expect(await bench().seenIn(topic, 1)).toEqual([]);
  });

  test("the id of a task's write side is such an id: taking it takes back what the task had begun, and it is opened again", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(1)];
    const name = bench().name("stem");
    const member = await bench().joinAlone([input], 1, { name });
    const handle = await member.open(0);
    await bench().within("a write", handle.write([outgoingOf(textRecords(output, 0, 1, "task"))]));
    const writer = await take(`${name}.0`, await bench().secondBroker());
    const offsets = new Map([[topicPartitionKey(input, 0), 0]]);
    await expect(bench().within("a commit", handle.commit(offsets))).rejects.toThrow(TaskReopenError);
    await bench().within("a close", handle.close());
    const again = await member.open(0);
    await bench().within("a write", again.write([outgoingOf(textRecords(output, 0, 1, "again"))]));
    await bench().within("a commit", again.commit(offsets));
    await expect(commit(writer, textRecords(output, 0, 1, "writer"))).rejects.toMatchObject({ code: "MR_FENCED" });
    await bench().untilSeen(output, 0, ["again0"]);
  });
}
