import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { readRange } from "../../../src/adapters/kafkajs/read.ts";
import { messageOf } from "../../../src/kernel/index.ts";
import type { OffsetRange } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { type RawBatch, writeBaseOffset } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { damagedBytes, outgoingOf, textRecords } from "../../support/records.ts";

interface Answer {
  readonly records?: Buffer;
  readonly lastStableOffset?: number;
  readonly errorCode?: number;
  /** As a quota makes a broker do it: an answer that names no partition. */
  readonly isEmpty?: boolean;
}

/** Bytes of a batch of `count` records at `first`. */
function batchAt(first: number, count: number): Buffer {
  const { bytes } = outgoingOf(textRecords("t", 0, count));
  writeBaseOffset(bytes, 0, first);
  return bytes;
}

/** A reader of a leader that gives these answers in turn, and then none; time passes whenever it sleeps. */
function reading(answers: readonly Answer[], range: Partial<OffsetRange> = {}, leaderErrors: readonly Error[] = []) {
  const clock = new FakeClock(0);
  const asked: number[] = [];
  const bytesAsked: number[] = [];
  const left = [...answers];
  const errors = [...leaderErrors];
  let closed = 0;
  let doubts = 0;
  const link = {
    leaderOf: async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return 1;
    },
    doubt: () => void doubts++,
    known: () => undefined,
    close: async () => void closed++,
    send: async (_node: number, _name: string, request: (broker: object) => ProtocolRequest) => {
      const { buf } = await request({ versions: null }).request.encode();
      // Behind the fetch's own fields and the topic's name: partition, leader epoch, offset, last epoch, start, bytes.
      const at = buf.indexOf("t") + 2;
      asked.push(Number(buf.readBigInt64BE(at + 8)));
      bytesAsked.push(buf.readInt32BE(at + 28));
      await nextTurn();
      const answer = left.shift();
      if (answer === undefined) return new Promise(() => undefined);
      const { records = Buffer.alloc(0), lastStableOffset = 10, errorCode = 0, isEmpty = false } = answer;
      const of = { topic: "t", partition: 0, errorCode, lastStableOffset, logStartOffset: 0, records };
      return { errorCode: 0, partitions: isEmpty ? [] : [{ ...of, abortedTransactions: [], divergesAt: undefined }] };
    },
  };
  const stop = new AbortController();
  const options = { link: link as unknown as ClusterLink, codecs: noCodecs, clock, unknownTopicMs: 30_000 };
  const batches: RawBatch[] = [];
  let outcome: string | undefined;
  void (async () => {
    try {
      for await (const batch of readRange({ topic: "t", partition: 0, from: 0, ...range }, options, stop.signal))
        batches.push(batch);
      outcome = "ended";
    } catch (error) {
      outcome = messageOf(error);
    }
  })();
  /** Lets the reading go on until it ends or waits for an answer that does not come. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 200 && outcome === undefined; turn++) {
      if (clock.sleeping > 0) clock.advance(1_000);
      await nextTurn();
    }
  };
  return {
    asked,
    bytesAsked,
    stop,
    settle,
    outcome: () => outcome,
    closed: () => closed,
    doubts: () => doubts,
    offsets: () => batches.flatMap(({ offsets, count }) => [...offsets.subarray(0, count)]),
    batches,
  };
}

describe("reading a range", () => {
  // Compaction had taken the last records below `to`, and the reader waited for ever for what was never to come.
  test("ends where the log reaches the range's end and nothing of it is left", async () => {
    const reader = reading([{ records: batchAt(0, 3) }, { lastStableOffset: 10 }], { to: 10 });
    await reader.settle();
    expect(reader.outcome()).toBe("ended");
    expect(reader.offsets()).toEqual([0, 1, 2]);
    expect(reader.asked).toEqual([0, 3]);
    expect(reader.closed()).toBeGreaterThan(0);
  });

  test("waits for records that are not there yet, be it that a transaction is open, a quota answers, or the log is short", async () => {
    const reader = reading(
      [{ lastStableOffset: 0 }, { isEmpty: true }, { lastStableOffset: 9 }, { records: batchAt(0, 10) }],
      { to: 10 },
    );
    await reader.settle();
    expect(reader.outcome()).toBe("ended");
    expect(reader.asked).toEqual([0, 0, 0, 0]);
    expect(reader.offsets()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("without an end goes on for ever, however far the log reaches", async () => {
    const reader = reading([{ records: batchAt(0, 1), lastStableOffset: 1 }, { lastStableOffset: 1 }]);
    await reader.settle();
    expect(reader.outcome()).toBeUndefined();
    expect(reader.asked).toEqual([0, 1, 1]);
    reader.stop.abort(new Error("enough"));
    expect(reader.closed()).toBe(1);
  });

  test("cuts the batch that reaches beyond the range, and asks for nothing behind it", async () => {
    const reader = reading([{ records: batchAt(0, 5) }], { from: 1, to: 3 });
    await reader.settle();
    expect(reader.outcome()).toBe("ended");
    expect(reader.offsets()).toEqual([1, 2]);
    expect(reader.batches.at(-1)?.offsetNext).toBe(3);
  });

  test("passes over a batch of which nothing lies in the range", async () => {
    const reader = reading([{ records: batchAt(7, 3) }], { to: 5 });
    await reader.settle();
    expect(reader.outcome()).toBe("ended");
    expect(reader.batches).toEqual([]);
  });

  test("of an empty range asks for nothing", async () => {
    const reader = reading([], { from: 4, to: 4 });
    await reader.settle();
    expect(reader.outcome()).toBe("ended");
    expect(reader.asked).toEqual([]);
  });

  test("asks again, and for what lies behind, before it takes a batch for damaged", async () => {
    const damaged = damagedBytes("t", 0, 0, 4);
    const healed = reading([{ records: damaged }, { records: damaged }, { records: batchAt(0, 4) }], { to: 4 });
    await healed.settle();
    expect(healed.offsets()).toEqual([0, 1, 2, 3]);
    const behind = damaged.length + 1_048_576;
    expect(healed.bytesAsked).toEqual([4_194_304, behind, behind]);
    const lost = reading(
      [1, 2, 3].map(() => ({ records: damaged, lastStableOffset: 4 })),
      { to: 4 },
    );
    await lost.settle();
    expect(lost.outcome()).toBe("ended");
    expect(lost.asked).toEqual([0, 0, 0]);
    expect(lost.batches.map(({ damage }) => damage !== undefined)).toEqual([true]);
  });

  test("doubts the leader and asks again when it is told that it asked the wrong one", async () => {
    const reader = reading([{ errorCode: kafkaCode.notLeaderOrFollower }, { records: batchAt(0, 4) }], { to: 4 });
    await reader.settle();
    expect(reader.offsets()).toEqual([0, 1, 2, 3]);
    expect(reader.doubts()).toBe(1);
  });

  test("says that an offset is not in the log, and that there is no such topic, by name", async () => {
    const gone = reading([{ errorCode: kafkaCode.offsetOutOfRange }], { from: 7 });
    await gone.settle();
    expect(gone.outcome()).toBe(
      "reading t-0: fetching offset 7: Kafka answers error 1 (offsetOutOfRange): it is no longer, or not yet, in the log",
    );
    const unknown = Array.from({ length: 9 }, () => new KafkaAnswerError("looking", kafkaCode.unknownTopicOrPartition));
    const absent = reading([], {}, unknown);
    await absent.settle();
    expect(absent.outcome()).toBe("reading t-0: there is no such topic or partition");
    expect(absent.asked).toEqual([]);
  });

  test("ends with the signal's reason while it waits, and lets the connections go", async () => {
    const reader = reading([{ lastStableOffset: 0 }, { records: batchAt(0, 1) }], { to: 10 });
    await nextTurn();
    reader.stop.abort(new Error("enough"));
    await reader.settle();
    expect(reader.outcome()).toBe("enough");
    expect(reader.closed()).toBeGreaterThan(0);
  });
});
