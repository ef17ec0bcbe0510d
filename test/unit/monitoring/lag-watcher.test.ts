import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { Facts, type LogFields, silentLogger } from "../../../src/kernel/index.ts";
import { type AlertEvent, commandRecord, defaultRules } from "../../../src/monitor/index.ts";
import { type LagWatcherOptions, StageLagWatcher } from "../../../src/monitoring/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { eventually } from "../../support/deadline.ts";

const { signal } = new AbortController();
const startMs = 1_700_000_000_000;

/** A topic of two partitions whose group has committed what a test says, and a clock that it moves. */
class Stand {
  readonly clock = new FakeClock(startMs);
  readonly memory = createMemoryBroker({
    codecs: noCodecs,
    clock: this.clock,
    logger: silentLogger,
    bytesMax: 10_000_000,
    topics: [{ topic: "shop.in", partitions: 2, replication: undefined, configs: {} }],
  });
  readonly told: LogFields[] = [];
  committed: readonly number[] = [-1, -1];
  failure: Error | undefined;
  hangs = false;
  looks = 0;
  /** Where an open transaction begins, in every partition. */
  visibleEnd = Number.POSITIVE_INFINITY;
  readonly watcher: StageLagWatcher;

  constructor() {
    const { admin: real } = this.memory;
    const admin = {
      watermarks: async (topic: string, ended: AbortSignal) =>
        (await real.watermarks(topic, ended)).map((mark) => ({ ...mark, end: Math.min(mark.end, this.visibleEnd) })),
      extent: real.extent.bind(real),
      committed: async (_group: string, _topic: string, ended: AbortSignal) => {
        this.looks++;
        if (this.hangs) await new Promise((_, reject) => ended.addEventListener("abort", () => reject(ended.reason)));
        if (this.failure !== undefined) throw this.failure;
        return this.committed.flatMap((offset, partition) => (offset < 0 ? [] : [{ partition, offset }]));
      },
      members: async () => ["one"],
    };
    const read = this.memory.read.bind(this.memory);
    const broker = { admin, read } as unknown as LagWatcherOptions["broker"];
    const stage = { name: "score", group: "shop.score", from: { clusterName: "shop.in" }, start: { kind: "earliest" } };
    this.watcher = new StageLagWatcher({
      plan: { topology: "shop", stages: [stage] } as unknown as LagWatcherOptions["plan"],
      monitors: [
        {
          name: "behind",
          warn: { records: undefined, seconds: 30, isGrowing: false },
          page: undefined,
          heldSeconds: 15,
        },
      ],
      rules: defaultRules,
      broker,
      clock: this.clock,
      facts: new Facts({ ...silentLogger, warn: (fields) => void this.told.push(fields) }),
    });
    this.watcher.begin();
  }

  async send(partition: number, ageMs: number): Promise<void> {
    const timestampMs = this.clock.now() - ageMs;
    await this.memory.append(
      [{ topic: "shop.in", partition, timestampMs, key: null, value: Buffer.from("x") }],
      signal,
    );
  }

  /** One look, and what comes of it. */
  async look(): Promise<{ readonly events: readonly AlertEvent[]; readonly behindMs: number | undefined }> {
    const before = this.looks;
    this.watcher.tick(this.clock.monotonicMs());
    await eventually(5_000, "the look", async () => this.looks > before || undefined);
    await eventually(5_000, "the look to end", async () => this.clock.sleeping === 0 || undefined);
    this.clock.advance(5_000);
    const { events, behindMs } = this.watcher.tick(this.clock.monotonicMs());
    this.clock.advance(5_000);
    return { events, behindMs: behindMs.get("score") };
  }
}

