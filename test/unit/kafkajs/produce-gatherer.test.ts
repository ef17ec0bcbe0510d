import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { ProduceGatherer } from "../../../src/adapters/kafkajs/produce-gatherer.ts";
import type { ProducedIn, ProducedPartition } from "../../../src/adapters/kafkajs/produce-request.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { listenersOf } from "../../support/listeners.ts";

const batch = (partition: number, size = 10, fill = 0): Outgoing => ({
  topic: "t",
  partition,
  role: "output",
  recordCount: 1,
  bytes: Buffer.alloc(size, fill),
  timestampMinMs: 0,
  timestampMaxMs: 0,
});
const produced = (partition: number, errorCode = 0): ProducedPartition => ({
  topic: "t",
  partition,
  errorCode,
  refused: [],
  message: null,
});
const turns = async (count = 3): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

/** A gatherer whose brokers answer when the test says so. */
function gathererOf() {
  const requests: { node: number; bytes: Promise<Buffer>; answer: Deferred<ProducedPartition[]> }[] = [];
  const send = (node: number, _lane: string, make: (broker: never) => ProtocolRequest): Promise<unknown> => {
    const { request } = make(undefined as never);
    const bytes = request.encode().then(({ buffer }) => Buffer.concat([buffer, ...(request.body ?? [])]));
    const answer = deferred<ProducedPartition[]>();
    requests.push({ node, bytes, answer });
    return answer.promise;
  };
  const gatherer = new ProduceGatherer({ send } as unknown as ClusterLink, 15_000);
  const fates: Record<string, unknown> = {};
  const sendAs = (
    name: string,
    node: number,
    outgoing: Outgoing,
    { signal, transaction }: { readonly signal?: AbortSignal; readonly transaction?: ProducedIn } = {},
  ): void => {
    gatherer.send(node, outgoing, signal, transaction).then(
      (answer) => {
        fates[name] = answer?.errorCode ?? "not named";
      },
      (error: unknown) => {
        fates[name] = error;
      },
    );
  };
  /** Partitions of each request so far, read out of its bytes: topic t, one byte of length, then each batch of `size`. */
  const partitions = (size: number): Promise<number[][]> =>
    Promise.all(
      requests.map(async ({ bytes }) => {
        const all = await bytes;
        const count = (all[11] ?? 0) - 1;
        return Array.from({ length: count }, (_, i) => all.readInt32BE(12 + i * (size + 6)));
      }),
    );
  return { requests, sendAs, fates, partitions };
}

test("what comes together in a turn for one broker goes in one request, and each broker has its own", async () => {
  const { requests, sendAs, partitions } = gathererOf();
  sendAs("a", 1, batch(0));
  sendAs("b", 2, batch(1));
  sendAs("c", 1, batch(2));
  await turns();
  expect(requests.map(({ node }) => node)).toEqual([1, 2]);
  expect(await partitions(10)).toEqual([[0, 2], [1]]);
});

test("two requests are on their way to a broker; what comes meanwhile goes together when one is answered", async () => {
  const { requests, sendAs, partitions, fates } = gathererOf();
  for (const partition of [0, 1, 2, 3]) {
    sendAs(`p${partition}`, 1, batch(partition));
    await turns();
  }
  expect(await partitions(10)).toEqual([[0], [1]]);
  requests[0]!.answer.resolve([produced(0)]);
  await turns();
  expect(await partitions(10)).toEqual([[0], [1], [2, 3]]);
  expect(fates).toEqual({ p0: 0 });
});

test("each batch has its own answer: one that failed holds up and fails no other", async () => {
  const { requests, sendAs, fates } = gathererOf();
  for (const partition of [0, 1, 2]) sendAs(`p${partition}`, 1, batch(partition));
  await turns();
  requests[0]!.answer.resolve([produced(2), produced(0, 6)]);
  await turns();
  expect(fates).toEqual({ p0: 6, p1: "not named", p2: 0 });
});

test("batches of two tasks for one topic-partition go in requests of their own, in their order, and each has its own answer", async () => {
  const { requests, sendAs, partitions, fates } = gathererOf();
  sendAs("first", 1, batch(0, 10, 1));
  sendAs("second", 1, batch(0, 10, 2));
  sendAs("other", 1, batch(1));
  await turns();
  expect(await partitions(10)).toEqual([[0, 1], [0]]);
  expect((await requests[0]!.bytes).includes(Buffer.alloc(10, 1))).toBe(true);
  expect((await requests[1]!.bytes).includes(Buffer.alloc(10, 2))).toBe(true);
  requests[1]!.answer.resolve([produced(0, 10)]);
  await turns();
  expect(fates).toEqual({ second: 10 });
});

