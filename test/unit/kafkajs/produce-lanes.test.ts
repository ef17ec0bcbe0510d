import fc from "fast-check";
import { expect, test } from "vitest";
import { ProduceLanes } from "../../../src/adapters/kafkajs/produce-lanes.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";

const batch = (partition: number, size = 10): Outgoing => ({
  topic: "t",
  partition,
  role: "output",
  recordCount: 1,
  bytes: Buffer.alloc(size),
  timestampMinMs: 0,
  timestampMaxMs: 0,
});

/** Sends that end when the test says so. */
function scripted() {
  const sent: { readonly batch: Outgoing; readonly answer: Deferred<void> }[] = [];
  const send = (outgoing: Outgoing): Promise<void> => {
    const answer = deferred();
    sent.push({ batch: outgoing, answer });
    return answer.promise;
  };
  return { sent, send };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("one send is in flight per topic-partition, and different ones go side by side", async () => {
  const { sent, send } = scripted();
  const lanes = new ProduceLanes(send, 1_000);
  const [a1, a2, b1] = [batch(0), batch(0), batch(1)];
  await lanes.write([a1, a2, b1]);
  expect(sent.map((one) => one.batch)).toEqual([a1, b1]);
  sent[1]!.answer.resolve();
  await turn();
  expect(sent).toHaveLength(2);
  sent[0]!.answer.resolve();
  await turn();
  expect(sent[2]!.batch).toBe(a2);
});

test("a write resolves when there is room, and a flush when everything is confirmed", async () => {
  const { sent, send } = scripted();
  const lanes = new ProduceLanes(send, 15);
  const done: string[] = [];
  void lanes.write([batch(0), batch(0)]).then(() => done.push("room"));
  void lanes.flush().then(() => done.push("flushed"));
  await turn();
  expect(done).toEqual([]);
  sent[0]!.answer.resolve();
  await turn();
  expect(done).toEqual(["room"]);
  sent[1]!.answer.resolve();
  await turn();
  expect(done).toEqual(["room", "flushed"]);
});

test("after a failure nothing more is sent and every caller gets that failure", async () => {
  const { sent, send } = scripted();
  const lanes = new ProduceLanes(send, 15);
  const waiting = lanes.write([batch(0), batch(0)]).catch((error: unknown) => error);
  const flushing = lanes.flush().catch((error: unknown) => error);
  const reason = new Error("the broker is gone");
  sent[0]!.answer.reject(reason);
  expect(await waiting).toBe(reason);
  expect(await flushing).toBe(reason);
  await expect(lanes.write([batch(1)])).rejects.toBe(reason);
  expect(sent).toHaveLength(1);
});

test("settled waits for what is in flight after a failure in another partition", async () => {
  const { sent, send } = scripted();
  const lanes = new ProduceLanes(send, 1_000);
  await lanes.write([batch(0), batch(1)]);
  sent[0]!.answer.reject(new Error("refused"));
  let isSettled = false;
  void lanes.settled().then(() => {
    isSettled = true;
  });
  await turn();
  expect(isSettled).toBe(false);
  sent[1]!.answer.resolve();
  await turn();
  expect(isSettled).toBe(true);
});

test("whatever order the answers come in, each partition is sent in the order written and never twice at once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }),
      fc.infiniteStream(fc.nat()),
      async (partitions, picks) => {
        const inFlight = new Map<number, Outgoing>();
        const answers = new Map<number, Deferred<void>>();
        const order: Outgoing[][] = [[], [], [], []];
        const lanes = new ProduceLanes((outgoing) => {
          expect(inFlight.has(outgoing.partition)).toBe(false);
          inFlight.set(outgoing.partition, outgoing);
          const answer = deferred();
          answers.set(outgoing.partition, answer);
          order[outgoing.partition]!.push(outgoing);
          return answer.promise;
        }, 1_000);
        const written = partitions.map((partition) => batch(partition));
        for (const one of written) await lanes.write([one]);
        while (answers.size > 0) {
          const open = [...answers.keys()];
          const partition = open[picks.next().value % open.length]!;
          inFlight.delete(partition);
          const answer = answers.get(partition)!;
          answers.delete(partition);
          answer.resolve();
          await turn();
        }
        await lanes.flush();
        for (const [partition, sent] of order.entries()) {
          expect(sent).toEqual(written.filter((one) => one.partition === partition));
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("after a failure in one topic-partition the others send what is in flight, and nothing that is queued", async () => {
  const { sent, send } = scripted();
  const lanes = new ProduceLanes(send, 1_000);
  await lanes.write([batch(0), batch(1), batch(1)]);
  sent[0]!.answer.reject(new Error("refused"));
  await turn();
  sent[1]!.answer.resolve();
  await turn();
  await lanes.settled();
  expect(sent).toHaveLength(2);
});
