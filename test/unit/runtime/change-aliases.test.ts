import { afterEach, beforeEach, expect, test } from "vitest";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { type Alias, promotionRecords, readAliases, writeAlias } from "../../../src/runtime/control/aliases.ts";
import { changeAliases } from "../../../src/runtime/control/change-aliases.ts";
import { type ControlRecord, readControl } from "../../../src/runtime/control/control-topic.ts";
import type { Broker } from "../../../src/runtime/index.ts";

const never = new AbortController().signal;
const place = { clusterName: "c", aliasesId: "shop.aliases" };
const alias = (name: string, version: number): Alias => ({ model: "fraud", alias: name, version });
const promotionOf = (version: number) => ({ model: "fraud", version, at: 7, by: "ann", reason: "better" });
const promote = (version: number) => (aliases: readonly Alias[]) => promotionRecords(aliases, promotionOf(version));
const parsed = (records: readonly ControlRecord[]) => records.map(({ key, value }) => [key, JSON.parse(value ?? "")]);
let broker: Broker;

beforeEach(async () => {
  broker = await openMemoryBroker(1024 * 1024, silentLogger);
  await broker.admin.createTopics([{ topic: "c", partitions: 1, replication: undefined, configs: {} }], never);
});
afterEach(() => broker.close());

async function keysWritten(): Promise<string[]> {
  const keys: string[] = [];
  await readControl(
    broker,
    "c",
    ({ key, value }) => void keys.push(`${key} ${JSON.parse(value ?? "").version}`),
    never,
  );
  return keys;
}

test("a first promotion points champion at the version, and says when, who and why", () => {
  expect(parsed(promotionRecords([], { ...promotionOf(1), request: "r1", incident: "i1", baseline: "b1" }))).toEqual([
    [
      "alias/fraud/champion",
      {
        model: "fraud",
        version: 1,
        at: 7,
        by: "ann",
        reason: "better",
        request: "r1",
        incident: "i1",
        baseline: "b1",
        alias: "champion",
      },
    ],
  ]);
});

test("a later promotion keeps the champion before as previous, without the baseline of the new one", () => {
  const records = promotionRecords([alias("champion", 4), alias("previous", 2)], {
    ...promotionOf(5),
    baseline: "fraud/5",
  });
  expect(parsed(records)).toMatchObject([
    ["alias/fraud/previous", { alias: "previous", version: 4, by: "ann" }],
    ["alias/fraud/champion", { alias: "champion", version: 5, baseline: "fraud/5" }],
  ]);
  expect(JSON.parse(records[0]?.value ?? "")).not.toHaveProperty("baseline");
});

test("promoting the champion again writes nothing, so that the previous version is not lost", () => {
  expect(promotionRecords([alias("champion", 4), alias("previous", 2)], promotionOf(4))).toEqual([]);
});

test("a promotion ends the challenger that the version was, and no other", () => {
  const known = [alias("champion", 4), alias("challenger", 5), { ...alias("challenger", 6), model: "churn" }];
  expect(promotionRecords(known, promotionOf(5))[0]).toEqual({ key: "alias/fraud/challenger", value: null });
  expect(promotionRecords(known, promotionOf(6)).map(({ key }) => key)).toEqual([
    "alias/fraud/previous",
    "alias/fraud/champion",
  ]);
  expect(promotionRecords([alias("challenger", 1)], promotionOf(1)).map(({ key }) => key)).toEqual([
    "alias/fraud/challenger",
    "alias/fraud/champion",
  ]);
});

test("champions of other models are not taken for the model's own", () => {
  const other = { model: "churn", alias: "champion", version: 9 };
  expect(parsed(promotionRecords([other], promotionOf(1)))).toHaveLength(1);
});

test("a change is read back, and its offset is that of the champion's record", async () => {
  await writeAlias(broker, "c", alias("champion", 1), 0, never);
  const { offset } = await changeAliases(broker, place, promote(2), 0, never);
  const { aliases } = await readAliases(broker, "c", never);
  expect(aliases.map((known) => [known.alias, known.version])).toEqual([
    ["champion", 2],
    ["previous", 1],
  ]);
  // 0 is the alias written first, 1 the previous one.
  expect(offset).toBe(2);
});

