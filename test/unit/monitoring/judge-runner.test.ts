import { afterEach, describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { OperationError, silentLogger } from "../../../src/kernel/index.ts";
import type { Expectation } from "../../../src/monitor/estimate/index.ts";
import {
  type AlertEvent,
  alertRecord,
  type BaselineHeadRecord,
  baselineKey,
  baselineSchema,
  decodeVerdict,
  encodeBaseline,
  encodeHeartbeat,
  encodePartial,
  type PartialRecord,
  partialSchema,
  readAlertEvent,
  type VerdictRecord,
  verdictSchema,
} from "../../../src/monitor/index.ts";
import { readTakenCommand } from "../../../src/monitor/telling/index.ts";
import { createJudgeRunner, type LagWatcher, type WindowJudge } from "../../../src/monitoring/index.ts";
import { type Broker, type Follower, TaskReopenError } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { faultyBroker } from "../../fakes/faulty-broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { eventually } from "../../support/deadline.ts";
import { plainRecords } from "../../support/records.ts";
import { AutoClock, FakeRegistry, nextTurn } from "../runtime/fixture.ts";

const { signal } = new AbortController();
const [partialId, verdictId, baselineId] = [21, 22, 23];
const hourMs = 3_600_000;

const topics = {
  partials: "shop.partials",
  baselines: "shop.baselines",
  control: "shop.control",
  verdicts: "shop.verdicts",
  alerts: "shop.alerts",
};

const partial = (window: number, more: Partial<PartialRecord> = {}): PartialRecord => ({
  monitor: "inputs",
  version: "0011223344556677",
  stage: "features",
  partition: 0,
  fromMs: window * hourMs,
  baseline: "first/1",
  rows: 10,
  late: 0,
  counts: [Float64Array.of(4, 6)],
  offsetFrom: 0,
  offsetNext: 10,
  schemas: [],
  recent: undefined,
  streamTimeMs: (window + 1) * hourMs,
  isClosed: true,
  plan: "abc",
  model: undefined,
  ...more,
});

const verdict = (window: number, more: Partial<VerdictRecord> = {}): VerdictRecord => ({
  eventId: `inputs/amount/${window * hourMs}/first/1`,
  topology: "shop",
  monitor: "inputs",
  field: "amount",
  fromMs: window * hourMs,
  toMs: (window + 1) * hourMs,
  baseline: "first/1",
  kind: "OK",
  reason: undefined,
  unit: "psi",
  score: 0.01,
  threshold: 0.1,
  practical: 0.1,
  noiseFloor: 0.02,
  probability: 0.5,
  falseDiscoveryRate: 0.5,
  ks: 0.01,
  cells: 2,
  n: 100,
  m: 10,
  late: 0,
  season: "none",
  culprits: [],
  partitions: [],
  schemas: [],
  cause: undefined,
  phase: "ok",
  incident: undefined,
  judgedAtMs: 0,
  ...more,
});

const event = (id: string): AlertEvent => ({
  type: "millrace.alert.firing",
  id,
  fingerprint: "shop/inputs/amount",
  topology: "shop",
  monitor: "inputs",
  field: "amount",
  kind: "drift",
  severity: "page",
  incident: undefined,
  isPage: false,
  cause: undefined,
  at: "2026-01-01T00:00:00Z",
  from: undefined,
  to: undefined,
  score: undefined,
  threshold: undefined,
  n: undefined,
  m: undefined,
  summary: "amount drifts.",
  fields: [],
});

/** Gives a verdict for every window of partials that are closed, once, and writes down all that it is given. */
class PlainJudge implements WindowJudge {
  readonly calls: string[] = [];
  readonly #judged = new Set<number>();
  readonly #expected = new Set<string>();
  readonly #closed = new Map<number, number>();
  #before = 0;

  takeBaseline(record: { readonly id: string }): void {
    this.calls.push(`baseline ${record.id}`);
  }

  takePartial({ fromMs, isClosed, rows }: PartialRecord, kafkaTimeMs: number): void {
    this.nowMs = kafkaTimeMs;
    this.calls.push(`partial ${fromMs / hourMs} at ${kafkaTimeMs}`);
    if (rows === 0) this.#before++;
    else if (isClosed) this.#closed.set(fromMs / hourMs, rows);
  }

  takeHeartbeat({ partition }: { readonly partition: number }, kafkaTimeMs: number): void {
    this.calls.push(`heartbeat ${partition} at ${kafkaTimeMs}`);
  }

  /** Of versions of the model `estimated`. */
  lacks({ baseline }: PartialRecord): string | undefined {
    return baseline.startsWith("estimated/") && !this.#expected.has(baseline) ? baseline : undefined;
  }

  takeExpectation(version: string, expectation: Expectation | undefined): void {
    this.calls.push(`expects ${expectation?.counts.join() ?? "nothing"} of ${version}`);
    this.#expected.add(version);
  }

  takeVerdict({ fromMs }: VerdictRecord): void {
    this.calls.push(`verdict ${fromMs / hourMs}`);
    this.#judged.add(fromMs / hourMs);
  }

  takeCommand({ key }: { readonly key: string }): void {
    this.calls.push(`command ${key}`);
  }

  takeEvent({ id }: AlertEvent): void {
    this.calls.push(`event ${id}`);
  }

  begin(): void {
    this.calls.push("begin");
  }

  lagging(stage: string, behindMs: number): void {
    this.calls.push(`lagging ${stage} ${behindMs}`);
  }

  nowMs = Number.NEGATIVE_INFINITY;
  pagesSpent(monitor: string): number {
    return monitor === "inputs" ? 1 : 0;
  }

  /** Of partials without rows, as if they had been joined before. */
  passedOver(): { monitor: string; windows: number }[] {
    const windows = this.#before;
    this.#before = 0;
    return windows === 0 ? [] : [{ monitor: "model", windows }];
  }

  judge(): { verdicts: VerdictRecord[]; events: AlertEvent[] } {
    const due = [...this.#closed].filter(([window]) => !this.#judged.has(window));
    for (const [window] of due) this.#judged.add(window);
    return {
      verdicts: due.map(([window, rows]) => verdict(window, { m: rows })),
      events: due.map(([window]) => event(`window ${window}`)),
    };
  }
}

class Court {
  readonly memory: Broker;
  readonly clock = new AutoClock();
  readonly registry = new FakeRegistry();
  readonly judges: PlainJudge[] = [];
  readonly logged: { message: string; fields: Record<string, unknown> }[] = [];
  readonly running: Follower[] = [];

  constructor() {
    this.memory = createMemoryBroker({
      codecs: noCodecs,
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax: 10_000_000,
      topics: Object.values(topics).map((topic) => ({ topic, partitions: 1, replication: undefined, configs: {} })),
    });
    const schemas = [
      [partialId, partialSchema, topics.partials],
      [verdictId, verdictSchema, topics.verdicts],
      [baselineId, baselineSchema, topics.baselines],
    ] as const;
    for (const [id, schema, topic] of schemas) {
      this.registry.schemas.set(id, schema);
      this.registry.latestBySubject.set(`${topic}-value`, id);
    }
  }

  /** Starts a judge and waits until it works. */
  async run(broker?: Broker, lag?: LagWatcher): Promise<Follower> {
    const follower = await this.start(broker, lag);
    await until("the judge to be ready", () => follower.isReady && follower.isOwner);
    return follower;
  }

  async start(broker: Broker = this.memory, lag?: LagWatcher): Promise<Follower> {
    const log = (fields: object, message: string): void => void this.logged.push({ message, fields: { ...fields } });
    const follower = createJudgeRunner({
      topology: "shop",
      shown: { monitors: ["inputs"], pages: 2 },
      broker,
      registry: this.registry,
      clock: this.clock,
      logger: { debug: log, info: log, warn: log, error: log },
      topics,
      group: "shop.monitor",
      createJudge: async () => {
        const judge = new PlainJudge();
        this.judges.push(judge);
        return judge;
      },
      readExpectation: async (version) => {
        const counts = Float64Array.of(Number(version.split("/")[1]));
        return version === "estimated/9" ? undefined : { probabilities: counts, counts };
      },
      lag,
      timeSliceMs: 10,
      yieldToLoop: nextTurn,
    });
    this.running.push(follower);
    await follower.start();
    return follower;
  }

  get judge(): PlainJudge {
    return this.judges.at(-1)!;
  }

  append(topic: string, key: string, value: Buffer | null, timestampMs = 1_000): Promise<void> {
    return this.memory.append([{ topic, partition: 0, timestampMs, key: Buffer.from(key), value }], signal);
  }

  partial(window: number, timestampMs: number, more: Partial<PartialRecord> = {}): Promise<void> {
    return this.append(topics.partials, `w${window}`, encodePartial(partial(window, more), partialId), timestampMs);
  }

  async values(topic: string): Promise<Buffer[]> {
    const [{ low, end } = { low: 0, end: 0 }] = await this.memory.admin.watermarks(topic, signal);
    const found: Buffer[] = [];
    if (low === end) return found;
    for await (const batch of this.memory.read({ topic, partition: 0, from: low, to: end }, signal))
      found.push(...plainRecords(batch).map(({ value }) => value!));
    return found;
  }

  async verdicts(): Promise<string[]> {
    return (await this.values(topics.verdicts)).map((value) => {
      const { fromMs, m } = decodeVerdict(value);
      return `${fromMs / hourMs}: ${m}`;
    });
  }

  async events(): Promise<string[]> {
    return (await this.values(topics.alerts)).flatMap((value) => readAlertEvent(value.toString())?.id ?? []);
  }

  async taken(): Promise<string[]> {
    const taken = (await this.values(topics.alerts)).map((value) => readTakenCommand(value.toString()));
    return taken.flatMap((one) => (one === undefined ? [] : `${one.key} ${one.request}`));
  }

  untilVerdicts(expected: readonly string[]): Promise<true> {
    return until(`verdicts ${expected.join(", ")}`, async () => (await this.verdicts()).join() === expected.join());
  }
}

const until = (what: string, isMet: () => boolean | Promise<boolean>): Promise<true> =>
  eventually(5_000, what, async () => (await isMet()) || undefined);

describe("the judge's runner", () => {
  let court = new Court();
  const untilTaken = (follower: Follower, count: number): Promise<true> =>
    until(`${count} answers`, async () => {
      court.clock.nowMs += 1_000;
      follower.tick(court.clock.monotonicMs());
      return (await court.taken()).length === count;
    });
  afterEach(async () => {
    for (const follower of court.running) await follower.drain();
    court = new Court();
  });

  test("judges what partials close, and writes verdicts and events together with the offset", async () => {
    await court.run();
    await court.partial(0, 5_000, { isClosed: false });
    await court.partial(0, 6_000);
    await court.untilVerdicts(["0: 10"]);
    expect(await court.events()).toEqual(["window 0"]);
    const [committed] = await court.memory.admin.committed("shop.monitor", topics.partials, signal);
    expect(committed?.offset).toBe(2);
    const [record] = await court.values(topics.verdicts);
    expect(record?.readUInt32BE(1)).toBe(verdictId);
  });

  test("hands on Kafka's time of partials and heartbeats", async () => {
    await court.partial(0, 5_000, { isClosed: false });
    const beat = { stage: "features", partition: 3, streamTimeMs: 1, isIdle: true };
    await court.append(topics.partials, "heartbeat", encodeHeartbeat(beat, partialId), 7_000);
    await court.run();
    await until("both records", () => court.judge.calls.length === 3);
    expect(court.judge.calls).toEqual(["begin", "partial 0 at 5000", "heartbeat 3 at 7000"]);
  });

  test("says what to expect of a version before the first record that counts its scores, and once", async () => {
    await court.run();
    for (const [window, baseline] of ["estimated/1", "estimated/9", "estimated/1", "estimated/9"].entries())
      await court.partial(window, 5_000, { isClosed: false, baseline });
    await until("all of them", () => court.judge.calls.length === 7);
    expect(court.judge.calls).toEqual([
      "begin",
      "expects 1 of estimated/1",
      "partial 0 at 5000",
      "expects nothing of estimated/9",
      "partial 1 at 5000",
      "partial 2 at 5000",
      "partial 3 at 5000",
    ]);
  });

  test("begins with what was judged before and the partials behind it, and judges none of it again", async () => {
    const head: BaselineHeadRecord = {
      monitor: "inputs",
      version: "0011223344556677",
      id: "first/1",
      origin: "first",
      asked: "",
      atMs: 1,
    };
    await court.append(topics.baselines, baselineKey(head), encodeBaseline(head, baselineId));
    await court.append(topics.control, "silence/1", Buffer.from("{}"));
    const first = await court.run();
    await court.partial(0, 5_000);
    await court.untilVerdicts(["0: 10"]);
    await first.drain();
    await court.partial(1, 6_000);
    await court.run();
    await court.untilVerdicts(["0: 10", "1: 10"]);
    expect(court.judge.calls).toEqual([
      "baseline first/1",
      "verdict 0",
      "command silence/1",
      "event window 0",
      "partial 0 at 5000",
      "begin",
      "partial 1 at 6000",
    ]);
    expect(await court.events()).toEqual(["window 0", "window 1"]);
  });

  test("a commit that did not come about leaves no verdict, and the window is judged again", async () => {
    const broker = faultyBroker(court.memory, {
      onCommit: ({ index }) => (index === 0 ? { kind: "refused", error: new TaskReopenError("refused") } : undefined),
    });
    await court.run(broker);
    await court.partial(0, 5_000);
    await court.untilVerdicts(["0: 10"]);
    expect(court.judges).toHaveLength(2);
    expect(await court.events()).toEqual(["window 0"]);
  });

  test("a commit that landed unanswered is not repeated", async () => {
    const broker = faultyBroker(court.memory, {
      onCommit: ({ index }) => (index === 0 ? { kind: "unanswered", error: new TaskReopenError("lost") } : undefined),
    });
    await court.run(broker);
    await court.partial(0, 5_000);
    await until("it to begin anew", () => court.judge.calls.includes("verdict 0"));
    await court.partial(1, 6_000);
    await court.untilVerdicts(["0: 10", "1: 10"]);
  });

  test("takes up baselines and commands that come while it runs", async () => {
    const follower = await court.run();
    await court.append(topics.control, "ack/x", Buffer.from("{}"));
    const head: BaselineHeadRecord = {
      monitor: "inputs",
      version: "0011223344556677",
      id: "b",
      origin: "first",
      asked: "",
      atMs: 1,
    };
    await court.append(topics.baselines, baselineKey(head), encodeBaseline(head, baselineId));
    await until("both", () => {
      court.clock.nowMs += 1_000;
      follower.tick(court.clock.monotonicMs());
      return court.judge.calls.length === 3;
    });
    expect(court.judge.calls.toSorted()).toEqual(["baseline b", "begin", "command ack/x"]);
  });

  test("shows and counts what it has judged, also what was judged before, and counts nothing that was not committed", async () => {
    const counted = (follower: Follower): string[] =>
      (["millrace_verdicts_total", "millrace_alert_events_total"] as const).flatMap((metric) =>
        follower.tallies.series(metric).map(({ labels, sum }) => `${labels.join(" ")} ${sum}`),
      );
    const shown = (follower: Follower): string[] =>
      follower.readings
        .filter(({ metric }) => ["millrace_feature_drift_score", "millrace_alerts"].includes(metric))
        .map(({ labels, value }) => `${Object.values(labels).join(" ")} ${value}`);
    const broker = faultyBroker(court.memory, {
      onCommit: ({ index }) => (index === 0 ? { kind: "refused", error: new TaskReopenError("refused") } : undefined),
    });
    const first = await court.run(broker);
    expect(first.readings.length).toBeGreaterThan(0);
    await court.partial(0, 5_000);
    await court.untilVerdicts(["0: 10"]);
    await until("it to be counted", () => {
      court.clock.nowMs += 1_000;
      first.tick(court.clock.monotonicMs());
      return counted(first).length === 2;
    });
    expect(counted(first)).toEqual(["inputs OK 1", "inputs alert.firing 1"]);
    const now = ["inputs amount psi 0.01", "inputs firing 1", "inputs suppressed 0"];
    expect(shown(first)).toEqual(now);
    expect([first.tasks, first.stage.from.clusterName]).toEqual([[0], topics.partials]);
    await first.drain();
    expect([first.readings, first.tasks]).toEqual([[], []]);
    const second = await court.run();
    expect([shown(second), counted(second)]).toEqual([now, []]);
  });

  test("answers each command and each baseline once, also those that came while nobody judged", async () => {
    const command = (key: string, requestId: string): Promise<void> =>
      court.append(topics.control, key, Buffer.from(JSON.stringify({ until: "2026-01-02T00:00:00Z", requestId })));
    const head = { monitor: "inputs", version: "0011223344556677", id: "b", origin: "first", asked: "", atMs: 1 };
    await command("ack/x", "r1");
    await court.append(topics.control, "champion/fraud", Buffer.from("{}"));
    await court.append(topics.baselines, baselineKey(head), encodeBaseline(head, baselineId));
    const first = await court.run();
    await until("both", async () => (await court.taken()).length === 2);
    await command("silence/s", "r2");
    await untilTaken(first, 3);
    await court.append(topics.control, "silence/s", null);
    await untilTaken(first, 4);
    await first.drain();
    await command("ack/x", "r3");
    const second = await court.run();
    await untilTaken(second, 5);
    await court.append(topics.baselines, baselineKey(head), encodeBaseline(head, baselineId));
    await untilTaken(second, 6);
    expect(await court.taken()).toEqual([
      "baseline/inputs b",
      "ack/x r1",
      "silence/s r2",
      "silence/s null",
      "ack/x r3",
      "baseline/inputs b",
    ]);
  });

  test("passes over what it cannot read, and says so once", async () => {
    await court.append(topics.partials, "x", Buffer.from("nonsense"));
    await court.append(topics.partials, "y", null);
    await court.partial(0, 5_000);
    await court.run();
    await court.untilVerdicts(["0: 10"]);
    expect(court.logged.filter(({ message }) => message.includes("cannot be read"))).toMatchObject([
      { fields: { code: "MR_DECODE_MAGIC", topic: topics.partials, offset: 0, count: 1 } },
    ]);
  });

  test("says how many windows were joined before their monitor was changed, of those that it finds and those that come", async () => {
    const said = (): number =>
      court.logged
        .filter(({ message }) => message.includes("before the monitor was changed"))
        .filter(({ fields }) => fields["monitor"] === "model")
        .reduce((sum, { fields }) => sum + Number(fields["windows"]), 0);
    await court.partial(0, 5_000, { rows: 0 });
    await court.partial(1, 6_000);
    await court.partial(2, 7_000, { rows: 0 });
    await court.run();
    await until("both to be said", () => said() === 2);
    await court.untilVerdicts(["1: 10"]);
    await court.partial(3, 8_000, { rows: 0 });
    await until("the third to be said", () => said() === 3);
  });

  test("begins the lags with the events that were written before, tells the judge who lags, and writes what comes of it", async () => {
    const { key, value } = alertRecord(event("before"));
    await court.append(topics.alerts, key.toString(), value);
    await court.append(topics.control, "ack/shop/lag", Buffer.from("{}"));
    const restored: string[] = [];
    let ended = 0;
    let isFirst = true;
    const lag: LagWatcher = {
      begin: () => void restored.push("begins"),
      takeCommand: ({ key }) => void restored.push(key),
      takeEvent: ({ id }) => void restored.push(id),
      tick: () => {
        const events = isFirst ? [event("lag")] : [];
        isFirst = false;
        return { events, behindMs: new Map([["features", 7]]) };
      },
      end: async () => void ended++,
    };
    const follower = await court.run(court.memory, lag);
    await until("the event", async () => (await court.events()).length === 2);
    expect([restored, await court.events()]).toEqual([
      ["begins", "ack/shop/lag", "before"],
      ["before", "lag"],
    ]);
    expect(court.judge.calls).toEqual(
      expect.arrayContaining(["command ack/shop/lag", "event before", "lagging features 7"]),
    );
    await court.append(topics.control, "silence/1", Buffer.from("{}"));
    await until("the silence", () => {
      court.clock.nowMs += 1_000;
      follower.tick(court.clock.monotonicMs());
      return restored.includes("silence/1");
    });
    const before = ended;
    await follower.drain();
    expect(ended).toBeGreaterThan(before);
  });

  test("halts where the registry does not have the schema of verdicts, and says how to mend it", async () => {
    court.registry.latestBySubject.delete(`${topics.verdicts}-value`);
    const follower = await court.start();
    await until("it to halt", () => follower.status === "halted");
    expect(follower.haltReason?.message).toBe(
      "writing topic shop.verdicts: its schema is not registered as shop.verdicts-value; run millrace apply",
    );
  });

  test("waits for a registry that is down", async () => {
    court.registry.outage = new OperationError("MR_REGISTRY", "no answer", { disposition: "retry" });
    const follower = await court.start();
    await until(
      "it to be tried twice",
      () => court.logged.filter(({ message }) => /opened again/.test(message)).length > 1,
    );
    expect([follower.status, follower.isReady]).toEqual(["running", false]);
    court.registry.outage = undefined;
    await court.partial(0, 5_000);
    await court.untilVerdicts(["0: 10"]);
  });
});
