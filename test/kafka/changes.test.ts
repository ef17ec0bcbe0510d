import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect, stockKafka } from "./harness/client.ts";
import { EvolvingChain } from "./support/evolving-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 120_000 });

const { signal } = new AbortController();
const each = 14;

// The rows of docs/guides/changing.md, one after the other on one cluster: a test begins where the one before it ended.
describeKafka("card-fraud.yaml changes on a cluster that keeps its records", () => {
  let admin: ReturnType<ReturnType<typeof stockKafka>["admin"]>;
  let broker: Broker;
  let millrace: BuiltMillrace;
  let folder: string;
  let chain: EvolvingChain;

  beforeAll(async () => {
    const { bootstrap } = testBroker();
    admin = stockKafka(bootstrap).admin();
    [broker, millrace, folder] = await Promise.all([
      connect(bootstrap),
      buildMillrace(),
      mkdtemp(join(tmpdir(), "millrace-changes-")),
      admin.connect(),
    ]);
    chain = new EvolvingChain({ bootstrap, folder, millrace, namespace: uniqueNamespace() });
    const external = ["inbox", "reports"].map((name) => chain.topic(name));
    const made = external.map((topic) => ({ topic, partitions: 4, replication: 1, configs: {} }));
    await broker.admin.createTopics(made, signal);
  });

  afterAll(async () => {
    await endWorkers();
    const topics = await admin.listTopics();
    await broker.admin.deleteTopics(
      topics.filter((topic) => topic.startsWith(`${chain.namespace}.`)),
      signal,
    );
    await Promise.all([broker.close(), admin.disconnect()]);
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** Plans, is refused by `run`, applies, and works payments off; answers the lines of changes. */
  async function applied(): Promise<string> {
    const planned = await chain.command("plan");
    expect([planned.code, planned.stderr]).toEqual([0, ""]);
    const early = await chain.command("run");
    expect(early.code).toBe(1);
    expect(early.stderr).toMatch(/^MR_(TOPIC|SUBJECT)_MISSING starting card-fraud: .*; run millrace apply$/m);
    expect((await chain.command("apply")).code).toBe(0);
    const hashes = [planned.stdout, (await chain.command("plan")).stdout].map(
      (text) => /^plan (\w+)$/m.exec(text)?.[1],
    );
    expect(hashes[0]).toBe(hashes[1]);
    await chain.work(each);
    return changesIn(planned.stdout);
  }

  /** All three commands refuse, for the same reason; answers it. */
  async function refused(code: string): Promise<string> {
    const [planned, made, started] = [
      await chain.command("plan"),
      await chain.command("apply"),
      await chain.command("run"),
    ];
    expect([planned.code, made.code, started.code]).toEqual([1, 1, 1]);
    for (const { stderr } of [made, started]) expect(stderr).toContain(code);
    const reason = /^ {2}! (.*)$/m.exec(planned.stdout)?.[1] ?? planned.stderr;
    expect(started.stderr).toContain(reason);
    return reason;
  }

  const features = () => chain.features(broker);

  test("the first apply makes everything, and not before that does a worker start", async () => {
    expect(await applied()).toContain(`+ schema ${chain.topic("payments.features")}-value: version 1\n`);
    expect(await features()).toHaveLength(each);
  });

  test("1: a new derive may be null, and is so in the records before it and in none after", async () => {
    chain.edit("          is_night:", "          is_large: amount > 5\n          is_night:");
    expect(await applied()).toContain("version 2, reads version 1; adds is_large (null in older records)");
    const seen = (await features()).map((row) => row["is_large"]);
    expect(seen).toEqual([...new Array(each).fill(null), ...new Array(each).fill(true)]);
  });

  test("2: a new rolling feature likewise, of rows that the store holds already", async () => {
    chain.edit(
      "            amount_max: max(amount)",
      "            amount_max: max(amount)\n            amount_sum: sum(amount)",
    );
    expect(await applied()).toContain(
      "adds amount_sum_1h (null in older records), amount_sum_1d (null in older records)",
    );
    const rows = await features();
    expect(rows.slice(0, 2 * each).every((row) => row["amount_sum_1h"] === null)).toBe(true);
    // Two payments of 10 each by seven customers, the third time.
    expect(rows.slice(2 * each).map((row) => row["amount_sum_1h"])).toEqual([...seven(50), ...seven(60)]);
  });

  test("3: a field with a default has that in older records", async () => {
    chain.edit("          is_night:", "          pairs: { is: payments_1h * 2, default: 1 }\n          is_night:");
    expect(await applied()).toContain("adds pairs (1 in older records)");
    const rows = await features();
    expect(rows.slice(0, 3 * each).every((row) => row["pairs"] === 1)).toBe(true);
    expect(rows.slice(3 * each).map((row) => row["pairs"])).toEqual([...seven(14), ...seven(16)]);
  });

  test("4: a removed field is dropped", async () => {
    chain.edit("          is_large: amount > 5\n", "");
    expect(await applied()).toContain("version 5, reads version 4; drops is_large");
    expect((await features()).every((row) => !("is_large" in row))).toBe(true);
  });

  test("5: a field that is added again, at the end, is read where it was written", async () => {
    chain.edit("          amount_ratio:", "          is_large: amount > 5\n          amount_ratio:");
    expect(await applied()).toContain("version 6, reads version 5; adds is_large (null in older records)");
    const seen = (await features()).map((row) => row["is_large"] !== null);
    const expected = [false, true, true, true, false, true].flatMap((was) => new Array(each).fill(was));
    expect(seen).toEqual(expected);
  });

  test("6: int widens to long and to double", async () => {
    chain.edit("          is_night:", "          at_hour: hour(paid_at)\n          is_night:");
    expect(await applied()).toContain("adds at_hour (null in older records)");
    chain.edit("at_hour: hour(paid_at)", "at_hour: to_long(hour(paid_at))");
    expect(await applied()).toContain("version 8, reads version 7\n");
    chain.edit("at_hour: to_long(hour(paid_at))", "at_hour: to_double(hour(paid_at))");
    expect(await applied()).toContain("version 9, reads version 8\n");
    expect((await features()).slice(6 * each).every((row) => typeof row["at_hour"] === "number")).toBe(true);
  });

  test("7: a narrowing is refused by all three, which say how to keep the type", async () => {
    chain.edit("at_hour: to_double(hour(paid_at))", "at_hour: hour(paid_at)");
    expect(await refused("MR_SCHEMA_INCOMPATIBLE")).toMatch(/at_hour is int\? now, and was double\?; .*to_double/);
    chain.edit("at_hour: hour(paid_at)", "at_hour: to_double(hour(paid_at))");
  });

  test("8: a topic under another name in the file, with name: on the cluster, is the topic that it was", async () => {
    for (const place of [
      "  payments.features: { schema: inferred }",
      "to: payments.features",
      "from: payments.features",
      "from: payments.features",
    ])
      chain.edit(place, place.replace("payments.features", "payments.rows"));
    chain.edit("payments.rows: { schema: inferred }", "payments.rows: { schema: inferred, name: payments.features }");
    const planned = await chain.command("plan");
    expect([planned.code, changesIn(planned.stdout)]).toEqual([
      0,
      expect.stringContaining("none: the cluster is as planned"),
    ]);
    const before = (await features()).length;
    await chain.work(each);
    expect(await features()).toHaveLength(before + each);
  });

  test("9: a topic that somebody gave more partitions is refused by all three until the file says so", async () => {
    const topic = chain.topic("payments.labels");
    await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
    expect(await refused("MR_TOPIC_MISMATCH")).toBe(
      `topic ${topic} has 6 partitions on the cluster and 4 in the plan; write partitions: 6, or move to a new topic: keys would change partition`,
    );
    chain.edit("time: known_at, partitions: 4", "time: known_at, partitions: 6");
    expect((await chain.command("plan")).code).toBe(0);
    await chain.work(each);
  });

  test("10: another retention is shown with the command that sets it, and keeps nobody from running", async () => {
    chain.edit("retention: 7d", "retention: 14d");
    const planned = await chain.command("plan");
    expect([planned.code, changesIn(planned.stdout)]).toEqual([
      0,
      expect.stringContaining(
        `~ topic ${chain.topic("payments.clean")} differs: retention 7d, planned retention 14d; apply leaves it: run kafka-configs.sh`,
      ),
    ]);
    expect((await chain.command("apply")).stderr).toBe("nothing to do\n");
    await chain.work(each);
  });

  test("11: an inbox that its owner gave more partitions is read on, and plan warns", async () => {
    await admin.createPartitions({ topicPartitions: [{ topic: chain.topic("inbox"), count: 6 }] });
    const planned = await chain.command("plan");
    expect([planned.code, planned.stdout]).toEqual([
      0,
      expect.stringContaining("MR_MIXED_BACKLOG: stage ingest changes the number of partitions from 6 to 4"),
    ]);
    const before = (await features()).length;
    await chain.work(each);
    expect(await features()).toHaveLength(before + each);
  });

  test("12: a feature topic that somebody made a compacted one is refused by all three", async () => {
    const name = chain.topic("payments.features");
    const set = (value: string) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name, configEntries: [{ name: "cleanup.policy", value }] }],
      });
    await set("compact");
    expect(await refused("MR_TOPIC_MISMATCH")).toContain("all but the newest record of each key would go");
    await set("delete");
    expect((await chain.command("plan")).code).toBe(0);
  });

  test("13: an inbox that is not there is its owner's to make, and apply is not advised", async () => {
    const environment = { PAYMENTS_INBOX: chain.topic("elsewhere") };
    for (const name of ["plan", "run"] as const) {
      const { code, stdout, stderr } = await chain.command(name, environment);
      expect(code).toBe(1);
      const said = (stdout + stderr).split("\n").find((line) => line.includes("elsewhere is external"));
      expect(said).toMatch(/does not exist; have its owner create it, or point name: to the right one$/);
    }
  });
});

function seven(value: number): number[] {
  return new Array(7).fill(value);
}

function changesIn(text: string): string {
  return text.slice(text.indexOf("\nchanges\n"));
}