test("the offset is that of what was written, and not of a later record of the key", async () => {
  const racing: Broker = Object.create(broker, {
    admin: { value: broker.admin },
    read: { value: broker.read.bind(broker) },
    transaction: {
      value: async (id: string, signal: AbortSignal) => {
        // Who writes without taking the id is not fenced; the record lies between what was read and what is written.
        const writer = await broker.transaction(id, signal);
        return {
          commit: async (...args: Parameters<typeof writer.commit>) => {
            await writeAlias(broker, "c", alias("champion", 8), 0, never);
            return writer.commit(...args);
          },
        };
      },
    },
  });
  expect((await changeAliases(racing, place, promote(2), 0, never)).offset).toBe(1);
});

test("a decision for nothing writes nothing and has no offset", async () => {
  expect(await changeAliases(broker, place, () => [], 0, never)).toEqual({ records: [], offset: undefined });
  expect(await readAliases(broker, "c", never)).toEqual({ aliases: [], offsetNext: 0 });
});

test("what somebody else writes between reading and writing is seen: the decision is made anew", async () => {
  await writeAlias(broker, "c", alias("champion", 1), 0, never);
  let decisions = 0;
  const racing: Broker = Object.create(broker, {
    read: { value: broker.read.bind(broker) },
    transaction: {
      value: async (id: string, signal: AbortSignal) => {
        const writer = await broker.transaction(id, signal);
        const isFirst = decisions === 0;
        return {
          commit: async (...args: Parameters<typeof writer.commit>) => {
            if (isFirst) await changeAliases(broker, place, promote(2), 0, never);
            return writer.commit(...args);
          },
        };
      },
    },
  });
  const decide = (aliases: readonly Alias[]): readonly ControlRecord[] => {
    decisions++;
    return promote(3)(aliases);
  };
  await changeAliases(racing, place, decide, 0, never);
  expect(decisions).toBe(2);
  const { aliases } = await readAliases(broker, "c", never);
  expect(aliases.map((known) => [known.alias, known.version])).toEqual([
    ["champion", 3],
    ["previous", 2],
  ]);
});

test("four writers at once leave one chain: each previous version is the champion before", async () => {
  const versions = Array.from({ length: 4 }, (_, index) => index + 1);
  const changes = versions.map((version) => changeAliases(broker, place, promote(version), 0, never));
  const settled = await Promise.allSettled(changes);
  const failed = settled.filter(({ status }) => status === "rejected");
  const written = await keysWritten();
  let champion: string | undefined;
  for (let i = 0; i < written.length; i++) {
    const [key = "", version = ""] = (written[i] ?? "").split(" ");
    if (key.endsWith("/previous")) expect(version).toBe(champion);
    else champion = version;
  }
  expect(written.filter((line) => line.startsWith("alias/fraud/champion"))).toHaveLength(4 - failed.length);
});

test("a writer that is fenced again and again gives up and says so", async () => {
  const fenced: Broker = Object.create(broker, {
    transaction: {
      value: async (id: string, signal: AbortSignal) => {
        const writer = await broker.transaction(id, signal);
        await broker.transaction(id, signal);
        return writer;
      },
    },
  });
  await expect(changeAliases(fenced, place, promote(1), 0, never)).rejects.toMatchObject({ code: "MR_FENCED" });
  expect((await readAliases(broker, "c", never)).aliases).toEqual([]);
});

test("an alias whose key is gone is none", async () => {
  await writeAlias(broker, "c", alias("challenger", 1), 0, never);
  const key = Buffer.from("alias/fraud/challenger");
  await broker.append([{ topic: "c", partition: 0, timestampMs: 0, key, value: null }], never);
  expect((await readAliases(broker, "c", never)).aliases).toEqual([]);
});
