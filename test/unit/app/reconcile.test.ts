/** What stages say they have made, counted again from the topics. */
import { createHash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { reconciliationText } from "../../../src/app/cli/reconcile.ts";
import { type Reconciliation, reconcile } from "../../../src/app/reconcile.ts";
import { createWorker } from "../../../src/app/start-worker.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { type DeliveryMode, type Plan, planTopology } from "../../../src/topology/index.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";
import { noModels } from "../runtime/fixture.ts";

const never = new AbortController().signal;

const fileOf = (delivery: DeliveryMode): string => `
apiVersion: millrace/v1
kind: Topology
name: shop
delivery: ${delivery}
topics:
  inbox: { format: json, external: true, partitions: 1 }
  raw: { schema: payment, key: customer, time: paid_at, partitions: 1 }
  clean: { schema: inferred }
stages:
  - name: ingest
    from: { topic: inbox, format: json, ahead: none }
    to: raw
    steps:
      - cast: { paid_at: timestamp-millis }
  - name: clean
    from: raw
    to: clean
    late: { within: 1h, then: dead-letter }
    steps:
      - require: [amount]
      - dedupe: { by: id, within: 1d }
      - filter: amount >= 0
`;

const payment = JSON.stringify({
  type: "record",
  name: "Payment",
  fields: [
    { name: "event_id", type: "string" },
    { name: "id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: ["null", "double"], default: null },
  ],
});

const day = (minutes: number): string => new Date(Date.UTC(2026, 0, 2, 0, minutes)).toISOString();
const pay = (id: string, amount: number | null, minutes = 600): string =>
  JSON.stringify({ id, customer: "c", amount, paid_at: day(minutes) });

/** Of ten: one is no JSON; then a repeat, two refunds, one without an amount and one that is two hours late. */
const events = [
  pay("a", 1),
  pay("b", -1),
  "no JSON",
  pay("c", null),
  pay("a", 1),
  pay("d", 4),
  pay("e", -5),
  pay("f", 6, 480),
  pay("g", 7),
  pay("h", 8),
];

let open: Broker[] = [];
afterEach(async () => {
  await Promise.all(open.map((broker) => broker.close()));
  open = [];
});

class Shop {
  readonly broker: Broker;
  readonly registry = new MemoryRegistry();
  readonly plan: Plan;
  readonly nowMs = Date.now();

  private constructor(broker: Broker, plan: Plan) {
    this.broker = broker;
    this.plan = plan;
  }

  /** The shop after its stages have worked off the events. */
  static async open(delivery: DeliveryMode = "exactly-once"): Promise<Shop> {
    const { plan, problems } = planTopology({
      text: fileOf(delivery),
      file: "shop.yaml",
      environment: {},
      schemas: new Map([["payment", payment]]),
      hasher: { sha256: (input) => createHash("sha256").update(input).digest("hex") },
    });
    if (plan === undefined) throw new Error(JSON.stringify(problems));
    const broker = await openMemoryBroker(10_000_000, silentLogger);
    open.push(broker);
    await broker.admin.createTopics([{ topic: "inbox", partitions: 1, replication: undefined, configs: {} }], never);
    const shop = new Shop(broker, plan);
    await applyChanges(await compareWithCluster(plan, broker, shop.registry, never), broker, shop.registry, never);
    await shop.send(events);
    await shop.work();
    return shop;
  }

  async send(values: readonly string[]): Promise<void> {
    const records = values.map((value) => ({
      topic: "inbox",
      partition: 0,
      timestampMs: 1,
      key: null,
      value: Buffer.from(value),
    }));
    await this.broker.append(records, never);
  }

  async work(): Promise<void> {
    const { plan, broker, registry } = this;
    const worker = await createWorker({
      plan,
      stages: plan.stages,
      broker,
      registry,
      models: noModels,
      logger: silentLogger,
      drainTimeoutMs: 5_000,
      untilCaughtUp: true,
    });
    expect(await worker.run(never)).toBe(0);
  }

  reconcile(): Promise<Reconciliation> {
    return reconcile(this, never);
  }

  async records(topic: string): Promise<PlainRecord[]> {
    const found: PlainRecord[] = [];
    for (const { partition, low, end } of await this.broker.admin.watermarks(topic, never))
      if (low < end)
        for await (const batch of this.broker.read({ topic, partition, from: low, to: end }, never))
          found.push(...plainRecords(batch));
    return found;
  }

  /** Makes a topic anew with other records, as somebody might by hand. */
  async rewrite(topic: string, change: (records: PlainRecord[]) => PlainRecord[]): Promise<void> {
    const records = change(await this.records(topic));
    await this.broker.admin.deleteTopics([topic], never);
    await this.broker.admin.createTopics([{ topic, partitions: 1, replication: undefined, configs: {} }], never);
    await this.broker.append(
      records.map((record) => ({ ...record, partition: 0 })),
      never,
    );
  }
}

const verdicts = ({ partitions }: Reconciliation): string[] =>
  partitions.flatMap(({ stage, differences }) => differences.map((difference) => `${stage}: ${difference}`));

test("what was counted by hand is what is found, and it agrees", async () => {
  const found = await (await Shop.open("at-least-once")).reconcile();
  expect(reconciliationText(found, "table")).toBe(`\
stage   partition  from  to  in  out  filtered  late  dead letters  verdict
ingest  0          0     10  10  9    0         0     1             agrees
clean   0          0     9   9   4    3         1     1             agrees
partitions 2 differing 0 not counted 0 strays 0
`);
});

test("exactly once it is the same, whatever offsets the commits take", async () => {
  const found = await (await Shop.open()).reconcile();
  expect(found.partitions.map(({ counted }) => counted?.recount)).toEqual([
    { counts: { in: 10, out: 9, filtered: 0, late: 0, deadLetters: 1 }, repeats: 0 },
    { counts: { in: 9, out: 4, filtered: 3, late: 1, deadLetters: 1 }, repeats: 0 },
  ]);
  expect(found.partitions.map(({ counted }) => counted?.range.counts)).toEqual(
    found.partitions.map(({ counted }) => counted?.recount.counts),
  );
  expect([...verdicts(found), ...found.strays]).toEqual([]);
});

test("the same is told to programs, a line a partition or as one list", async () => {
  const found = await (await Shop.open("at-least-once")).reconcile();
  const row = {
    stage: "clean",
    partition: 0,
    from: 0,
    to: 9,
    logs: { in: 9, out: 4, late: 1, deadLetters: 1, filtered: 3 },
    account: { in: 9, out: 4, filtered: 3, late: 1, deadLetters: 1 },
    repeats: 0,
    lacking: null,
    differences: [],
  };
  const lines = reconciliationText(found, "jsonl").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ stage: "ingest" }), row]);
  expect(JSON.parse(reconciliationText(found, "json"))[1]).toEqual(row);
});

