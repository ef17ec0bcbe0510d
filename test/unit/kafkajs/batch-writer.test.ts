import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { KafkaBatchWriter } from "../../../src/adapters/kafkajs/batch-writer.ts";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { SendBatch } from "../../../src/adapters/kafkajs/produce-lanes.ts";
import { OperationError } from "../../../src/kernel/index.ts";
import { RecordRefusedError } from "../../../src/runtime/index.ts";
import { deferred } from "../../support/deadline.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";

const batch = () => outgoingOf(textRecords("out", 0, 2));
const writerOf = (send: SendBatch, { signal } = new AbortController()) =>
  new KafkaBatchWriter(send, { bytesMax: 1_000_000, doing: "writing the feed", signal });

test("what was written is in the log once it was flushed", async () => {
  const answer = deferred();
  const sent: unknown[] = [];
  const writer = writerOf(async (outgoing) => {
    sent.push(outgoing.topic);
    await answer.promise;
  });
  await writer.write([batch()]);
  let isFlushed = false;
  const flushing = writer.flush().then(() => {
    isFlushed = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect([sent, isFlushed]).toEqual([["out"], false]);
  answer.resolve();
  await flushing;
  await writer.close();
});

test("an error says what was being done, and a refused record is told as what it is", async () => {
  const failed = writerOf(() => Promise.reject(new KafkaAnswerError("producing", kafkaCode.topicAuthorizationFailed)));
  await failed.write([batch()]);
  const error = await failed.flush().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OperationError);
  expect((error as Error).message).toMatch(/^writing the feed: /);
  const refusal = Object.create(RecordRefusedError.prototype) as RecordRefusedError;
  const refused = writerOf(() => Promise.reject(refusal));
  await refused.write([batch()]);
  expect(await refused.flush().catch((thrown: unknown) => thrown)).toBe(refusal);
});

test("a closed writer takes nothing, and closing waits for what is on its way", async () => {
  const answer = deferred();
  const writer = writerOf(() => answer.promise);
  await writer.write([batch()]);
  let isClosed = false;
  const closing = writer.close().then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect(isClosed).toBe(false);
  await expect(writer.write([batch()])).rejects.toThrow("writing the feed: the writer is closed");
  answer.resolve();
  await closing;
});

test("a writer is cut with the reason of its signal, also by one that was over before", async () => {
  const ending = new AbortController();
  const before = writerOf(async () => undefined, ending);
  ending.abort(new Error("the client is closed"));
  for (const writer of [before, writerOf(async () => undefined, ending)])
    await expect(writer.write([batch()])).rejects.toThrow("the client is closed");
});

test("a closed writer listens to nobody: a client that has given out many holds none of them", async () => {
  const ending = new AbortController();
  const writers = Array.from({ length: 3 }, () => writerOf(async () => undefined, ending));
  expect(getEventListeners(ending.signal, "abort")).toHaveLength(3);
  for (const writer of writers) await writer.close();
  expect(getEventListeners(ending.signal, "abort")).toEqual([]);
});
