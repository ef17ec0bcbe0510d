import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Fetcher } from "../../../src/adapters/kafkajs/fetcher.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { PartitionTroubles } from "../../../src/adapters/kafkajs/partition-troubles.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, textRecord } from "../../support/records.ts";

/** Fetches of so many partitions on one node, each of which brings one record of partition 0, as large as is said. */
function fetchesOf(partitions: number, valueBytes: number) {
  const clock = new FakeClock(0);
  let fetches = 0;
  /** Which partitions each fetch asks for. */
  const asked: number[][] = [[]];
  const send = async (): Promise<unknown> => {
    fetches++;
    asked.push([]);
    const { bytes } = outgoingOf([{ ...textRecord("t", 0, "k"), value: Buffer.alloc(valueBytes) }]);
    // Its base offset, which no checksum covers.
    bytes.writeBigInt64BE(BigInt(fetches - 1), 0);
    const partition = { errorCode: 0, lastStableOffset: 100, logStartOffset: 0, abortedTransactions: [] };
    return nextTurn({ errorCode: 0, partitions: [{ topic: "t", partition: 0, ...partition, records: bytes }] });
  };
  const partition = (at: { partition: number }): undefined => void asked.at(-1)?.push(at.partition);
  const link = { leader: () => 1, partition, known: () => undefined, send } as unknown as ClusterLink;
  const fetcher = new Fetcher({
    group: "g",
    roomFor: () => undefined,
    link,
    codecs: noCodecs,
    clock,
    logger: silentLogger,
    unknownTopicMs: 30_000,
    troubles: new PartitionTroubles(clock, silentLogger),
    // Taken at once, through as many promises as lie between a membership and a task's queue.
    deliver: async () => {
      for (let step = 0; step < 10; step++) await Promise.resolve();
    },
    changed: () => expect.fail("the log has not changed"),
    failed: (error) => expect.fail(error.message),
  });
  for (let partition = 0; partition < partitions; partition++) fetcher.start({ topic: "t", partition }, 0);
  const passing = async (ms: number): Promise<number> => {
    clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    return fetches;
  };
  return { fetcher, passing, asked };
}

test("while little arrives, 200 partitions are asked for every 10 ms", async () => {
  const { fetcher, passing } = fetchesOf(200, 100);
  expect([await passing(0), await passing(9), await passing(1), await passing(9), await passing(1)]).toEqual([
    1, 1, 2, 2, 3,
  ]);
  fetcher.close();
});

test("however many partitions there are, they are asked for every 20 ms", async () => {
  const { fetcher, passing } = fetchesOf(2_000, 100);
  expect([await passing(0), await passing(19), await passing(1)]).toEqual([1, 1, 2]);
  fetcher.close();
});

test("a few partitions are asked for as often as the broker answers", async () => {
  const { fetcher, passing } = fetchesOf(4, 100);
  expect(await passing(0)).toBeGreaterThan(3);
  fetcher.close();
});

test("after a fetch that brought much the next one follows at once", async () => {
  const { fetcher, passing } = fetchesOf(200, 70_000);
  expect(await passing(0)).toBeGreaterThan(3);
  fetcher.close();
});

test("a partition that its task has taken at once is in the next fetch, and does not wait for the others' answer", async () => {
  const { fetcher, passing, asked } = fetchesOf(3, 100);
  await passing(0);
  const whole = asked.filter((partitions) => partitions.length > 0).map((partitions) => [...partitions].sort());
  expect(whole.length).toBeGreaterThan(2);
  expect(whole).toEqual(whole.map(() => [0, 1, 2]));
  fetcher.close();
});
