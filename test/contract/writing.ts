import { expect, test } from "vitest";
import { RecordRefusedError, TaskFatalError } from "../../src/runtime/index.ts";
import { outgoingOf, textOf, textRecord, textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** `write` of a handle: order, durability, refusals. */
export function writing(bench: () => Bench): void {
  test("many writes keep their order per partition and are all there when the commit has answered", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(3)];
    const member = await bench().joinAlone([input], 1);
    const handle = await member.open(0);
    const pending: Promise<void>[] = [];
    const expected: string[][] = [[], [], []];
    for (let write = 0; write < 150; write++) {
      const batches = expected.map((texts, partition) => {
        const records = textRecords(output, partition, 1 + ((write + partition) % 4), `${write}.`);
        texts.push(...records.map(({ value }) => String(value)));
        return outgoingOf(records);
      });
      pending.push(handle.write(batches));
      if (write % 10 === 9) await bench().within("room", Promise.all(pending));
    }
    await bench().within("room for the writes", Promise.all(pending));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    await bench().untilEnds(
      output,
      expected.map((texts) => texts.length + bench().markersPerCommit),
    );
    for (const [partition, texts] of expected.entries()) {
      const read = await bench().read({ topic: output, partition, from: 0, to: texts.length });
      expect(read.map((record) => textOf(record))).toEqual(texts);
    }
  });

  test("one write may hold several batches of one partition, and their order is kept", async () => {
    const topic = await bench().topic(1);
    const handle = await (await bench().joinAlone([topic], 1)).open(0);
    const batches = ["a", "b", "c"].map((stem) => outgoingOf(textRecords(topic, 0, 2, stem)));
    await bench().within("a write", handle.write(batches));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    const read = await bench().read({ topic, partition: 0, from: 0, to: 6 });
    expect(read.map((record) => textOf(record))).toEqual(["a0", "a1", "b0", "b1", "c0", "c1"]);
  });

  test("a batch stays as it was after it has been written", async () => {
    const topic = await bench().topic(1);
    const handle = await (await bench().joinAlone([topic], 1)).open(0);
    const batch = outgoingOf(textRecords(topic, 0, 4));
    const before = Buffer.from(batch.bytes);
    await bench().within("two writes", Promise.all([handle.write([batch]), handle.write([batch])]));
    await bench().within("a commit", handle.commit(handle.offsetsNext));
    expect(batch.bytes.equals(before)).toBe(true);
    expect(await bench().read({ topic, partition: 0, from: 0, to: 8 })).toHaveLength(8);
  });

  test("a record larger than the topic allows is refused by name when it is written", async () => {
    const [input, output] = [await bench().topic(1), await bench().topic(2, { "max.message.bytes": "2000" })];
    const member = await bench().joinAlone([input], 1);
    const handle = await member.open(0);
    const large = { ...textRecord(output, 1, "large"), value: Buffer.alloc(3_000, "x") };
    const refusal = await refusalOf(async () => {
      await handle.write([outgoingOf(textRecords(output, 0, 2)), outgoingOf([large])]);
      await handle.commit(handle.offsetsNext);
    });
    expect(refusal).toMatchObject({ failure: "reopen", topic: output, partition: 1, index: 0 });
    const again = await member.open(0);
    await bench().within("a write after it", again.write([outgoingOf(textRecords(output, 1, 1, "small"))]));
    await bench().within("a commit after it", again.commit(again.offsetsNext));
    await bench().untilSeen(output, 1, ["small0"]);
  });

  test("writing to a topic that does not exist halts and creates nothing", async () => {
    const topic = await bench().topic(1);
    const missing = bench().name("missing");
    const handle = await (await bench().joinAlone([topic], 1)).open(0);
    const write = async (): Promise<void> => {
      await handle.write([outgoingOf(textRecords(missing, 0, 1))]);
      await handle.commit(handle.offsetsNext);
    };
    await expect(bench().within("the refusal", write())).rejects.toThrow(TaskFatalError);
    expect((await bench().broker.admin.describe([missing], bench().signal)).topics).toEqual([]);
  });
}

/** What a broker refuses of what is written. */
export async function refusalOf(act: () => Promise<void>): Promise<RecordRefusedError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof RecordRefusedError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
