import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fencesOf } from "../support/fences.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { foreignPython } from "./harness/python.ts";
import { mustRun } from "./support/command.ts";
import { type BuiltMillrace, buildMillrace } from "./support/worker-process.ts";

const { signal } = new AbortController();

/** Something of each kind that a reader could take another way. */
const order = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "event_id", type: "string" },
    { name: "k", type: "string" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "id", type: "long" },
    { name: "amount", type: "double" },
    { name: "note", type: ["null", "string"], default: null },
    { name: "state", type: { type: "enum", name: "State", symbols: ["OPEN", "PAID"] } },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "counts", type: { type: "map", values: "int" } },
    { name: "from", type: { type: "record", name: "Place", fields: [{ name: "city", type: "string", doc: "città" }] } },
  ],
};

const coupon = { name: "coupon", type: ["null", "string"], default: null };

const topology = `apiVersion: millrace/v1
kind: Topology
name: shop
delivery: at-least-once
topics:
  inbox: { name: "\${INBOX}", format: json, external: true }
  orders: { schema: order, key: k, time: at, partitions: 2 }
  totals: { schema: inferred }
stages:
  - { name: ingest, from: { topic: inbox, ahead: none }, to: orders }
  - { name: total, from: orders, to: totals, steps: [ { derive: { double_amount: amount * 2 } } ] }
`;

const event = (k: string, more: object): string =>
  JSON.stringify({ k, at: Date.UTC(2026, 0, 1), id: 1, amount: 2.5, state: "OPEN", tags: [], counts: {}, ...more });

describeKafka("a consumer that is not Millrace, with the reader of the guide", () => {
  const namespace = uniqueNamespace();
  const inbox = `${namespace}.inbox`;
  let folder = "";
  let millrace: BuiltMillrace;
  let python = "";

  beforeAll(async () => {
    python = foreignPython();
    [millrace, folder] = await Promise.all([buildMillrace(), mkdtemp(join(tmpdir(), "millrace-foreign-"))]);
    await mkdir(join(folder, "schemas"));
    const code = fencesOf("docs/guides/consumer.md").filter(({ info }) => info === "python");
    expect(code).toHaveLength(2);
    await writeFile(join(folder, "read.py"), code.map(({ text }) => text).join("\n"));
    const broker = await connect(testBroker().bootstrap);
    await broker.admin.createTopics([{ topic: inbox, partitions: 2, replication: 1, configs: {} }], signal);
    await broker.close();
  });

  afterAll(async () => {
    const broker = await connect(testBroker().bootstrap);
    const own = ["orders", "totals", "shop.dead-letters", "shop.control", "shop.accounts"].map(
      (name) => `${namespace}.${name}`,
    );
    await broker.admin.deleteTopics([inbox, ...own], signal);
    await broker.close();
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (args: readonly string[], stdin = ""): Promise<string> => {
    const environment = {
      INBOX: inbox,
      MILLRACE_BROKERS: testBroker().bootstrap,
      MILLRACE_NAMESPACE: namespace,
      MILLRACE_REGISTRY: "registry",
    };
    return mustRun(process.execPath, [millrace.entry, ...args], { cwd: folder, environment, stdin });
  };

  async function pass(schema: object, ...events: readonly string[]): Promise<void> {
    await writeFile(join(folder, "schemas/order.avsc"), JSON.stringify(schema));
    await writeFile(join(folder, "t.yaml"), topology);
    await run(["apply", "t.yaml"]);
    // The inbox is external: its name has no namespace.
    const environment = { MILLRACE_BROKERS: testBroker().bootstrap };
    const produce = [millrace.entry, "produce", inbox, "--file", "-", "--key", "k"];
    await mustRun(process.execPath, produce, { cwd: folder, environment, stdin: events.join("\n") });
    await run(["run", "t.yaml", "--until-caught-up"]);
  }

  test("reads what was written with two versions of each schema, value for value", async () => {
    const first = event("a", { id: 9_007_199_254_740_991, note: "è", from: { city: "Köln" }, tags: ["x", ""] });
    await pass(order, first, event("b", { from: { city: "" }, counts: { a: 1, "": -1 } }));
    const second = event("a", { amount: 1e-7, state: "PAID", coupon: "c1", from: { city: "Roma" } });
    await pass({ ...order, fields: [...order.fields, coupon] }, second);

    const read = (topic: string): Promise<string> =>
      mustRun(python, ["read.py", testBroker().bootstrap, "registry", `${namespace}.${topic}`], { cwd: folder });
    const byCity = (text: string): ReadonlyMap<unknown, Record<string, unknown>> => {
      const rows = text.trimEnd().split("\n");
      expect(rows).toHaveLength(3);
      const values = rows.map((line) => JSON.parse(line) as Record<string, unknown>);
      return new Map(values.map((value) => [(value["from"] as { city: string }).city, value]));
    };

    // One after the other: they are members of one group.
    const orders = byCity(await read("orders"));
    const totals = byCity(await read("totals"));
    const köln = {
      k: "a",
      at: "2026-01-01 00:00:00+00:00",
      id: 9_007_199_254_740_991,
      amount: 2.5,
      note: "è",
      state: "OPEN",
      tags: ["x", ""],
      counts: {},
      from: { city: "Köln" },
    };
    const event_id = expect.stringMatching(new RegExp(`^${inbox}-[01]-0$`)) as string;
    expect(orders.get("Köln")).toEqual({ ...köln, event_id });
    expect(totals.get("Köln")).toEqual({ ...köln, event_id, double_amount: 5 });
    expect(totals.get("")).toMatchObject({ k: "b", note: null, counts: { a: 1, "": -1 } });
    expect(orders.get("Roma")).toMatchObject({ amount: 1e-7, state: "PAID", coupon: "c1" });
    expect(totals.get("Roma")).toMatchObject({ double_amount: 2e-7, coupon: "c1" });
  });
});
