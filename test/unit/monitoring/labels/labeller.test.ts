import { afterEach, expect, test } from "vitest";
import { createMemoryBroker } from "../../../../src/adapters/memory/index.ts";
import { silentLogger } from "../../../../src/kernel/index.ts";
import {
  decodePartial,
  isHeartbeat,
  type LabelledRecord,
  labelledSchema,
  type PartialRecord,
  type PerformanceSpec,
  partialSchema,
  practicalDefaults,
} from "../../../../src/monitor/index.ts";
import { encodeLabelled } from "../../../../src/monitor/records/labelled-record.ts";
import { createLabeller } from "../../../../src/monitoring/index.ts";
import type { Broker, Follower } from "../../../../src/runtime/index.ts";
import { FakeClock } from "../../../../src/testing/index.ts";
import { type DeathPlan, mortalBroker } from "../../../fakes/mortal-broker.ts";
import { noCodecs } from "../../../fakes/no-codecs.ts";
import { eventually } from "../../../support/deadline.ts";
import { plainRecords } from "../../../support/records.ts";
import { AutoClock, FakeRegistry, nextTurn } from "../../runtime/fixture.ts";

const { signal } = new AbortController();
const topics = { labelled: "shop.labelled.repartition", partials: "shop.partials" };
const [labelledId, partialId] = [31, 32];
const minute = 60_000;

const spec: PerformanceSpec = {
  name: "model",
  kind: "performance",
  severity: "page",
  join: "j",
  windowMs: 10 * minute,
  waitMs: minute,
  withinMs: undefined,
  isAbsenceNegative: false,
  lateMs: minute,
  metrics: ["accuracy", "auc", "log_loss"],
  practical: practicalDefaults,
  detectors: [{ kind: "adwin", config: { delta: 0.002, everySamples: 4, warmUpSamples: 10, partSamples: 2 } }],
  version: "v",
};

class Labelling {
  readonly memory: Broker;
  readonly clock = new AutoClock();
  readonly registry = new FakeRegistry();
  readonly running: Follower[] = [];
  readonly asked: string[] = [];

  constructor() {
    this.memory = createMemoryBroker({
      codecs: noCodecs,
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax: 10_000_000,
      topics: Object.values(topics).map((topic) => ({ topic, partitions: 1, replication: undefined, configs: {} })),
    });
    this.registry.schemas.set(labelledId, labelledSchema);
    this.registry.schemas.set(partialId, partialSchema);
    this.registry.latestBySubject.set(`${topics.labelled}-value`, labelledId);
    this.registry.latestBySubject.set(`${topics.partials}-value`, partialId);
  }

  async start(broker: Broker = this.memory): Promise<Follower> {
    const follower = createLabeller({
      broker,
      registry: this.registry,
      clock: this.clock,
      logger: silentLogger,
      topics,
      group: "shop.labeller",
      monitors: [spec],
      rowsMax: 1_000,
      readReference: async (model, version) => {
        this.asked.push(`${model}/${version}`);
        return version === 1 ? { rows: 500, positives: 100, values: { auc: 0.7 } } : undefined;
      },
      plan: "p",
      timeSliceMs: 10,
      yieldToLoop: nextTurn,
    });
    this.running.push(follower);
    await follower.start();
    return follower;
  }

  async append(records: readonly LabelledRecord[]): Promise<void> {
    for (const record of records) {
      const value = encodeLabelled(record, labelledId);
      await this.memory.append(
        [{ topic: topics.labelled, partition: 0, timestampMs: 1_000, key: Buffer.from(record.key), value }],
        signal,
      );
    }
  }

  async partials(): Promise<PartialRecord[]> {
    const [{ low, end } = { low: 0, end: 0 }] = await this.memory.admin.watermarks(topics.partials, signal);
    const found: PartialRecord[] = [];
    if (low === end) return found;
    for await (const batch of this.memory.read({ topic: topics.partials, partition: 0, from: low, to: end }, signal))
      for (const { value } of plainRecords(batch)) {
        const record = decodePartial(value!);
        if (!isHeartbeat(record)) found.push(record);
      }
    return found;
  }

