import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Broker, TaskReopenError } from "../../src/runtime/index.ts";
import type { Outgoing } from "../../src/wire/index.ts";
import { type Fault, type FaultPlan, faultyBroker } from "../fakes/faulty-broker.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { partitions, type RowsById, ShopChain, sales } from "./support/shop-chain.ts";

const { signal } = new AbortController();
const saleCount = 6_000;
const deadlineMs = 60_000;

describeKafka("R2 on a real Kafka, in a stage with a dedupe and a rolling", () => {
  let broker: Broker;
  let folder: string;
  let inbox: string;
  /** What the stage puts out when nothing fails. */
  let undisturbed: RowsById;
  const chains: ShopChain[] = [];
  const inboxes: string[] = [];

  beforeAll(async () => {
    broker = await connect(testBroker().bootstrap);
    folder = await mkdtemp(join(tmpdir(), "millrace-failed-chunk-"));
    inbox = await newInbox();
    await broker.append(sales(inbox, 0, saleCount), signal);
    const chain = await openChain(inbox);
    await chain.run("ingest");
    const { filtered } = (await chain.run("features")).counts();
    expect(filtered["duplicate"]).toBeGreaterThan(saleCount / 20);
    const output = await chain.output();
    undisturbed = output.rows;
    expect(output.recordCount).toBe(undisturbed.size);
    expect(undisturbed.size).toBeGreaterThan(saleCount / 2);
  });

  afterAll(async () => {
    for (const chain of chains) await chain.remove();
    await broker.admin.deleteTopics(inboxes, signal);
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function newInbox(): Promise<string> {
    const topic = `${uniqueNamespace()}.inbox`;
    inboxes.push(topic);
    await broker.admin.createTopics([{ topic, partitions, replication: 1, configs: {} }], signal);
    return topic;
  }

  async function openChain(from: string): Promise<ShopChain> {
    const chain = await ShopChain.open(broker, uniqueNamespace(), from, folder);
    chains.push(chain);
    return chain;
  }

  /** Runs the chain over the same sales, with a stage whose handles fail by plan. */
  async function runWith(faults: FaultPlan) {
    const chain = await openChain(inbox);
    await chain.run("ingest");
    const runner = await chain.run("features", faultyBroker(broker, faults));
    return { ...(await chain.output()), counts: runner.counts() };
  }

  test("a write that fails after half of the chunk was written: no id is missing, and each has the row it has undisturbed", async () => {
    const fault = everyFifth("half");
    const endOf = async ({ topic, partition }: Outgoing): Promise<number> =>
      (await broker.admin.watermarks(topic, signal)).find((at) => at.partition === partition)?.end ?? 0;
    const ends = new Map<Outgoing, number>();
    const { rows, recordCount, counts } = await runWith({
      onWrite: async (_, outgoing) => {
        // Less than two batches cannot be halved.
        const planned = outgoing.length < 2 ? undefined : fault.next();
        if (planned !== undefined) for (const batch of outgoing) ends.set(batch, await endOf(batch));
        return planned;
      },
      halfLanded: async (half) => {
        // What goes to a changelog is held until the commit, which does not come.
        for (const batch of half.filter(({ role }) => role !== "changelog")) {
          const end = (ends.get(batch) ?? 0) + batch.recordCount;
          await eventually(
            deadlineMs,
            "the half to be in the log",
            async () => (await endOf(batch)) >= end || undefined,
          );
        }
      },
    });
    expect(fault.count).toBeGreaterThan(4);
    expect(recordCount).toBeGreaterThan(undisturbed.size);
    expect(differences(rows, undisturbed)).toEqual([]);
    expect(counts.out).toBe(undisturbed.size);
  });

  test("a commit that lands while its answer is lost: nothing is missing, and nothing is done again", async () => {
    const fault = everyFifth("unanswered");
    const { rows, recordCount, counts } = await runWith({ onCommit: () => fault.next() });
    expect(fault.count).toBeGreaterThan(4);
    expect(recordCount).toBe(undisturbed.size);
    expect(differences(rows, undisturbed)).toEqual([]);
    expect(counts.out).toBe(undisturbed.size);
  });

  test("a commit that is refused: what was written is written again, with the same rows", async () => {
    const fault = everyFifth("refused");
    const { rows, recordCount } = await runWith({ onCommit: () => fault.next() });
    expect(fault.count).toBeGreaterThan(4);
    expect(recordCount).toBeGreaterThan(undisturbed.size);
    expect(differences(rows, undisturbed)).toEqual([]);
  });

  test("a second member joins: tasks that did not move keep their stores, and those that moved bring theirs", async () => {
    const own = await newInbox();
    const chain = await openChain(own);
    const feed = async (from: number, to: number): Promise<void> => {
      await broker.append(sales(own, from, to), signal);
      await chain.run("ingest");
    };
    const third = saleCount / 3;
    await feed(0, third);
    const first = chain.start("features", broker);
    await chain.workedOff("features", deadlineMs);
    const before = first.runner.tasks;
    expect(before).toHaveLength(partitions);

    // The group is balanced anew while the first member is at work.
    const feeding = feed(third, 2 * third);
    const otherBroker = await connect(testBroker().bootstrap);
    const second = chain.start("features", otherBroker);
    await eventually(
      deadlineMs,
      "the second member to have tasks",
      async () => second.runner.tasks.length > 0 || undefined,
    );
    await feeding;
    await feed(2 * third, saleCount);
    await chain.workedOff("features", deadlineMs);
    const [kept, moved] = [first.runner.tasks, second.runner.tasks];
    expect([...kept, ...moved].sort()).toEqual([...before].sort());
    expect(kept.length).toBe(partitions / 2);
    await Promise.all([first.stop(), second.stop()]);
    await otherBroker.close();

    const { rows } = await chain.output();
    const expected = await reference(own);
    for (const tasks of [kept, moved]) {
      expect(of(tasks, expected).size).toBeGreaterThan(0);
      expect(differences(of(tasks, rows), of(tasks, expected))).toEqual([]);
    }
  });

  /** What comes of an inbox when nothing disturbs. */
  async function reference(from: string): Promise<RowsById> {
    const chain = await openChain(from);
    await chain.run("ingest");
    await chain.run("features");
    return (await chain.output()).rows;
  }
});

/** A fault for each fifth call; the call that does the same work again passes. */
function everyFifth(kind: Fault["kind"]) {
  let calls = 0;
  const fault = {
    count: 0,
    next: (): Fault | undefined => {
      if (calls++ % 5 !== 2) return undefined;
      fault.count++;
      return { kind, error: new TaskReopenError("not confirmed") };
    },
  };
  return fault;
}

/** Rows of events that came through these partitions of the inbox: an event id ends in partition and offset. */
function of(tasks: readonly number[], rows: RowsById): RowsById {
  return new Map([...rows].filter(([id]) => tasks.includes(Number(id.split("-").at(-2)))));
}

/** The first ids whose rows are not the same, or that only one side has. */
function differences(actual: RowsById, expected: RowsById): string[] {
  const ids = new Set([...actual.keys(), ...expected.keys()]);
  const text = (rows: RowsById, id: string): string => [...(rows.get(id) ?? [])].sort().join(" and ");
  return [...ids]
    .filter((id) => text(actual, id) !== text(expected, id))
    .slice(0, 10)
    .map((id) => `${id}: ${text(actual, id)}, not ${text(expected, id)}`);
}
