import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect, stockKafka } from "./harness/client.ts";
import { mustRun, type Ran, runProgram } from "./support/command.ts";
import { type BuiltMillrace, buildMillrace } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 240_000 });

const { signal } = new AbortController();
const repository = join(import.meta.dirname, "../..");
const eventCount = 120;
const minuteMs = 60_000;

interface Example {
  readonly name: string;
  readonly model: string;
  readonly events: string;
  readonly reports: string;
  readonly predictions: string;
  readonly kept: string;
  readonly label: string;
  /** What a foreign producer writes; the second half of a pair that was one event is null, a tombstone. */
  readonly event: (i: number, timeMs: number) => readonly (object | null)[];
}

/** Every third event is of the positive class, and says so in a field that only the nested part has. */
const isPositive = (i: number): boolean => i % 3 === 0;

const examples: readonly Example[] = [
  {
    name: "cloudevents",
    model: "pos-fraud",
    events: "POS_EVENTS",
    reports: "POS_REPORTS",
    predictions: "pos.predictions",
    kept: "payment_id",
    label: "is_fraud",
    event: (i, timeMs) => [
      {
        specversion: "1.0",
        id: `e-${i}`,
        source: "/shops/7",
        type: "shop.payment.v1",
        time: new Date(timeMs).toISOString(),
        data: {
          "payment-id": String(i),
          card: { id: `c${i % 7}`, country: isPositive(i) ? "de" : "at" },
          amount: { value: `${i}.50`, currency: "EUR" },
          items: [{ sku: "bread" }],
          skus: ["bread"],
          labels: i % 2 === 0 ? { tier: "gold" } : {},
        },
      },
    ],
  },
  {
    name: "debezium",
    model: "order-risk",
    events: "SHOP_ORDERS",
    reports: "SHOP_REPORTS",
    predictions: "shop.predictions",
    kept: "order_id",
    label: "is_returned",
    event: (i, timeMs) => [
      {
        before: null,
        after: { id: i, customer_id: i % 7, amount: i / 4, note: isPositive(i) ? "express" : null },
        op: "c",
        ts_ns: timeMs * 1_000_000,
      },
      null,
    ],
  },
  {
    name: "webhook",
    model: "revert-risk",
    events: "FORGE_HOOKS",
    reports: "FORGE_REPORTS",
    predictions: "forge.predictions",
    kept: "pull_id",
    label: "is_reverted",
    event: (i, timeMs) => [
      {
        action: "opened",
        number: i,
        pull_request: {
          id: i,
          title: isPositive(i) ? "WIP: a change" : "A change",
          user: { login: "ada", id: 1, type: "User" },
          additions: i,
          deletions: 1,
          updated_at: new Date(timeMs).toISOString(),
          labels: [],
        },
        repository: { id: 5, full_name: "ada/engine" },
      },
    ],
  },
];

describeKafka("nested events of foreign clients", () => {
  let millrace: BuiltMillrace;
  let folder = "";

  beforeAll(async () => {
    [millrace, folder] = await Promise.all([buildMillrace(), mkdtemp(join(tmpdir(), "millrace-nested-"))]);
  });

  afterAll(async () => {
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(examples)("of $name become predictions of a model that was trained on them", async (example) => {
    const { bootstrap } = testBroker();
    const namespace = uniqueNamespace();
    const [events, reports] = [`${namespace}.in`, `${namespace}.reports`];
    const broker = await connect(bootstrap);
    const own = ["in", "reports"].map((name) => ({
      topic: `${namespace}.${name}`,
      partitions: 2,
      replication: 1,
      configs: {},
    }));
    await broker.admin.createTopics(own, signal);
    await broker.close();
    const beginMs = Date.now() - eventCount * 2 * minuteMs;
    const timeOf = (i: number): number => beginMs + i * minuteMs;
    await send(
      bootstrap,
      events,
      indexes().flatMap((i) => example.event(i, timeOf(i))),
    );
    await send(
      bootstrap,
      reports,
      indexes().map((i) => ({
        [example.kept]: String(i),
        known_at: new Date(timeOf(i) + 1_000).toISOString(),
        [example.label]: isPositive(i),
      })),
    );

    const environment = {
      [example.events]: events,
      [example.reports]: reports,
      MILLRACE_BROKERS: bootstrap,
      MILLRACE_NAMESPACE: namespace,
      MILLRACE_REGISTRY: join(folder, namespace, "registry"),
      MILLRACE_MODELS_DIR: join(folder, namespace, "models"),
    };
    const file = `topologies/${example.name}.yaml`;
    const where = { cwd: repository, environment };
    const must = (...args: string[]): Promise<string> => mustRun(process.execPath, [millrace.entry, ...args], where);
    const run = (): Promise<Ran> =>
      runProgram(process.execPath, [millrace.entry, "run", file, "--until-caught-up"], where);

    await must("apply", file);
    // Without a model the other stages finish, and the run says which one waits.
    expect(await run()).toMatchObject({ code: 1 });
    await must("train", file, "--model", example.model);
    const second = await run();
    expect(second.code, second.stderr).toBe(0);
    const predictions = await distinctPredictions(example, must);
    expect([...predictions.keys()].sort((a, b) => a - b)).toEqual(indexes());
    // The nested field decides: every positive scores above every negative.
    const scores = (positive: boolean): number[] =>
      [...predictions].filter(([i]) => isPositive(i) === positive).map(([, score]) => score);
    expect(Math.min(...scores(true))).toBeGreaterThan(Math.max(...scores(false)));
  });
});

/** Scores by event. Delivery is at least once, so that a run that begins anew may repeat some. */
async function distinctPredictions(
  { predictions, kept }: Example,
  must: (...args: string[]) => Promise<string>,
): Promise<ReadonlyMap<number, number>> {
  const scores = new Map<number, number>();
  for (let max = eventCount; scores.size < eventCount; max += eventCount - scores.size) {
    const lines = await must("tail", predictions, "--from", "beginning", "--max", String(max));
    for (const line of lines.trim().split("\n")) {
      const { value } = JSON.parse(line) as { value: Record<string, unknown> };
      scores.set(Number(value[kept]), Number(value["score"]));
    }
  }
  return scores;
}

function indexes(): number[] {
  return Array.from({ length: eventCount }, (_, i) => i);
}

async function send(bootstrap: string, topic: string, values: readonly (object | null)[]): Promise<void> {
  const producer = stockKafka(bootstrap).producer();
  await producer.connect();
  try {
    const messages = values.map((value, i) => ({
      key: String(i % 7),
      value: value === null ? null : JSON.stringify(value),
    }));
    await producer.send({ topic, messages });
  } finally {
    await producer.disconnect();
  }
}