describe("the watcher of the lag", () => {
  let stand: Stand;
  beforeEach(() => {
    stand = new Stand();
  });
  afterEach(async () => {
    await stand.watcher.end();
    await stand.memory.close();
  });

  test("says how long the oldest record waits that is not committed, over all partitions", async () => {
    expect((await stand.look()).behindMs).toBe(0);
    await stand.send(0, 90_000);
    await stand.send(0, 7_000);
    await stand.send(1, 20_000);
    expect((await stand.look()).behindMs).toBe(90_000);
    stand.committed = [1, -1];
    // Ten seconds later; the oldest is that of the other partition now.
    expect((await stand.look()).behindMs).toBe(30_000);
    stand.committed = [2, 1];
    expect((await stand.look()).behindMs).toBe(0);
    expect(stand.told).toEqual([]);
  });

  test("looks every ten seconds, not more often, and tells after three looks that were too much", async () => {
    await stand.send(0, 60_000);
    const events: AlertEvent[][] = [];
    for (let i = 0; i < 4; i++) events.push([...(await stand.look()).events]);
    expect(events.map((own) => own.map(({ type, field }) => [type, field]))).toEqual([
      [],
      [],
      [["millrace.alert.firing", "score/warn"]],
      [],
    ]);
    expect(events[2]?.[0]?.summary).toBe("score is 1 records behind, the oldest for 80 s; too much is 30 s.");
    expect(stand.looks).toBe(4);
  });

  test("says once that it cannot see the lag, tells nobody meanwhile, and says so again after it could", async () => {
    await stand.send(0, 60_000);
    await stand.look();
    await stand.look();
    stand.failure = new Error("no broker");
    for (let i = 0; i < 3; i++) expect((await stand.look()).events).toEqual([]);
    expect(stand.told).toEqual([{ code: "MR_BROKER", reason: "no broker" }]);
    stand.failure = undefined;
    expect((await stand.look()).events).toHaveLength(1);
    stand.failure = new Error("no broker again");
    await stand.look();
    expect(stand.told.map(({ reason }) => reason)).toEqual(["no broker", "no broker again"]);
  });

  test("gives a look up that has no answer within thirty seconds, and looks again; its end cuts one off", async () => {
    stand.hangs = true;
    stand.watcher.tick(stand.clock.monotonicMs());
    await eventually(5_000, "the look", async () => stand.looks === 1 || undefined);
    stand.clock.advance(20_000);
    // One look at a time.
    stand.watcher.tick(stand.clock.monotonicMs());
    stand.clock.advance(10_000);
    await eventually(5_000, "the end of the look", async () => stand.told.length > 0 || undefined);
    expect([stand.looks, stand.told]).toEqual([1, [{ code: "MR_BROKER", reason: "no answer within 30 s" }]]);
    stand.watcher.tick(stand.clock.monotonicMs());
    await eventually(5_000, "another look", async () => stand.looks === 2 || undefined);
    await stand.watcher.end();
    expect(stand.told).toHaveLength(1);
  });

  test("tells nobody what somebody has silenced, and forgets with a new beginning what it was told before", async () => {
    await stand.send(0, 60_000);
    const until = { who: "me", reason: "known", untilMs: startMs + 3_600_000, requestId: "1" };
    stand.watcher.takeCommand(commandRecord({ ...until, kind: "ack", fingerprint: "shop/behind/score/warn" }));
    const types = async (): Promise<string[]> => {
      const found: string[] = [];
      for (let i = 0; i < 3; i++) found.push(...(await stand.look()).events.map(({ type }) => type));
      return found;
    };
    expect(await types()).toEqual(["millrace.alert.suppressed"]);
    await stand.watcher.end();
    stand.watcher.begin();
    expect(await types()).toEqual(["millrace.alert.firing"]);
  });

  test("tells of an open transaction that hangs, and when what it held back can be read", async () => {
    stand.visibleEnd = 1;
    for (let i = 0; i < 3; i++) await stand.send(0, 0);
    stand.committed = [1, -1];
    const types: string[][] = [];
    for (let i = 0; i < 6; i++) types.push((await stand.look()).events.map(({ type, field }) => `${type} ${field}`));
    // Seen to stand at the second look, held for twenty seconds at the fourth, and three looks tell.
    expect(types).toEqual([[], [], [], [], [], ["millrace.alert.firing score/held"]]);
    stand.visibleEnd = Number.POSITIVE_INFINITY;
    stand.committed = [3, -1];
    const ends: string[] = [];
    for (let i = 0; i < 3; i++) ends.push(...(await stand.look()).events.map(({ type, field }) => `${type} ${field}`));
    expect(ends).toEqual(["millrace.alert.resolved score/held"]);
  });
});
