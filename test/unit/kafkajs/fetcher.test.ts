import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Fetcher } from "../../../src/adapters/kafkajs/fetcher.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { RawBatch } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, textRecord } from "../../support/records.ts";

const first = { topic: "t", partition: 0 };
const second = { topic: "u", partition: 0 };

/** A node that leads everything and answers each fetch with one record per topic, whatever the offset. */
function fetcherOf(deliver: (batch: RawBatch) => Promise<void>): Fetcher {
  const fetched = ["t", "u"].map((topic) => ({
    topic,
    partition: 0,
    errorCode: 0,
    lastStableOffset: 100,
    logStartOffset: 0,
    abortedTransactions: [],
    records: outgoingOf([textRecord(topic, 0, "a")], "output").bytes,
  }));
  // An answer takes a turn, as a real one does: without it the fetching would never let the test go on.
  const send = async () => nextTurn({ errorCode: 0, partitions: fetched });
  const link = { leaderOf: async () => 1, known: () => undefined, send } as unknown as ClusterLink;
  return new Fetcher({
    link,
    codecs: noCodecs,
    clock: new FakeClock(0),
    logger: silentLogger,
    unknownTopicMs: 30_000,
    deliver,
    changed: () => expect.fail("the log has not changed"),
    failed: (error) => expect.fail(error.message),
  });
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

// The successor of a feed that was moved while its batch waited for its turn stayed busy, and was never fetched again.
test("a partition that is moved while a batch of it waits for its turn is read on", async () => {
  const delivered: string[] = [];
  let release = (): void => undefined;
  const fetcher = fetcherOf(async ({ topic }) => {
    delivered.push(topic);
    // The first input's batch stays with the task, so that the second's waits behind it.
    if (delivered.length === 1) await new Promise<void>((resolve) => (release = resolve));
  });
  fetcher.start(first, 0);
  fetcher.start(second, 0);
  await turns(5);
  expect(delivered).toEqual(["t"]);
  fetcher.setPaused(first, true);
  fetcher.start(second, 0);
  release();
  await turns(10);
  fetcher.close();
  expect(delivered).toContain("u");
});