  async untilWindows(count: number): Promise<PartialRecord[]> {
    return eventually(10_000, `${count} windows`, async () => {
      const partials = await this.partials();
      return partials.length >= count ? partials : undefined;
    });
  }
}

let open: Labelling[] = [];
afterEach(async () => {
  await Promise.all(open.flatMap(({ running }) => running.map((follower) => follower.drain())));
  open = [];
});

function labelling(): Labelling {
  const made = new Labelling();
  open.push(made);
  return made;
}

/** A prediction a minute from version 1, later from 2, each with its label half a minute later; one in three is wrong. */
const log: readonly LabelledRecord[] = Array.from({ length: 45 }, (_, i): LabelledRecord[] => {
  const [key, isTrue] = [`k${i}`, i % 2 === 0];
  const score = (i % 3 === 0) === isTrue ? 0.2 : 0.8;
  const timeMs = i * minute;
  return [
    { join: "j", key, eventId: `p${i}`, timeMs, model: "fraud", version: i < 25 ? 1 : 2, score },
    { join: "j", key, eventId: `l${i}`, timeMs: timeMs + minute / 2, label: isTrue ? 1 : 0 },
  ];
}).flat();

test("what windows come to is written once, with what was known of their versions", async () => {
  const shop = labelling();
  await shop.append(log);
  await shop.start();
  const partials = await shop.untilWindows(4);
  expect(partials.map(({ fromMs, rows }) => [fromMs / minute, rows])).toEqual([
    [0, 10],
    [10, 10],
    [20, 10],
    [30, 10],
  ]);
  const [first, , third] = partials;
  expect(first).toMatchObject({ monitor: "model", version: "v", stage: "labeller", isClosed: true, offsetFrom: 0 });
  // Of rows 0 to 9 those that 3 divides are wrong: four.
  expect(first?.performance?.versions).toMatchObject([
    {
      version: 1,
      labelled: 10,
      positives: 5,
      metrics: [{ metric: "accuracy", value: 0.6 }, { metric: "auc" }, { metric: "log_loss" }],
      detectors: [{ kind: "adwin" }],
      reference: { rows: 500, positives: 100, values: { auc: 0.7 } },
    },
  ]);
  expect(third?.performance?.versions.map(({ version, rows }) => [version, rows])).toEqual([
    [1, 5],
    [2, 5],
  ]);
  expect(third?.performance?.versions[1]?.reference).toBeUndefined();
  expect(shop.asked).toEqual(["fraud/1", "fraud/2"]);
});

test("records of other joins are none of its business", async () => {
  const shop = labelling();
  await shop.append(log.map((record) => ({ ...record, join: "other" })));
  await shop.append(log);
  await shop.start();
  expect((await shop.untilWindows(4)).map(({ rows }) => rows)).toEqual([10, 10, 10, 10]);
});

test("a process that dies at any call is followed by one that writes the same windows, each once", async () => {
  const straight = labelling();
  await straight.append(log);
  await straight.start();
  const expected = await straight.untilWindows(4);
  const parts = [log.slice(0, 30), log.slice(30, 55), log.slice(55)];
  for (let at = 0; at < 14; at++) {
    for (const when of ["before", "after"] as const) {
      const shop = labelling();
      const plan: DeathPlan = (_, index) => (index === at ? when : undefined);
      const mortal = mortalBroker(shop.memory, plan);
      await shop.append(parts[0]!);
      const dying = await shop.start(mortal.broker);
      await shop.append(parts[1]!);
      await eventually(10_000, "the first process to end or to be through", async () => {
        return mortal.isDead || dying.caughtUp(parts[0]!.length + parts[1]!.length) || undefined;
      });
      await mortal.kill();
      shop.running.splice(0);
      await shop.append(parts[2]!);
      await shop.start();
      const partials = await shop.untilWindows(4);
      expect(partials, `death ${when} call ${at}`).toEqual(expected);
    }
  }
});