test("counts go on over workers", async () => {
  const shop = await Shop.open();
  await shop.send([pay("i", 9), pay("j", -9)]);
  await shop.work();
  const found = await shop.reconcile();
  expect(found.partitions.map(({ counted }) => counted?.recount.counts.in)).toEqual([12, 11]);
  expect(verdicts(found)).toEqual([]);
});

test("an output that is gone is missed", async () => {
  const shop = await Shop.open();
  await shop.rewrite("clean", (records) => records.slice(1));
  expect(verdicts(await shop.reconcile())).toEqual(["clean: out 3 in the logs, 4 in the account"]);
});

test("a dead letter that is gone is missed, by whichever stage it was, and so is a late one", async () => {
  const shop = await Shop.open("at-least-once");
  await shop.rewrite("shop.dead-letters", () => []);
  expect(verdicts(await shop.reconcile())).toEqual([
    "ingest: dead letters 0 in the logs, 1 in the account",
    "clean: late 0 in the logs, 1 in the account",
    "clean: dead letters 0 in the logs, 1 in the account",
  ]);
});

test("an output that is there twice is told exactly once, and allowed at least once", async () => {
  const twice = (records: PlainRecord[]): PlainRecord[] => [...records, records[1]!];
  const once = await Shop.open();
  await once.rewrite("clean", twice);
  expect(verdicts(await once.reconcile())).toEqual(["clean: 1 outputs are there twice"]);
  const shop = await Shop.open("at-least-once");
  await shop.rewrite("clean", twice);
  expect(verdicts(await shop.reconcile())).toEqual([]);
});

test("an output that comes from no record of the input is a stray", async () => {
  const shop = await Shop.open();
  // Its event id is overwritten, which leaves the record as long as it was.
  await shop.rewrite("clean", (records) => {
    const text = records[0]!.value!.toString("latin1").replace("inbox-0-", "other-0-");
    return [...records, { ...records[0]!, value: Buffer.from(text, "latin1") }];
  });
  const found = await shop.reconcile();
  expect(found.strays).toEqual([{ stage: "clean", topic: "clean", count: 1 }]);
  expect(verdicts(found)).toEqual([]);
  expect(reconciliationText(found, "table")).toContain(
    "clean: 1 records of topic clean come from no record of the input\npartitions 2 differing 0 not counted 0 strays 1\n",
  );
});

test("where others write too, a record of nobody's is theirs", async () => {
  const shop = await Shop.open();
  await shop.rewrite("clean", (records) => {
    const text = records[0]!.value!.toString("latin1").replace("inbox-0-", "other-0-");
    return [...records, { ...records[0]!, value: Buffer.from(text, "latin1") }];
  });
  const sharing = (more: Partial<Plan["stages"][number]["to"]>): Plan => ({
    ...shop.plan,
    stages: shop.plan.stages.map((stage) => ({ ...stage, to: { ...stage.to, ...more } })),
  });
  const straysOf = async (plan: Plan) => (await reconcile({ ...shop, plan }, never)).strays.length;
  expect(await straysOf(shop.plan)).toBe(1);
  expect(await straysOf(sharing({ writers: ["clean", "another"] }))).toBe(0);
  expect(await straysOf(sharing({ external: true }))).toBe(0);
});

