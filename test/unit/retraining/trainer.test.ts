import { afterEach, describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { type AlertEvent, alertRecord } from "../../../src/monitor/index.ts";
import {
  type Challenger,
  cancelRecord,
  createTrainer,
  readRetrainings,
  retrainingEventsIn,
  type ShadowSeen,
  type TrainedModel,
  type TrainingEnd,
  type TrainingOrder,
} from "../../../src/retraining/index.ts";
import { readControl } from "../../../src/runtime/control/control-topic.ts";
import { aliasRecord, approvalRecord, changeAliases, promotionRecords } from "../../../src/runtime/control/index.ts";
import { type Broker, type Follower, readAliases, writeControl } from "../../../src/runtime/index.ts";
import { type RetrainingEvent, retrainingRecord } from "../../../src/training/index.ts";
import { type DeathPlan, mortalBroker } from "../../fakes/mortal-broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { deferred, eventually } from "../../support/deadline.ts";
import { AutoClock } from "../runtime/fixture.ts";

const { signal } = new AbortController();
const hourMs = 3_600_000;
const topics = { retraining: "shop.retraining", control: "shop.control", alerts: "shop.alerts" };
const place = { clusterName: topics.control, aliasesId: "shop.aliases" };
const group = "shop.trainer";

const fraud: TrainedModel = {
  name: "fraud",
  monitors: new Set(["inputs"]),
  rollout: "none",
  retrain: {
    on: [{ kind: "drift" }],
    mode: "warm",
    rows: 7,
    cooldownMs: hourMs,
    perDay: 4,
    labelsMin: 0,
    breaker: 2,
    approve: false,
  },
};

const alert = (more: Partial<AlertEvent> = {}): AlertEvent => ({
  type: "millrace.incident.opened",
  id: "i1/opened",
  fingerprint: "shop/inputs",
  topology: "shop",
  monitor: "inputs",
  field: undefined,
  kind: "drift",
  severity: "page",
  incident: "i1",
  isPage: true,
  cause: "world",
  at: "2026-01-01T01:00:00Z",
  from: undefined,
  to: undefined,
  score: undefined,
  threshold: undefined,
  n: undefined,
  m: undefined,
  summary: "amount drifts.",
  fields: ["amount"],
  ...more,
});

const asked = (request: string, model = "fraud"): RetrainingEvent => ({
  type: "requested",
  id: request,
  request,
  model,
  at: "2026-01-01T00:00:00Z",
  cause: "manual",
  by: "ann",
});

const accepted = (version: number): TrainingEnd => ({ kind: "accepted", reason: "no worse", version, checks: [] });

let broker: Broker;
let running: Follower[] = [];
const ticking: NodeJS.Timeout[] = [];

/** @param champion from before; 0 for none */
async function begin(champion = 1): Promise<void> {
  broker = createMemoryBroker({ codecs: noCodecs, clock: new AutoClock(), logger: silentLogger, bytesMax: 1e8 });
  const one = (topic: string) => ({ topic, partitions: 1, replication: undefined, configs: {} });
  await broker.admin.createTopics(Object.values(topics).map(one), signal);
  if (champion === 0) return;
  const promotion = { model: "fraud", version: champion, at: 0, by: "ann" };
  await changeAliases(broker, place, (aliases) => promotionRecords(aliases, promotion), 0, signal);
}

interface Setup {
  readonly model?: TrainedModel;
  readonly train: (order: TrainingOrder, cut: AbortSignal) => Promise<TrainingEnd>;
  readonly seen?: { labels: number; predictions: number; timeMs: number | undefined };
  readonly beside?: { readonly seen: ShadowSeen; readonly asked: Challenger[] };
  readonly over?: Broker;
  readonly promoted?: (model: string, cut: AbortSignal) => Promise<void>;
}

async function start({
  model = fraud,
  train,
  seen,
  beside,
  over = broker,
  promoted = async () => {},
}: Setup): Promise<Follower> {
  const clock = new AutoClock();
  const trainer = createTrainer({
    group,
    topics,
    aliasesId: place.aliasesId,
    broker: over,
    clock,
    logger: silentLogger,
    models: [model],
    train,
    promoted,
    lookAt: {
      look: async () => seen ?? { labels: 0, predictions: 0, timeMs: undefined },
      shadow: async (challenger) => {
        beside?.asked.push(challenger);
        return beside?.seen ?? { records: 0, spanMs: 0, givenUp: undefined };
      },
    },
    lookEveryMs: 1,
  });
  await trainer.start();
  running.push(trainer);
  const tick = setInterval(() => {
    clock.nowMs += 1_000;
    trainer.tick(clock.nowMs);
  }, 1);
  ticking.push(tick);
  return trainer;
}

afterEach(async () => {
  await finish();
});

async function finish(): Promise<void> {
  for (const one of running.splice(0)) await one.drain();
  for (const tick of ticking.splice(0)) clearInterval(tick);
  await broker.close();
}

async function say(...events: readonly (AlertEvent | RetrainingEvent)[]): Promise<void> {
  const records = events.map((event) => {
    const isAlert = "monitor" in event;
    const record = isAlert ? alertRecord(event) : retrainingRecord(event);
    const topic = isAlert ? topics.alerts : topics.retraining;
    return { topic, partition: 0, timestampMs: 0, key: record.key, value: record.value };
  });
  await broker.append(records, signal);
}

const told = () => readRetrainings(broker, topics.retraining, signal);
const steps = async (): Promise<string[]> => (await told()).map(({ type }) => type);
const aliases = async () =>
  Object.fromEntries(
    (await readAliases(broker, topics.control, signal)).aliases.map(({ alias: name, version }) => [name, version]),
  );
/** What the alias challenger points at. */
const challengers = async () =>
  Object.entries(await aliases()).flatMap(([name, to]) => (name === "challenger" ? [to] : []));
const end = async () => (await broker.admin.watermarks(topics.retraining, signal))[0]?.end ?? 0;
const until = (type: RetrainingEvent["type"], count = 1) =>
  eventually(10_000, `${count} times ${type}`, async () =>
    (await steps()).filter((step) => step === type).length >= count ? true : undefined,
  );

describe("a trainer", () => {
  test("does what follows from a promotion once it is committed, and tries it again while it fails", async () => {
    await begin();
    const seen: unknown[] = [];
    await start({
      train: async () => accepted(2),
      promoted: async (model) => {
        seen.push([model, (await aliases())["champion"]]);
        if (seen.length < 3) throw new Error("not now");
      },
    });
    await say(alert());
    await eventually(10_000, "a third try", async () => (seen.length >= 3 ? true : undefined));
    expect(seen).toEqual([
      ["fraud", 2],
      ["fraud", 2],
      ["fraud", 2],
    ]);
  });

  test("that dies between a promotion and what follows leaves it to the next", async () => {
    await begin();
    const first = deferred<void>();
    await start({
      train: async () => accepted(2),
      promoted: async (_model, cut) => {
        first.resolve();
        await new Promise<void>((resolve) => cut.addEventListener("abort", () => resolve()));
      },
    });
    await say(alert());
    await first.promise;
    for (const one of running.splice(0)) await one.drain();
    const again = deferred<string>();
    await start({ train: async () => accepted(3), promoted: async (model) => again.resolve(model) });
    expect(await again.promise).toBe("fraud");
    expect(await steps()).toEqual(["requested", "started", "trained", "promoted"]);
  });

  test("takes an alert to a promotion, under the id of its incident, in one line of events", async () => {
    await begin();
    const orders: TrainingOrder[] = [];
    await start({
      train: async (order) => {
        orders.push(order);
        return accepted(2);
      },
    });
    await say(alert());
    await until("promoted");
    expect(await steps()).toEqual(["requested", "started", "trained", "promoted"]);
    expect(new Set((await told()).map(({ incident, request }) => `${incident} ${request}`))).toEqual(
      new Set(["i1 fraud/i1/1"]),
    );
    expect(orders).toEqual([
      { model: "fraud", request: "fraud/i1/1", cause: "drift", incident: "i1", champion: 1, rows: 7, mode: "warm" },
    ]);
    expect(await aliases()).toEqual({ champion: 2, previous: 1 });
    const { aliases: records } = await readAliases(broker, topics.control, signal);
    expect(records.find(({ alias: name }) => name === "champion")).toMatchObject({
      by: "trainer",
      request: "fraud/i1/1",
      incident: "i1",
    });
  });

  test("promotes nothing that did not pass, and says what the gate found", async () => {
    await begin();
    const check = { name: "recent", outcome: "failed", text: "worse by far", numbers: {} } as const;
    await start({ train: async () => ({ kind: "rejected", reason: "worse", version: undefined, checks: [check] }) });
    await say(alert());
    await until("rejected");
    expect((await told()).find(({ type }) => type === "rejected")).toMatchObject({
      reason: "worse",
      checks: [{ name: "recent", outcome: "failed", text: "worse by far" }],
    });
    expect(await aliases()).toEqual({ champion: 1 });
  });

  test("says why a training ended without a version", async () => {
    await begin();
    await start({ train: () => Promise.reject(new Error("no rows")) });
    await say(asked("m1"));
    await until("failed");
    expect((await told()).at(-1)).toMatchObject({ type: "failed", request: "m1", reason: "no rows" });
  });

  test("takes one request of a model at a time, and none for a model that is not there", async () => {
    await begin();
    const hold = deferred<void>();
    await start({ train: async () => hold.promise.then(() => accepted(2)) });
    await say(asked("m1"), asked("m2"), asked("m3", "nobody"));
    await until("suppressed", 2);
    hold.resolve();
    await until("promoted");
    expect((await told()).filter(({ type }) => type === "suppressed")).toMatchObject([
      { request: "m2", reason: "another training of the model is under way" },
      { request: "m3", reason: "the topology has no model nobody to train" },
    ]);
  });

  test("ends a training that is cancelled, and promotes nothing", async () => {
    await begin();
    let isCut = false;
    await start({
      train: (_, cut) =>
        new Promise((_resolve, reject) => {
          cut.addEventListener("abort", () => {
            isCut = true;
            reject(cut.reason);
          });
        }),
    });
    await say(asked("m1"));
    await until("started");
    await writeControl(broker, topics.control, [cancelRecord("m1", "bob", "a mistake")], 0, signal);
    await until("cancelled");
    expect([isCut, (await told()).at(-1)?.reason]).toEqual([true, "bob cancelled it"]);
    expect(await aliases()).toEqual({ champion: 1 });
  });

  test("waits for a person where the topology says so; a yes that counts no more is none", async () => {
    await begin();
    const model = { ...fraud, retrain: { ...fraud.retrain!, approve: true } };
    await start({ model, train: async () => accepted(2) });
    await say(alert());
    await until("waiting");
    const approve = (untilMs: number) =>
      writeControl(
        broker,
        topics.control,
        [approvalRecord({ model: "fraud", version: 2, who: "ann", reason: "", untilMs, request: "r" })],
        0,
        signal,
      );
    await approve(1);
    await say(asked("m2"));
    await until("suppressed");
    expect(await aliases()).toEqual({ champion: 1 });
    await approve(4_000_000_000_000);
    await until("promoted");
    expect((await told()).at(-1)?.reason).toBe("ann approved it");
    expect(await aliases()).toEqual({ champion: 2, previous: 1 });
  });

  describe("with a rollout", () => {
    const model: TrainedModel = { ...fraud, rollout: { shadow: { forMs: hourMs, recordsMin: 10 } } };
    const enough: ShadowSeen = { records: 10, spanMs: hourMs, givenUp: undefined };
    const point = (version: number): Promise<unknown> =>
      changeAliases(broker, place, () => [aliasRecord({ model: "fraud", alias: "challenger", version })], 0, signal);
    /** The version has passed, and scores beside the champion. */
    async function shadowed(more: Partial<TrainedModel> = {}) {
      await begin();
      const beside = { seen: { ...enough, records: 1 }, asked: [] as Challenger[] } as {
        seen: ShadowSeen;
        readonly asked: Challenger[];
      };
      await start({ model: { ...model, ...more }, beside, train: async () => accepted(2) });
      await say(asked("m1"));
      await until("trained");
      expect(await aliases()).toEqual({ champion: 1, challenger: 2 });
      return beside;
    }
    let others = 0;
    /** The trainer has looked at everything as it is now: it has answered a request that came later. */
    const looked = async (): Promise<void> => {
      for (let i = 0; i < 2; i++) {
        const before = (await told()).filter(({ type }) => type === "suppressed").length;
        await say(asked(`later-${others++}`));
        await until("suppressed", before + 1);
      }
    };

    test("lets a version score beside the champion until time and records are reached, and then promotes it", async () => {
      const beside = await shadowed();
      for (const seen of [
        { ...enough, spanMs: hourMs - 1 },
        { ...enough, records: 9 },
      ]) {
        beside.seen = seen;
        await looked();
        expect((await aliases())["champion"]).toBe(1);
      }
      beside.seen = enough;
      await until("promoted");
      // It waits as challenger no more.
      expect(await aliases()).toEqual({ champion: 2, previous: 1 });
      const { at } = (await told()).find(({ type }) => type === "trained")!;
      expect(beside.asked[0]).toEqual({ model: "fraud", version: 2, sinceMs: Date.parse(at), recordsMax: 10 });
    });

    test.each([false, true])(
      "promotes a version that has no champion to score beside at once, or when a person says yes: %s",
      async (approve) => {
        await begin(0);
        const beside = { seen: { records: 0, spanMs: 0, givenUp: undefined }, asked: [] as Challenger[] };
        await start({
          model: { ...model, retrain: { ...fraud.retrain!, approve } },
          beside,
          train: async () => accepted(1),
        });
        await say(asked("m1"));
        if (approve) {
          await until("waiting");
          await looked();
          const untilMs = 4_000_000_000_000;
          const yes = approvalRecord({ model: "fraud", version: 1, who: "ann", reason: "", untilMs, request: "r" });
          await writeControl(broker, topics.control, [yes], 0, signal);
        }
        await until("promoted");
        expect(await aliases()).toEqual({ champion: 1 });
      },
    );

    test("refuses one that a task has given up, however much it has scored, and takes it back", async () => {
      const beside = await shadowed();
      beside.seen = { ...enough, givenUp: "stage score gave version 2 up at offset 7 of totals-0" };
      await until("rejected");
      expect((await told()).at(-1)).toMatchObject({
        version: 2,
        reason: "stage score gave version 2 up at offset 7 of totals-0",
      });
      expect(await aliases()).toEqual({ champion: 1 });
    });

    test("takes one back whose request is cancelled meanwhile, and nothing is trained anew for it", async () => {
      await shadowed();
      await writeControl(broker, topics.control, [cancelRecord("m1", "ann", "no")], 0, signal);
      await until("cancelled");
      expect(await aliases()).toEqual({ champion: 1 });
    });

    test("ends where another version has become the challenger, and leaves that one", async () => {
      await shadowed();
      await point(9);
      await until("cancelled");
      expect((await told()).at(-1)?.reason).toBe("challenger points at version 9, and no more at version 2");
      expect(await aliases()).toEqual({ champion: 1, challenger: 9 });
    });

    test("ends as promoted where a person has put the version in service, also where it waits for approval", async () => {
      await shadowed({ retrain: { ...fraud.retrain!, approve: true } });
      const promotion = { model: "fraud", version: 2, at: 0, by: "ann" };
      await changeAliases(broker, place, (known) => promotionRecords(known, promotion), 0, signal);
      await until("promoted");
      expect(await aliases()).toEqual({ champion: 2, previous: 1 });
    });

    test("that has shadowed enough still waits for approval, and one that fails then is refused", async () => {
      const beside = await shadowed({ retrain: { ...fraud.retrain!, approve: true } });
      beside.seen = enough;
      await until("waiting");
      expect((await aliases())["champion"]).toBe(1);
      beside.seen = { ...enough, givenUp: "no more" };
      await until("rejected");
      expect(await aliases()).toEqual({ champion: 1 });
    });
  });

  describe("whose alias somebody moves to another version than the one that was compared with", () => {
    const roll = (version: number): Promise<unknown> =>
      changeAliases(
        broker,
        place,
        (known) => promotionRecords(known, { model: "fraud", version, at: 0, by: "ann" }),
        0,
        signal,
      );
    const ends = async () => {
      await until("undecided");
      return [(await told()).at(-1), await aliases()];
    };
    const undecided = {
      type: "undecided",
      version: 3,
      reason: "champion became 2 meanwhile; version 3 was compared with 1",
    };

    test("while it trains leaves what was put there, and trains once", async () => {
      await begin();
      const hold = deferred<void>();
      let trainings = 0;
      await start({
        train: async () => {
          trainings++;
          await hold.promise;
          return accepted(3);
        },
      });
      await say(asked("m1"));
      await until("started");
      await roll(2);
      hold.resolve();
      expect(await ends()).toMatchObject([undecided, { champion: 2, previous: 1 }]);
      expect(trainings).toBe(1);
    });

    test("while it trains what is to score beside it begins nothing", async () => {
      await begin();
      const hold = deferred<void>();
      const beside = { seen: { records: 0, spanMs: 0, givenUp: undefined }, asked: [] as Challenger[] };
      const model: TrainedModel = { ...fraud, rollout: { shadow: { forMs: hourMs, recordsMin: 10 } } };
      await start({ model, beside, train: async () => hold.promise.then(() => accepted(3)) });
      await say(asked("m1"));
      await until("started");
      await roll(2);
      hold.resolve();
      expect(await ends()).toMatchObject([undecided, { champion: 2, previous: 1 }]);
      expect(await challengers()).toEqual([]);
    });

    test("while it scores beside takes the challenger back", async () => {
      await begin();
      const beside = { seen: { records: 1, spanMs: 0, givenUp: undefined }, asked: [] as Challenger[] };
      const model: TrainedModel = { ...fraud, rollout: { shadow: { forMs: hourMs, recordsMin: 10 } } };
      await start({ model, beside, train: async () => accepted(3) });
      await say(asked("m1"));
      await until("trained");
      expect(await challengers()).toEqual([3]);
      await roll(2);
      expect(await ends()).toMatchObject([undecided, { champion: 2, previous: 1 }]);
      expect(await challengers()).toEqual([]);
    });

    test("while it waits for a person makes nothing of a yes", async () => {
      await begin();
      const model = { ...fraud, retrain: { ...fraud.retrain!, approve: true } };
      await start({ model, train: async () => accepted(3) });
      await say(asked("m1"));
      await until("waiting");
      await roll(2);
      const untilMs = 4_000_000_000_000;
      const yes = approvalRecord({ model: "fraud", version: 3, who: "bob", reason: "", untilMs, request: "r" });
      await writeControl(broker, topics.control, [yes], 0, signal);
      expect(await ends()).toMatchObject([undecided, { champion: 2, previous: 1 }]);
    });

    test("to the version itself while it waits for a person has been given a yes", async () => {
      await begin();
      const model = { ...fraud, retrain: { ...fraud.retrain!, approve: true } };
      await start({ model, train: async () => accepted(3) });
      await say(asked("m1"));
      await until("waiting");
      await roll(3);
      await until("promoted");
      expect(await aliases()).toEqual({ champion: 3, previous: 1 });
    });

    test("where there was none says so, and leaves that one", async () => {
      await begin(0);
      const hold = deferred<void>();
      await start({ train: async () => hold.promise.then(() => accepted(3)) });
      await say(asked("m1"));
      await until("started");
      await roll(2);
      hold.resolve();
      expect(await ends()).toMatchObject([
        { ...undecided, reason: "champion became 2 meanwhile; version 3 was compared with none" },
        { champion: 2 },
      ]);
    });
  });

  test.each(["promoted", "rejected"] as const)(
    "says with how many labels it began what it ends as %s",
    async (kind) => {
      await begin();
      const hold = deferred<void>();
      const seen = { labels: 60, predictions: 0, timeMs: undefined };
      const end: TrainingEnd = kind === "promoted" ? accepted(2) : { ...accepted(2), kind, version: undefined };
      await start({ seen, train: async () => hold.promise.then(() => end) });
      await say(asked("m1"));
      await until("started");
      seen.labels = 90;
      // It has looked again by the time it answers.
      await say(asked("m2"));
      await until("suppressed");
      hold.resolve();
      await until(kind);
      expect((await told()).find(({ type }) => type === kind)).toMatchObject({ by: "trainer", labels: 60 });
    },
  );

  test("says once that it has taken a reset, also to whoever comes to the partition after it", async () => {
    await begin();
    const reset: RetrainingEvent = { ...asked("r1"), type: "reset" };
    const hold = deferred<void>();
    const train = (_: TrainingOrder, cut: AbortSignal): Promise<TrainingEnd> =>
      new Promise((resolve, reject) => {
        void hold.promise.then(() => resolve(accepted(2)));
        cut.addEventListener("abort", () => reject(cut.reason));
      });
    await start({ train });
    // Its offset is held back by the request before it.
    await say(asked("m1"), reset);
    await until("reset", 2);
    expect((await told()).at(-1)).toMatchObject({ type: "reset", id: "r1/taken", request: "r1", by: "trainer" });
    for (const one of running.splice(0)) await one.drain();
    await start({ train });
    await until("started", 2);
    const records: string[] = [];
    for await (const batch of broker.read({ topic: topics.retraining, partition: 0, from: 0, to: await end() }, signal))
      for (const { event } of retrainingEventsIn(batch)) records.push(event.id);
    expect(records.filter((id) => id === "r1/taken")).toHaveLength(1);
    hold.resolve();
    await until("promoted");
  });

  test("trains as whoever asked says, else as the topology does", async () => {
    await begin();
    const modes: string[] = [];
    await start({
      train: async ({ mode }) => {
        modes.push(mode);
        return accepted(2 + modes.length);
      },
    });
    await say({ ...asked("m1"), mode: "full" });
    await until("promoted");
    await say(asked("m2"));
    await until("promoted", 2);
    expect(modes).toEqual(["full", "warm"]);
  });

  test("holds the offset of a request back until it has ended", async () => {
    await begin();
    const hold = deferred<void>();
    await start({ train: async () => hold.promise.then(() => accepted(2)) });
    await say(asked("m1"));
    await until("started");
    await say(asked("m2"));
    await until("suppressed");
    const committed = async () => (await broker.admin.committed(group, topics.retraining, signal))[0]?.offset ?? 0;
    expect(await committed()).toBe(0);
    hold.resolve();
    await until("promoted");
    await eventually(10_000, "the offset", async () => ((await committed()) > 0 ? true : undefined));
  });
});

/** Where a process dies, over all that the port was asked until a request is promoted. */
async function promotedOver(plan: DeathPlan): Promise<{ readonly deaths: number }> {
  await begin();
  const train = async (): Promise<TrainingEnd> => accepted(2);
  let isArmed = true;
  const mortal = mortalBroker(broker, (call, i, topics) => (isArmed ? plan(call, i, topics) : undefined));
  const first = await start({ train, over: mortal.broker });
  await say(alert());
  await Promise.race([mortal.died, until("promoted")]);
  // What it does at its stop is another matter.
  isArmed = false;
  if (mortal.isDead) {
    // Of a process that is dead nothing is drained.
    running = running.filter((one) => one !== first);
    await start({ train });
  }
  await until("promoted");
  return { deaths: mortal.isDead ? 1 : 0 };
}

test("a trainer that dies at any call of the port leaves one request, one promotion and one champion", async () => {
  for (let index = 0; index < 60; index++) {
    for (const when of ["before", "after"] as const) {
      const { deaths } = await promotedOver((_, i) => (i === index ? when : undefined));
      const events = await told();
      const count = (type: RetrainingEvent["type"]): number => events.filter((event) => event.type === type).length;
      expect([index, when, count("requested"), count("trained"), count("promoted")]).toEqual([index, when, 1, 1, 1]);
      expect(await aliases()).toEqual({ champion: 2, previous: 1 });
      let records = 0;
      await readControl(broker, topics.control, () => records++, signal);
      // Champion of before, previous, champion.
      expect(records).toBe(3);
      await finish();
      if (deaths === 0) {
        expect(index).toBeGreaterThan(8);
        return;
      }
    }
  }
  throw new Error("the deaths did not come to their end");
}, 60_000);
