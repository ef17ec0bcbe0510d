import { expect, test } from "vitest";
import { OperationError, RecordError } from "../../../src/kernel/index.ts";
import { type RegisteredSchema, Writers, type WritersOptions } from "../../../src/schema/index.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { listenersOf } from "../../support/listeners.ts";

const { signal } = new AbortController();

/** A registry that knows ids below 100; an answer can be held back. */
function bench(more: Partial<WritersOptions<string>> = {}) {
  const clock = { nowMs: 1_000 };
  const asked: number[] = [];
  const held = new Map<number, Deferred<void>>();
  const byId = async (id: number): Promise<RegisteredSchema | undefined> => {
    asked.push(id);
    await held.get(id)?.promise;
    return id < 100 ? { id, version: 1, subject: "", text: `text ${id}` } : undefined;
  };
  const writers = new Writers<string>({
    registry: { byId },
    make: (text) => text.toUpperCase(),
    refusal: (thrown) => new RecordError("MR_DECODE_BODY", String(thrown)),
    monotonicMs: () => clock.nowMs,
    unknownForMs: 10_000,
    ...more,
  });
  return { writers, clock, asked, held };
}

function framed(id: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt32BE(id, 1);
  return bytes;
}

test("a value's writer is known once its id was resolved, and what is not framed is refused at once", async () => {
  const { writers } = bench();
  const bytes = Buffer.concat([Buffer.from("xx"), framed(7)]);
  expect(writers.of(bytes, 2, 8)).toBeUndefined();
  await writers.resolve(7, signal);
  expect([writers.of(bytes, 2, 8), writers.ids]).toEqual(["TEXT 7", [7]]);
  expect(() => writers.of(bytes, 0, 8)).toThrow("the first byte is 120, not 0");
  expect(() => writers.of(bytes, 4, 8)).toThrow("4 bytes, at least 5 needed");
});

test("an id that the registry does not know is refused until its time is over, and then asked for again", async () => {
  const { writers, clock, asked } = bench();
  await writers.resolve(100, signal);
  for (const nowMs of [1_000, 10_999]) {
    clock.nowMs = nowMs;
    expect(() => writers.byId(100)).toThrow("the registry does not know schema id 100");
  }
  clock.nowMs = 11_000;
  expect(writers.byId(100)).toBeUndefined();
  await writers.resolve(100, signal);
  expect(asked).toEqual([100, 100]);
});

test("what is refused of one id is remembered beside what is refused of others", async () => {
  const { writers, asked } = bench();
  for (const id of [100, 101, 102]) await writers.resolve(id, signal);
  for (const id of [100, 101, 102]) expect(() => writers.byId(id)).toThrow(`does not know schema id ${id}`);
  expect(asked).toEqual([100, 101, 102]);
});

test("who meets an id while it is asked for waits for that answer", async () => {
  const { writers, asked, held } = bench();
  held.set(7, deferred());
  const all = [1, 2, 3].map(() => writers.resolve(7, signal));
  held.get(7)?.resolve();
  await Promise.all(all);
  expect(listenersOf(signal)).toBe(0);
  expect([asked, writers.byId(7)]).toEqual([[7], "TEXT 7"]);
});

test("who waits for another's question gives up when it is called off, and the other goes on", async () => {
  const { writers, asked, held } = bench();
  held.set(7, deferred());
  const first = writers.resolve(7, signal);
  const stop = new AbortController();
  const second = writers.resolve(7, stop.signal);
  stop.abort(new Error("the task is lost"));
  await expect(second).rejects.toThrow("the task is lost");
  await expect(writers.resolve(7, stop.signal)).rejects.toThrow("the task is lost");
  held.get(7)?.resolve();
  await first;
  expect([asked, writers.byId(7)]).toEqual([[7], "TEXT 7"]);
});

test("one whose registry fails does not take with it whoever waits for the same id", async () => {
  const { writers, asked, held } = bench();
  held.set(7, deferred());
  const first = writers.resolve(7, signal);
  const second = writers.resolve(7, signal);
  held.get(7)?.reject(new OperationError("MR_REGISTRY", "away", { disposition: "retry" }));
  held.delete(7);
  await expect(first).rejects.toThrow("away");
  await second;
  expect([asked, writers.byId(7)]).toEqual([[7, 7], "TEXT 7"]);
});

test("a schema that cannot be read is refused for good, or ends the reading where its user says so", async () => {
  const make = (): never => {
    throw new Error("no record");
  };
  const { writers, clock, asked } = bench({ make });
  await writers.resolve(7, signal);
  clock.nowMs = 1e12;
  expect(() => writers.byId(7)).toThrow("no record");
  expect(asked).toEqual([7]);
  const refusal = (): never => {
    throw new OperationError("MR_SCHEMA_INCOMPATIBLE", "reading schema id 7");
  };
  await expect(bench({ make, refusal }).writers.resolve(7, signal)).rejects.toThrow("reading schema id 7");
});

test("the schema that was not used for longest goes first", async () => {
  const { writers } = bench({ idsMax: 2 });
  await writers.resolve(1, signal);
  await writers.resolve(2, signal);
  writers.byId(1);
  await writers.resolve(3, signal);
  expect([...writers.ids].sort()).toEqual([1, 3]);
});

test("what is refused is remembered of so many ids, and then begun anew", async () => {
  const { writers } = bench();
  for (let id = 100; id < 10_100; id++) await writers.resolve(id, signal);
  expect(() => writers.byId(100)).toThrow("does not know schema id 100");
  await writers.resolve(10_100, signal);
  expect(writers.byId(100)).toBeUndefined();
  expect(() => writers.byId(10_100)).toThrow("does not know schema id 10100");
});
