import { describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { OperationError, silentLogger } from "../../../src/kernel/index.ts";
import {
  type Broker,
  Follower,
  type FollowerOptions,
  type FollowerWork,
  type GroupSink,
  TaskFatalError,
} from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { faultyBroker } from "../../fakes/faulty-broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { eventually } from "../../support/deadline.ts";
import { EchoWork } from "../../support/echo-work.ts";
import { textRecords } from "../../support/records.ts";
import { AutoClock } from "./fixture.ts";

const { signal } = new AbortController();

class Stand {
  readonly clock = new AutoClock();
  readonly work = new EchoWork("out");
  readonly logged: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  readonly memory: Broker;

  constructor(topics: Readonly<Record<string, number>> = { in: 1, out: 1 }) {
    this.memory = createMemoryBroker({
      codecs: noCodecs,
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax: 10_000_000,
      topics: Object.entries(topics).map(([topic, partitions]) => ({
        topic,
        partitions,
        replication: undefined,
        configs: {},
      })),
    });
  }

  follower(more: Partial<FollowerOptions> = {}): Follower {
    const log = (level: string) => (fields: object, message: string) => {
      this.logged.push({ level, message, fields: { ...fields } });
    };
    return new Follower({
      name: "echo",
      group: "shop.echo",
      topic: "in",
      needs: ["out"],
      delivery: "exactly-once",
      broker: this.memory,
      clock: this.clock,
      logger: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      everyMs: 1_000,
      work: this.work,
      ...more,
    });
  }

  send(count: number, stem = "r"): Promise<void> {
    return this.memory.append(textRecords("in", 0, count, stem), signal);
  }

  async committed(): Promise<number | undefined> {
    return (await this.memory.admin.committed("shop.echo", "in", signal))[0]?.offset;
  }
}

const until = (what: string, isMet: () => boolean | Promise<boolean>): Promise<true> =>
  eventually(5_000, what, async () => (await isMet()) || undefined);

/** Work that takes all and writes nothing, but for what is given. */
const workOf = (more: Partial<FollowerWork>): FollowerWork => ({
  restore: async () => undefined,
  take: async () => undefined,
  turn: async () => ({ outgoing: [] }),
  ...more,
});

describe("a follower", () => {
  test("does not start without its topics, and says how to make them", async () => {
    const stand = new Stand({ in: 1 });
    await expect(stand.follower().start()).rejects.toThrow(
      "starting echo: topic out does not exist; run millrace apply",
    );
  });

  test("does not start on a topic of several partitions, of which it would see one", async () => {
    const stand = new Stand({ in: 2, out: 1 });
    await expect(stand.follower().start()).rejects.toMatchObject({ code: "MR_TOPIC_MISMATCH" });
  });

  test("asks its work at ticks for what there is to write, and not more often", async () => {
    const stand = new Stand();
    const follower = stand.follower();
    await follower.start();
    await until("the first turn", () => stand.work.turns === 1);
    follower.tick(stand.clock.monotonicMs());
    stand.clock.nowMs += 999;
    follower.tick(stand.clock.monotonicMs());
    expect(stand.work.turns).toBe(1);
    stand.clock.nowMs += 1;
    follower.tick(stand.clock.monotonicMs());
    await until("the second turn", () => stand.work.turns === 2);
    await follower.drain();
  });

  // A trainer knows of a request from its log before it is given it: it committed past a promotion that it had yet to take.
  test("commits nothing beyond what its work was given, whatever the work holds", async () => {
    const stand = new Stand();
    await stand.send(3);
    let offsetNext = 80;
    const follower = stand.follower({ work: workOf({ turn: async () => ({ outgoing: [], offsetNext }) }) });
    await follower.start();
    await until("all to be taken", () => follower.caughtUp(3));
    stand.clock.nowMs += 5_000;
    follower.tick(stand.clock.monotonicMs());
    await until("a commit", async () => (await stand.committed()) === 3);
    await stand.send(2);
    offsetNext = 4;
    await follower.drain();
    expect(await stand.committed()).toBeLessThanOrEqual(4);
  });

  test("commits an offset that only moved after five seconds, and when it stops", async () => {
    const stand = new Stand();
    const work = workOf({ take: async () => void stand.work.taken.push("one") });
    const follower = stand.follower({ work });
    await follower.start();
    await stand.send(1);
    await until("the first record", () => stand.work.taken.length === 1);
    await stand.send(1);
    await until("the second record", () => stand.work.taken.length === 2);
    expect(await stand.committed()).toBe(0);
    stand.clock.nowMs += 5_000;
    follower.tick(stand.clock.monotonicMs());
    await until("a commit", async () => (await stand.committed()) === 2);
    await stand.send(1);
    await until("the third record", () => stand.work.taken.length === 3);
    await follower.drain();
    expect(await stand.committed()).toBe(3);
  });

  // Whoever waits for the judge of a stage that commits every 5 ms waited up to five seconds for each window.
  test("commits an offset that only moved as soon as it is told to, before its next turn is due", async () => {
    const stand = new Stand();
    const work = workOf({ take: async () => void stand.work.taken.push("one") });
    const follower = stand.follower({ work, silentCommitMs: 50 });
    await follower.start();
    await stand.send(1);
    await until("the first record", () => stand.work.taken.length === 1);
    expect(await stand.committed()).toBe(0);
    stand.clock.nowMs += 49;
    follower.tick(stand.clock.monotonicMs());
    expect(await stand.committed()).toBe(0);
    stand.clock.nowMs += 1;
    follower.tick(stand.clock.monotonicMs());
    await until("a commit", async () => (await stand.committed()) === 1);
    await follower.drain();
  });

  test("commits no further than its work is done", async () => {
    const stand = new Stand();
    const follower = stand.follower({ work: workOf({ turn: async () => ({ outgoing: [], offsetNext: 2 }) }) });
    await stand.send(5);
    await follower.start();
    await until("the records to be taken", () => follower.isReady && follower.isOwner && follower.caughtUp(2));
    await follower.drain();
    expect(await stand.committed()).toBe(2);
  });

  test("halts at what cannot pass, leaves its group, and keeps the reason", async () => {
    const stand = new Stand();
    const work = workOf({
      restore: () => Promise.reject(new OperationError("MR_IO", "reading what was judged: gone")),
    });
    const follower = stand.follower({ work });
    await follower.start();
    await until("it to halt", () => follower.status === "halted");
    expect([follower.isReady, follower.haltReason?.message]).toEqual([false, "reading what was judged: gone"]);
    await until(
      "the group to be empty",
      async () => (await stand.memory.admin.members("shop.echo", signal)).length === 0,
    );
    expect(stand.logged.filter(({ level }) => level === "error")).toEqual([
      {
        level: "error",
        message: "The stage is halted.",
        fields: { stage: "echo", code: "MR_IO", reason: "reading what was judged: gone", error: "OperationError" },
      },
    ]);
    await follower.drain();
    expect(follower.status).toBe("halted");
  });

  test("halts at a commit that the cluster refuses for good", async () => {
    const stand = new Stand();
    const broker = faultyBroker(stand.memory, {
      onCommit: () => ({ kind: "refused", error: new TaskFatalError("not allowed") }),
    });
    await stand.send(1);
    const follower = stand.follower({ broker });
    await follower.start();
    await until("it to halt", () => follower.status === "halted");
    expect(follower.haltReason?.message).toBe("not allowed");
  });

  test("says when its last commit does not get through before it stops", async () => {
    const stand = new Stand();
    const broker = faultyBroker(stand.memory, {
      onCommit: () => ({ kind: "refused", error: new OperationError("MR_IO", "no answer") }),
    });
    const taken: number[] = [];
    const follower = stand.follower({ broker, work: workOf({ take: async (batch) => void taken.push(batch.count) }) });
    await stand.send(1);
    await follower.start();
    await until("the record", () => taken.length === 1);
    await follower.drain();
    expect(follower.status).toBe("stopped");
    expect(stand.logged.filter(({ level }) => level !== "debug" && level !== "info")).toMatchObject([
      {
        message: "A task could not commit while its stage stopped; its chunk is done again later.",
        fields: { reason: "no answer" },
      },
    ]);
  });

  test("is not ready until its work holds what it held", async () => {
    const stand = new Stand();
    let restored = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      restored = resolve;
    });
    const work = workOf({ restore: () => held });
    const follower = stand.follower({ work });
    await follower.start();
    await until("it to own the partition", () => follower.isOwner);
    expect(follower.isReady).toBe(false);
    restored();
    await until("it to be ready", () => follower.isReady);
    await follower.drain();
  });

  test("stops in the middle of a restore, whose signal is aborted", async () => {
    const stand = new Stand();
    let isCut = false;
    const work = workOf({
      restore: (_offset: number, cut: AbortSignal) =>
        new Promise<void>((_resolve, reject) => {
          cut.addEventListener("abort", () => {
            isCut = true;
            reject(cut.reason);
          });
        }),
    });
    const follower = stand.follower({ work });
    await follower.start();
    await until("it to own the partition", () => follower.isOwner);
    await follower.drain();
    expect([isCut, follower.status, await stand.committed()]).toEqual([true, "stopped", 0]);
    expect(stand.logged.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  test("goes on behind what retention deleted, and says what is gone", async () => {
    const stand = new Stand();
    let sink: GroupSink | undefined;
    const starts: number[] = [];
    const broker: Broker = {
      ...stand.memory,
      admin: stand.memory.admin,
      join: async (spec, given, cut) => {
        sink = given;
        const membership = await stand.memory.join(spec, given, cut);
        const { start } = membership;
        membership.start = (task, offsets) => {
          starts.push(offsets.get("in-0") ?? -1);
          start.call(membership, task, offsets);
        };
        return membership;
      },
    };
    const follower = stand.follower({ broker });
    await follower.start();
    await until("it to be ready", () => follower.isReady && follower.isOwner);
    const gone = { ...emptyBatch, offsetAsked: 7, offsetNext: 7, logStartOffset: 7, endOffset: 9 };
    // The memory broker counts epochs from 1.
    await sink?.batch({ task: 0, epoch: 1, batch: { ...gone, offsetNext: 8 } });
    expect(starts).toEqual([0, 7]);
    expect(stand.logged.find(({ level }) => level === "error")?.fields).toMatchObject({ from: 0, to: 7 });
    await follower.drain();
  });
});

const none = new Int32Array();
const emptyBatch = {
  topic: "in",
  partition: 0,
  count: 0,
  bytes: Buffer.alloc(0),
  offsets: new Float64Array(),
  timestampsMs: new Float64Array(),
  keyFrom: none,
  keyTo: none,
  valueFrom: none,
  valueTo: none,
  headersFrom: none,
  headersTo: none,
  headerCounts: none,
  damage: undefined,
};