test("an output made of a record that was set aside as well is told", async () => {
  const shop = await Shop.open();
  // The second one is a refund, and filtered: somebody gives its id to an output.
  await shop.rewrite("clean", (records) => {
    const text = records[0]!.value!.toString("latin1").replace("inbox-0-0", "inbox-0-1");
    return [...records, { ...records[0]!, value: Buffer.from(text, "latin1") }];
  });
  expect(verdicts(await shop.reconcile())).toEqual(["clean: out 5 in the logs, 4 in the account"]);
});

test("a stage whose group is gone has nothing to be counted, and that is no difference; its accounts are named", async () => {
  const shop = await Shop.open();
  await shop.broker.admin.deleteGroups(["shop.clean"], never);
  const found = await shop.reconcile();
  const gone = "its committed offset is gone, though accounts reach to 10:";
  const [, partition] = found.partitions;
  expect(partition).toMatchObject({ counted: undefined, differences: [] });
  expect(partition?.lacking).toContain(gone);
  const text = reconciliationText(found, "table");
  expect(text).toContain(`not counted: ${gone}`);
  expect(text).toContain("\npartitions 2 differing 0 not counted 1 strays 0\n");
});

/** The broker of a shop whose retention has deleted what lies before an offset of a topic, or everything. */
function without(broker: Broker, topic: string, low: number): Broker {
  const extent: Broker["admin"]["extent"] = async (at, signal) => {
    const { end } = await broker.admin.extent(at, signal);
    return { low: at.topic === topic ? Math.min(low, end) : 0, end };
  };
  return new Proxy(broker, {
    get: (target, name) =>
      name === "admin"
        ? new Proxy(target.admin, {
            get: (admin, key) => (key === "extent" ? extent : bound(admin, key)),
          })
        : bound(target, name),
  });
}

function bound(of: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(of, name);
  return typeof value === "function" ? value.bind(of) : value;
}

test.each([
  ["clean", "clean"],
  ["raw", "clean"],
  ["shop.dead-letters", "clean"],
])("what retention has deleted of %s is not counted, and is no difference", async (topic, stage) => {
  const shop = await Shop.open("at-least-once");
  const found = await reconcile({ ...shop, broker: without(shop.broker, topic, 1) }, never);
  expect(found.partitions.find((one) => one.stage === stage)).toMatchObject({
    counted: undefined,
    lacking: "no account is old enough that has all of its records still there",
  });
  expect([verdicts(found), found.strays]).toEqual([[], []]);
});

test("a topic that retention has emptied tells by its retention what may be gone", async () => {
  const shop = await Shop.open("at-least-once");
  // Their workers have left accounts by which the rest can be counted.
  await shop.send([pay("i", 9)]);
  await shop.work();
  const emptied = { ...shop, broker: without(shop.broker, "shop.dead-letters", Number.POSITIVE_INFINITY) };
  const at = async (days: number) =>
    (await reconcile({ ...emptied, nowMs: shop.nowMs + days * 86_400_000 }, never)).partitions.map(
      ({ counted }) => counted !== undefined,
    );
  // Dead letters are kept for 30 days: what was deleted by now is older than that, and nothing of the shop is.
  expect(await at(29)).toEqual([true, true]);
  expect(await at(31)).toEqual([false, false]);
});

test("what is compacted is not counted: what is gone from it has left no trace", async () => {
  const shop = await Shop.open();
  const { admin } = shop.broker;
  const describe: typeof admin.describe = async (topics, signal) => {
    const described = await admin.describe(topics, signal);
    const compacted = (topic: string) => (topic === "raw" ? { "cleanup.policy": "compact,delete" } : {});
    return {
      ...described,
      topics: described.topics.map((one) => ({ ...one, configs: { ...one.configs, ...compacted(one.topic) } })),
    };
  };
  const broker = new Proxy(shop.broker, {
    get: (target, name) =>
      name === "admin"
        ? new Proxy(admin, { get: (of, key) => (key === "describe" ? describe : bound(of, key)) })
        : bound(target, name),
  });
  const found = await reconcile({ ...shop, broker }, never);
  const lacking = "topic raw is compacted: what is gone from it has left no trace";
  expect(found.partitions.map((one) => one.lacking)).toEqual([lacking, lacking]);
});

test("dead letters of an input that the stage no longer reads are none of its own", async () => {
  const shop = await Shop.open();
  await shop.rewrite("shop.dead-letters", (letters) => {
    const [letter] = letters.filter(({ headers }) =>
      headers.some(({ name, value }) => name === "millrace.stage" && String(value) === "clean"),
    );
    const changes: Readonly<Record<string, string>> = {
      "__streams.errors.topic": "formerly",
      "__streams.errors.offset": "0",
    };
    const headers = letter!.headers.map(({ name, value }) => ({
      name,
      value: changes[name] === undefined ? value : Buffer.from(changes[name]),
    }));
    return [...letters, { ...letter!, headers }];
  });
  expect(verdicts(await shop.reconcile())).toEqual([]);
});