test("a request is bounded: 4 MiB of batches, or one that is larger", async () => {
  const { requests, sendAs } = gathererOf();
  const mebibyte = 1024 * 1024;
  for (let partition = 0; partition < 5; partition++) sendAs(`p${partition}`, 1, batch(partition, mebibyte));
  sendAs("large", 1, batch(9, 5 * mebibyte));
  await turns();
  const sizes = async () => (await Promise.all(requests.map(({ bytes }) => bytes))).map(({ length }) => length);
  // A few bytes beside the batches.
  expect((await sizes()).map((size) => Math.floor(size / mebibyte))).toEqual([4, 1]);
  requests[0]!.answer.resolve([0, 1, 2, 3].map((partition) => produced(partition)));
  await turns();
  expect((await sizes()).map((size) => Math.floor(size / mebibyte))).toEqual([4, 1, 5]);
});

test("an error of the request is every batch's, and the next request is made all the same", async () => {
  const { requests, sendAs, fates } = gathererOf();
  sendAs("a", 1, batch(0));
  sendAs("b", 1, batch(1));
  await turns();
  const cut = new Error("the connection ended");
  requests[0]!.answer.reject(cut);
  await turns();
  expect(fates).toEqual({ a: cut, b: cut });
  sendAs("c", 1, batch(2));
  await turns();
  expect(requests).toHaveLength(2);
});

test("what waits behind a request that failed is told so at once: its leader may be another one by now", async () => {
  const { requests, sendAs, fates } = gathererOf();
  for (const partition of [0, 1, 2]) {
    sendAs(`p${partition}`, 1, batch(partition));
    await turns();
  }
  const timedOut = new Error("timed out");
  requests[0]!.answer.reject(timedOut);
  await turns();
  expect(fates).toEqual({ p0: timedOut, p2: timedOut });
  expect(requests).toHaveLength(2);
});

test("a batch that waits for its turn is not sent when it is called off", async () => {
  const { requests, sendAs, partitions, fates } = gathererOf();
  const stop = new AbortController();
  for (const partition of [0, 1]) {
    sendAs(`p${partition}`, 1, batch(partition));
    await turns();
  }
  sendAs("off", 1, batch(2), { signal: stop.signal });
  sendAs("on", 1, batch(3));
  const reason = new Error("the task moved");
  stop.abort(reason);
  await turns();
  expect(fates).toEqual({ off: reason });
  requests[0]!.answer.resolve([produced(0)]);
  await turns();
  expect(await partitions(10)).toEqual([[0], [1], [3]]);
});

test("nobody listens for the end of a batch that was answered, or refused with its request", async () => {
  const { requests, sendAs, fates } = gathererOf();
  const { signal } = new AbortController();
  sendAs("answered", 1, batch(0), { signal });
  sendAs("refused", 2, batch(0), { signal });
  await turns();
  expect(listenersOf(signal)).toBe(2);
  requests[0]!.answer.resolve([produced(0)]);
  requests[1]!.answer.reject(new Error("cut"));
  await turns();
  expect(fates).toEqual({ answered: 0, refused: new Error("cut") });
  expect(listenersOf(signal)).toBe(0);
});

test("a batch whose sender has given up before is not sent", async () => {
  const { requests, fates, sendAs } = gathererOf();
  const reason = new Error("the task is lost");
  sendAs("late", 1, batch(0), { signal: AbortSignal.abort(reason) });
  await turns();
  expect([fates["late"], requests]).toEqual([reason, []]);
});

test("a request is of one transaction or of none, and batches of one keep their order", async () => {
  const { requests, sendAs } = gathererOf();
  const [one, two] = ["n.0", "n.1"].map((transactionalId) => ({ transactionalId, isSecondVersion: true }));
  sendAs("a", 1, batch(0), { transaction: one! });
  sendAs("b", 1, batch(1));
  sendAs("c", 1, batch(2), { transaction: two! });
  sendAs("d", 1, batch(3), { transaction: one! });
  await turns();
  for (let i = 0; i < 3; i++) {
    requests[i]!.answer.resolve([]);
    await turns();
  }
  // The id follows the header's tags: one byte of its length, and 0 where there is none.
  const named = async ({ bytes }: { bytes: Promise<Buffer> }): Promise<string> => {
    const all = await bytes;
    return all.toString("utf8", 2, 1 + (all[1] ?? 0));
  };
  expect(await Promise.all(requests.map(named))).toEqual(["n.0", "", "n.1"]);
});
