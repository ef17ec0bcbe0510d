/** A bounded run is the live pump over a range: the same records, byte for byte, and the same accounts. */
import { expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { Facts, silentLogger } from "../../../src/kernel/index.ts";
import {
  type BatchWriter,
  type BoundedRun,
  BufferBudget,
  RecordRefusedError,
  runBounded,
  type StageTask,
  TaskFatalError,
  TaskReopenError,
} from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import type { Outgoing, RawBatch } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { listenersOf } from "../../support/listeners.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { Cluster } from "./cluster.ts";
import {
  AutoClock,
  avro,
  batchOf,
  compiled,
  headersOf,
  nextTurn,
  order,
  orderSchema,
  recordsOf,
  rowOf,
  totalSchema,
  totalsStage,
} from "./fixture.ts";

const never = new AbortController().signal;

/** Time passes for waits, and records are all of one moment. */
class OneMoment extends AutoClock {
  override now(): number {
    return 1_700_000_000_000;
  }
}

/** Orders with repeats, refunds and missing amounts among them. */
const rows: readonly Row[] = Array.from({ length: 400 }, (_, i) => {
  const amount = i % 13 === 5 ? -1 : i % 17 === 4 ? null : i;
  const id = i % 10 === 7 ? i - 3 : i;
  return { ...order(`o${id}`, { customer: `c${id % 5}`, amount }), event_id: `inbox-0-${i}` };
});

const runOf = (
  task: StageTask,
  more: Pick<BoundedRun, "from" | "read" | "openWriter"> & Partial<BoundedRun>,
): BoundedRun => ({
  task,
  bounds: { records: 50, bytes: 1_000_000, lingerMs: 5 },
  share: new BufferBudget({ bytesMax: 1_000_000, reservedBytesPerTask: 0 }).join(),
  clock: new OneMoment(),
  facts: new Facts(silentLogger),
  yieldToLoop: nextTurn,
  timeSliceMs: 10,
  ...more,
});

function clusterTask(cluster: Cluster, partition: number): StageTask {
  const topic = (name: string) => ({ topic: name, partitions: 2, messageBytesMax: 1_048_588 });
  const { registry } = cluster;
  const clock = new OneMoment();
  const topics = { output: topic("totals"), deadLetters: topic("shop.dead-letters") };
  return compiled(totalsStage, { registry, clock, ...topics }).openTask(partition);
}

test("over the range that a live stage has worked off, it writes what that one wrote, byte for byte", async () => {
  const live = new Cluster(totalsStage);
  await live.send(rows);
  const runner = await live.run({ clock: new OneMoment() });
  await live.catchUp();

  const bounded = new Cluster(totalsStage);
  await bounded.send(rows);
  const counts = { in: 0, out: 0 };
  for (const { partition, low, end } of await bounded.broker.admin.watermarks("orders", never)) {
    const made = await runBounded(
      runOf(clusterTask(bounded, partition), {
        from: low,
        read: (from, signal) => bounded.broker.read({ topic: "orders", partition, from, to: end }, signal),
        openWriter: () => bounded.broker.writer(),
      }),
      never,
    );
    counts.in += made.in;
    counts.out += made.out;
  }

  for (const topic of ["totals", "shop.dead-letters"]) {
    const written = await live.records(topic);
    expect(written.length).toBeGreaterThan(20);
    expect(await bounded.records(topic)).toEqual(written);
  }
  expect(counts).toEqual({ in: runner.counts().in, out: runner.counts().out });
  await live.close();
  await bounded.close();
});

/** What writers have flushed; they fail as the test says, and as the port says are dead then. */
class Pages {
  readonly durable: Outgoing[] = [];
  readonly calls: string[] = [];
  opened = 0;
  closed = 0;
  onWrite: (call: number) => Error | undefined = () => undefined;
  onFlush: (call: number) => Error | undefined = () => undefined;
  #writes = 0;
  #flushes = 0;

  readonly openWriter = (): BatchWriter => {
    this.opened++;
    let written: Outgoing[] = [];
    let death: Error | undefined;
    return {
      write: async (outgoing) => {
        this.calls.push(`write ${outgoing.reduce((sum, batch) => sum + batch.recordCount, 0)}`);
        death ??= this.onWrite(++this.#writes);
        if (death !== undefined) throw death;
        written.push(...outgoing);
      },
      flush: async () => {
        this.calls.push("flush");
        death ??= this.onFlush(++this.#flushes);
        if (death !== undefined) throw death;
        this.durable.push(...written);
        written = [];
      },
      close: async () => {
        this.closed++;
        death ??= new TaskFatalError("the writer is closed");
      },
    };
  };
}

const ordersFrom = (from: number, to: number): RawBatch[] =>
  Array.from({ length: Math.ceil((to - from) / 20) }, (_, batch) => {
    const offset = from + batch * 20;
    const records = Array.from({ length: Math.min(20, to - offset) }, (_, i) => ({
      value: avro(orderSchema, order(`o${offset + i}`)),
    }));
    return batchOf(records, { offset });
  });

test("it works off its range and no more, in chunks of the same size as a live stage, and flushes each", async () => {
  const pages = new Pages();
  const run = runOf(compiled(totalsStage).openTask(0), {
    from: 7,
    read: (from) => ordersFrom(from, 67),
    openWriter: pages.openWriter,
    bounds: { records: 25, bytes: 1_000_000, lingerMs: Number.POSITIVE_INFINITY },
  });
  const { signal } = new AbortController();
  expect(await runBounded(run, signal)).toMatchObject({ in: 60, out: 60 });
  expect(listenersOf(signal)).toBe(0);
  expect(pages.calls).toEqual(["write 25", "flush", "write 25", "flush", "write 10", "flush"]);
  expect(await runBounded({ ...run, from: 67, read: () => [] }, never)).toMatchObject({ in: 0 });
});

test("a failed write is done again from the last chunk that was flushed, with the stores as they were then", async () => {
  const pages = new Pages();
  pages.onWrite = (call) => (call === 2 ? new TaskReopenError("not confirmed") : undefined);
  const asked: number[] = [];
  const run = runOf(compiled(totalsStage).openTask(0), {
    from: 0,
    read: (from) => {
      asked.push(from);
      return ordersFrom(from, 60);
    },
    openWriter: pages.openWriter,
    bounds: { records: 25, bytes: 1_000_000, lingerMs: Number.POSITIVE_INFINITY },
  });
  expect(await runBounded(run, never)).toMatchObject({ in: 60, out: 60 });
  expect(asked).toEqual([0, 25]);
  expect([pages.opened, pages.closed]).toEqual([2, 2]);
  const counted = recordsOf(pages.durable, "output").map(({ value }) => rowOf(totalSchema, value)["orders"]);
  expect(counted).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
});

test.each(["write", "flush"])(
  "a failed %s of the last chunk is done again too, and does not pass for the end",
  async (what) => {
    const pages = new Pages();
    const fail = (call: number) => (call === 3 ? new TaskReopenError("not confirmed") : undefined);
    if (what === "write") pages.onWrite = fail;
    else pages.onFlush = fail;
    const run = runOf(compiled(totalsStage).openTask(0), {
      from: 0,
      read: (from) => ordersFrom(from, 60),
      openWriter: pages.openWriter,
      bounds: { records: 25, bytes: 1_000_000, lingerMs: Number.POSITIVE_INFINITY },
    });
    expect(await runBounded(run, never)).toMatchObject({ in: 60, out: 60 });
    const counted = recordsOf(pages.durable, "output").map(({ value }) => rowOf(totalSchema, value)["orders"]);
    expect(counted).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect([pages.opened, pages.closed]).toEqual([2, 2]);
  },
);

test("a refused record becomes a dead letter as in a live stage", async () => {
  const pages = new Pages();
  pages.onWrite = (call) => (call === 1 ? new RecordRefusedError({ topic: "out", partition: 0 }, 3, "no") : undefined);
  const task = compiled(totalsStage, { output: { topic: "out", partitions: 1, messageBytesMax: 1_048_588 } }).openTask(
    0,
  );
  const run = runOf(task, { from: 0, read: (from) => ordersFrom(from, 10), openWriter: pages.openWriter });
  expect(await runBounded(run, never)).toMatchObject({ in: 10, out: 9 });
  const letters = recordsOf(pages.durable, "dead-letter").map(headersOf);
  expect(letters.map((headers) => headers["__streams.errors.offset"])).toEqual(["3"]);
});

/** Runs orders, of which some are too large for the output topic, from one memory broker's writers into its logs. */
async function runOverMemory(batches: readonly RawBatch[], bounds: BoundedRun["bounds"]) {
  const topics = [
    { topic: "out", partitions: 1, replication: undefined, configs: { "max.message.bytes": "20000" } },
    { topic: "shop.dead-letters", partitions: 1, replication: undefined, configs: {} },
  ];
  const clock = new OneMoment();
  const broker = createMemoryBroker({ codecs: noCodecs, clock, logger: silentLogger, bytesMax: 1_000_000, topics });
  const task = compiled(totalsStage, {
    clock,
    output: { topic: "out", partitions: 1, messageBytesMax: 1_048_588 },
    deadLetters: { topic: "shop.dead-letters", partitions: 1, messageBytesMax: 1_048_588 },
  }).openTask(0);
  let tries = 0;
  const run = runOf(task, {
    from: 0,
    read: () => {
      // A run that stands still would not even let the test time out.
      if (++tries > 5) throw new Error("it does not get on");
      return batches;
    },
    openWriter: () => broker.writer(),
    bounds,
  });
  const { in: count, out } = await runBounded(run, never);
  const recordsIn = async (topic: string): Promise<PlainRecord[]> => {
    const [log] = await broker.admin.watermarks(topic, never);
    const records: PlainRecord[] = [];
    const range = { topic, partition: 0, from: 0, to: log?.end ?? 0 };
    for await (const part of broker.read(range, never)) records.push(...plainRecords(part));
    return records;
  };
  const customers = (await recordsIn("out")).map(({ value }) => rowOf(totalSchema, value)["customer"]);
  const letters = (await recordsIn("shop.dead-letters")).map((letter) => headersOf(letter)["__streams.errors.offset"]);
  await broker.close();
  return { in: count, out, tries, customers, letters };
}

/** Orders of a customer each, whose names are of these lengths at some offsets. */
const customersFrom = (from: number, to: number, lengths: Readonly<Record<number, number>> = {}): RawBatch =>
  batchOf(
    Array.from({ length: to - from }, (_, i) => {
      const offset = from + i;
      const customer = `c${offset}`.padEnd(lengths[offset] ?? 0, ".");
      return { value: avro(orderSchema, order(`o${offset}`, { customer })) };
    }),
    { offset: from },
  );

test.each([5, Number.POSITIVE_INFINITY])(
  "of a broker's own writers, one refused record costs its dead letter and nothing else, and the run ends: lingering %d ms",
  async (lingerMs) => {
    const bounds = { records: 50, bytes: 1_000_000, lingerMs };
    expect(await runOverMemory([customersFrom(0, 10, { 3: 30_000 })], bounds)).toEqual({
      in: 10,
      out: 9,
      tries: 2,
      customers: [0, 1, 2, 4, 5, 6, 7, 8, 9].map((i) => `c${i}`),
      letters: ["3"],
    });
  },
);

test("records refused in the second batch that a chunk sends are told apart, though the first lies in the same log", async () => {
  const bounds = { records: 50, bytes: 1_000_000, lingerMs: 0 };
  const batches = [customersFrom(0, 4), customersFrom(4, 10, { 5: 30_000, 8: 40_000 })];
  const made = await runOverMemory(batches, bounds);
  expect(made).toMatchObject({ in: 10, out: 8, tries: 3, letters: ["5", "8"] });
  // The first batch is there once per try: a bounded run writes at least once.
  const first = ["c0", "c1", "c2", "c3"];
  expect(made.customers).toEqual([...first, ...first, ...first, "c4", "c6", "c7", "c9"]);
});

test("what halts it is what it rejects with: a write that cannot go on, a range that cannot be read", async () => {
  const pages = new Pages();
  pages.onWrite = () => new TaskFatalError("the topic is gone");
  const task = () => compiled(totalsStage).openTask(0);
  const read = (from: number) => ordersFrom(from, 10);
  const { openWriter } = pages;
  await expect(runBounded(runOf(task(), { from: 0, read, openWriter }), never)).rejects.toThrow("the topic is gone");
  expect([pages.opened, pages.closed]).toEqual([1, 1]);
  async function* broken(): AsyncGenerator<RawBatch> {
    yield* ordersFrom(0, 10);
    throw new Error("retention was faster");
  }
  const run = runOf(task(), { from: 0, read: broken, openWriter: new Pages().openWriter });
  await expect(runBounded(run, never)).rejects.toThrow("retention was faster");
});

test("a signal ends it with its reason, and the stores hold what was flushed", async () => {
  const stop = new AbortController();
  const pages = new Pages();
  const task = compiled(totalsStage).openTask(0);
  async function* endless(from: number, signal: AbortSignal): AsyncGenerator<RawBatch> {
    yield* ordersFrom(from, 60);
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }
  const bounds = { records: 25, bytes: 1_000_000, lingerMs: Number.POSITIVE_INFINITY };
  const { openWriter } = pages;
  const running = runBounded(runOf(task, { from: 0, read: endless, openWriter, bounds }), stop.signal);
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  expect([pages.opened, pages.closed]).toEqual([1, 1]);
  expect(pages.calls).toEqual(["write 25", "flush", "write 25", "flush"]);
  expect(task.stores.map(({ entryCount }) => entryCount)).toEqual([50, 1]);
});

test("a reading that ends because it was called off does not pass for the end of the range", async () => {
  const pages = new Pages();
  pages.onWrite = (call) => (call === 1 ? new TaskReopenError("not confirmed") : undefined);
  let readings = 0;
  async function* quiet(from: number, signal: AbortSignal): AsyncGenerator<RawBatch> {
    const [first, ...rest] = ordersFrom(from, 60);
    readings++;
    if (first !== undefined) yield first;
    // The first reading ends as if nothing more came, once nobody wants it any more; the second takes its time.
    if (readings === 1)
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    else {
      for (let turn = 0; turn < 50; turn++) await nextTurn();
      yield* rest;
    }
  }
  const run = runOf(compiled(totalsStage).openTask(0), {
    from: 0,
    read: quiet,
    openWriter: pages.openWriter,
    bounds: { records: 20, bytes: 1_000_000, lingerMs: Number.POSITIVE_INFINITY },
  });
  expect(await runBounded(run, never)).toMatchObject({ in: 60, out: 60 });
  expect(readings).toBe(2);
});
