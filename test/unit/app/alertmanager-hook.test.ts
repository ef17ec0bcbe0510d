/** The webhook for alerts of others, over HTTP, and what becomes of what it is told. */
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hookPath, hookRoutes, sayUnheard } from "../../../src/app/alertmanager-hook.ts";
import { type Probed, type ProbeServer, serveProbes } from "../../../src/app/probes.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { type Clock, type Logger, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import { createTrainer, readRetrainings } from "../../../src/retraining/index.ts";
import { type Broker, type Follower, readAliases } from "../../../src/runtime/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import type { RetrainSettings, RetrainTrigger } from "../../../src/training/index.ts";
import { eventually } from "../../support/deadline.ts";

const { signal } = new AbortController();
const token = "correct-horse-battery";
const topics = { retraining: "shop.retraining", control: "shop.control" };
const probed: Probed = { readiness: () => [], metrics: async () => [] };

const retrain = (...on: RetrainTrigger[]): RetrainSettings => ({
  on,
  mode: "full",
  rows: 7,
  cooldownMs: 3_600_000,
  perDay: 4,
  labelsMin: 10,
  breaker: 2,
  approve: false,
});
const plan = {
  models: [
    { name: "fraud", retrain: retrain({ kind: "drift" }, { kind: "webhook" }) },
    { name: "churn", retrain: retrain({ kind: "drift" }) },
    { name: "quiet", retrain: undefined },
  ],
  retraining: { clusterName: topics.retraining, group: "shop.trainer" },
} as unknown as Pick<Plan, "models" | "retraining">;

/** Stands still but for what a test lets pass. */
class HandClock implements Clock {
  nowMs = 1_000;
  readonly sleeps: number[] = [];
  /** A sleep of so many ms is over at once. */
  overMs: number | undefined;
  now = (): number => this.nowMs;
  monotonicMs = (): number => this.nowMs;
  sleep = (ms: number, stop?: AbortSignal): Promise<void> => {
    this.sleeps.push(ms);
    if (ms === this.overMs) return Promise.resolve();
    return new Promise((_, reject) => stop?.addEventListener("abort", () => reject(stop.reason), { once: true }));
  };
}

let broker: Broker;
let clock: HandClock;
let lines: string[];
const servers: ProbeServer[] = [];
const trainers: Follower[] = [];
const ticking: NodeJS.Timeout[] = [];

beforeEach(async () => {
  clock = new HandClock();
  lines = [];
  broker = await openMemoryBroker(1024 * 1024, silentLogger);
  const one = (topic: string) => ({ topic, partitions: 1, replication: undefined, configs: {} });
  await broker.admin.createTopics(Object.values(topics).map(one), signal);
});
afterEach(async () => {
  for (const trainer of trainers.splice(0)) await trainer.drain();
  for (const tick of ticking.splice(0)) clearInterval(tick);
  for (const server of servers.splice(0)) await server.close();
  await broker.close();
});

const line =
  (level: string) =>
  (fields: object, text: string): void => {
    lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
  };
const logger: Logger = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };

/** A process that hears. @returns the address of its webhook */
async function listening(over: Pick<Broker, "append"> = broker): Promise<string> {
  const routes = hookRoutes(plan, { token, broker: over, clock, logger, signal });
  const server = await serveProbes("127.0.0.1:0", probed, routes);
  servers.push(server);
  return `http://127.0.0.1:${server.port}${hookPath}`;
}

const alert = (more: object = {}, labels: object = {}) => ({
  status: "firing",
  labels: { alertname: "Chargebacks", millrace_model: "fraud", ...labels },
  annotations: { summary: "twice as many" },
  startsAt: "2026-01-05T07:52:26.739Z",
  endsAt: "0001-01-01T00:00:00Z",
  fingerprint: "c6eadffa33fcdf37",
  ...more,
});
const bodyOf = (...alerts: readonly unknown[]): string => JSON.stringify({ version: "4", status: "firing", alerts });

async function send(url: string, body: string, headers: Record<string, string> = { authorization: `Bearer ${token}` }) {
  const response = await fetch(url, { method: "POST", body, headers });
  const text = await response.text();
  return { status: response.status, answer: JSON.parse(text), headers: response.headers };
}
const told = () => readRetrainings(broker, topics.retraining, signal);
/** Records on the topic, repeats too. */
const recordCount = async (): Promise<number> =>
  (await broker.admin.watermarks(topics.retraining, signal))[0]?.end ?? 0;

test("an alert that fires stands on the topic when it is answered, once; its end is another event", async () => {
  const url = await listening();
  const first = await send(url, bodyOf(alert(), alert(), alert({}, { source: "millrace" })));
  expect(first).toMatchObject({
    status: 200,
    answer: { reported: 1, resolved: 0, known: 1, own: 1, refused: 0, truncated: 0 },
  });
  expect(first.headers.get("content-type")).toBe("application/json");
  expect(await told()).toMatchObject([
    { type: "reported", model: "fraud", cause: "webhook", reason: "Chargebacks: twice as many" },
  ]);
  expect((await send(url, bodyOf(alert(), alert({ status: "resolved" })))).answer).toMatchObject({
    reported: 0,
    resolved: 1,
    known: 1,
  });
  expect(await recordCount()).toBe(2);
  expect((await send(url, bodyOf())).answer).toMatchObject({ reported: 0, known: 0 });
});

test("one that two processes are told of, or a process that has forgotten, is the same event", async () => {
  for (const url of [await listening(), await listening()])
    expect((await send(url, bodyOf(alert()))).answer).toMatchObject({ reported: 1, known: 0 });
  expect([await recordCount(), (await told()).length]).toEqual([2, 1]);
});

describe("refused is", () => {
  const refusal = async (body: string, headers?: Record<string, string>) => {
    const { status, answer } = await send(await listening(), body, headers);
    return { status, error: answer.error, records: await recordCount() };
  };

  test.each([
    ["no token", {}],
    ["another", { authorization: "Bearer correct-horse-batterz" }],
    ["one that only begins like it", { authorization: `Bearer ${token}x` }],
    ["a part of it", { authorization: `Bearer ${token.slice(0, -1)}` }],
    ["another scheme", { authorization: `Basic ${token}` }],
    ["the token without a scheme", { authorization: token }],
    ["an empty one", { authorization: "Bearer " }],
  ])("%s as 401", async (_what, headers) => {
    expect(await refusal(bodyOf(alert()), headers as Record<string, string>)).toEqual({
      status: 401,
      error: "the bearer token is missing or another",
      records: 0,
    });
  });

  test("what is not posted, as 405, before a token is looked at", async () => {
    const response = await fetch(await listening());
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("a body that is no post of Alertmanager as 400, with what is wrong", async () => {
    expect(await refusal("{")).toEqual({ status: 400, error: "the body is no JSON", records: 0 });
    expect(await refusal('{"version":"3","alerts":[]}')).toMatchObject({ status: 400 });
  });

  test("more than a hundred alerts as 413", async () => {
    const many = (count: number) => bodyOf(...Array.from({ length: count }, () => alert()));
    expect(await refusal(many(101))).toMatchObject({ status: 413, records: 0 });
    expect(await refusal(many(100))).toMatchObject({ status: 200, records: 1 });
  });

  test("a body of more than 256 KiB as 413, with its length said or not, and of as much it is not", async () => {
    const padded = (bytes: number): string => bodyOf(alert()).padEnd(bytes, " ");
    expect(await refusal(padded(256 * 1024 + 1))).toMatchObject({
      status: 413,
      error: "the body has more than 262144 bytes",
      records: 0,
    });
    expect(await refusal(padded(256 * 1024))).toMatchObject({ status: 200, records: 1 });
    const url = await listening();
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 5; i++) controller.enqueue(Buffer.alloc(64 * 1024, " "));
        controller.close();
      },
    });
    const headers = { authorization: `Bearer ${token}` };
    const init = { method: "POST", body: chunks, headers, duplex: "half" };
    expect((await fetch(url, init as RequestInit)).status).toBe(413);
  });

  test("an alert on no model that asks for it as 422; those beside it are taken", async () => {
    const churn = alert({ fingerprint: "b" }, { millrace_model: "churn" });
    const { status, answer } = await send(
      await listening(),
      bodyOf(churn, alert(), alert({}, { millrace_model: "x" })),
    );
    expect([status, answer]).toEqual([
      422,
      {
        error:
          'alerts.0: millrace_model="churn" names no model with webhook in retrain.on; those that have it are fraud; and 1 more',
        reported: 1,
        resolved: 0,
        known: 0,
        own: 0,
        refused: 2,
        truncated: 0,
      },
    ]);
    expect((await told()).map(({ model }) => model)).toEqual(["fraud"]);
  });

  test("the sixty-first request of a minute as 429, which says when to come again; wrong tokens do not count", async () => {
    const url = await listening();
    for (let i = 0; i < 3; i++) await send(url, bodyOf(), {});
    await send(url, bodyOf());
    clock.nowMs += 20_500;
    for (let i = 1; i < 60; i++) expect((await send(url, bodyOf())).status).toBe(200);
    const late = await send(url, bodyOf(alert()));
    expect([late.status, late.headers.get("retry-after")]).toEqual([429, "40"]);
    clock.nowMs += 39_499;
    expect((await send(url, bodyOf())).status).toBe(429);
    clock.nowMs += 1;
    expect((await send(url, bodyOf(alert()))).answer).toMatchObject({ reported: 1 });
    expect((await send(url, bodyOf())).status).toBe(429);
  });
});

describe("what cannot be written is answered with 503, and is taken when it is posted again", () => {
  test("where the broker refuses", async () => {
    let isDown = true;
    const url = await listening({
      append: async (records, stop) => {
        if (isDown) throw new OperationError("MR_BROKER", "the cluster is away");
        await broker.append(records, stop);
      },
    });
    const { status, answer, headers } = await send(url, bodyOf(alert()));
    expect([status, answer, headers.get("retry-after")]).toEqual([
      503,
      { error: "nothing is known to be taken; post it again: the cluster is away" },
      "10",
    ]);
    expect(lines).toEqual([expect.stringMatching(/^warn Alerts of others could not be written down.*"MR_BROKER"/)]);
    isDown = false;
    expect((await send(url, bodyOf(alert()))).answer).toMatchObject({ reported: 1, known: 0 });
    expect(await recordCount()).toBe(1);
  });

  test("where no broker answers, in eight seconds, after which nothing is written any more", async () => {
    let isCut = false;
    clock.overMs = 8_000;
    const url = await listening({
      append: (_records, stop) =>
        new Promise((_, reject) => {
          stop.addEventListener("abort", () => {
            isCut = true;
            reject(stop.reason);
          });
        }),
    });
    expect(await send(url, bodyOf(alert()))).toMatchObject({
      status: 503,
      answer: { error: expect.stringContaining("writing to shop.retraining: no broker answered for 8 s") },
    });
    expect([isCut, clock.sleeps]).toEqual([true, [8_000]]);
  });
});

test("a connection that ends in the middle of a body is nobody's alert, and the server goes on", async () => {
  const url = await listening();
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  const head = `POST ${hookPath} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-length: 500\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(`${head}{"version"`, () => resolve()));
  socket.destroy();
  expect((await send(url, bodyOf(alert()))).status).toBe(200);
  expect(await recordCount()).toBe(1);
});

test("without a token, or a model with a label, there is no such path", async () => {
  const given = { broker, clock, logger, signal };
  expect(hookRoutes(plan, { ...given, token: undefined }).size).toBe(0);
  expect(hookRoutes({ ...plan, retraining: undefined }, { ...given, token }).size).toBe(0);
  const server = await serveProbes("127.0.0.1:0", probed, hookRoutes(plan, { ...given, token: undefined }));
  servers.push(server);
  expect((await fetch(`http://127.0.0.1:${server.port}${hookPath}`, { method: "POST" })).status).toBe(404);
});

test("a process that does not hear what a model asks for says so at its start, with what it lacks", () => {
  const saidOf = (http: string | undefined, given: string | undefined, models = plan.models): readonly string[] => {
    lines = [];
    sayUnheard({ models }, { http, token: given }, logger);
    return lines.map((text) => text.replace(/^[^{]*/, ""));
  };
  const unheard = (...lacks: string[]) => [JSON.stringify({ code: "MR_HOOK", models: ["fraud"], lacks })];
  expect(saidOf(undefined, undefined)).toEqual(unheard("--http", "MILLRACE_HOOK_TOKEN_FILE"));
  expect(saidOf("127.0.0.1:1", undefined)).toEqual(unheard("MILLRACE_HOOK_TOKEN_FILE"));
  expect(saidOf(undefined, token)).toEqual(unheard("--http"));
  expect(saidOf("127.0.0.1:1", token)).toEqual([]);
  expect(saidOf(undefined, undefined, plan.models.slice(1))).toEqual([]);
});

test("the log says what was taken and what was refused, a refusal once a minute, and never the token", async () => {
  const url = await listening();
  await send(url, bodyOf(alert(), alert({ fingerprint: "b" }, { millrace_model: "x" })));
  await send(url, "{");
  for (const wrong of ["secret-of-another", "secret-of-another", token.slice(1)])
    await send(url, "{", { authorization: `Bearer ${wrong}` });
  clock.nowMs += 60_000;
  await send(url, "{", {});
  await send(url, JSON.stringify({ version: "4", truncatedAlerts: 2, alerts: [] }));
  const shown = lines.map((text) => text.replace(/\{.*/, "").trim());
  const refused = "warn A post of alerts was refused; another for the same reason is not said for a minute.";
  expect(shown).toEqual([
    "info Alerts of others were told.",
    refused,
    refused,
    refused,
    refused,
    "warn Alertmanager left alerts out of its post; they ask for nothing.",
  ]);
  expect(lines.join()).not.toMatch(/correct-horse|orrect-horse|secret-of/);
});

test("an alert that is posted passes the guards of the policy, and comes to a version that serves", async () => {
  const seen = { labels: 0, predictions: 0, timeMs: Date.UTC(2026, 0, 5) };
  const models = [
    { name: "fraud", rollout: "none", monitors: new Set<string>(), retrain: plan.models[0]?.retrain } as const,
  ];
  let nowMs = 1_000;
  const ticked: Clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
  };
  const trainer = createTrainer({
    group: "shop.trainer",
    topics: { ...topics, alerts: undefined },
    aliasesId: "shop.aliases",
    broker,
    clock: ticked,
    logger: silentLogger,
    models,
    train: async () => ({ kind: "accepted", reason: "no worse", version: 2, checks: [] }),
    promoted: async () => undefined,
    lookAt: {
      look: async () => ({ ...seen }),
      shadow: async () => ({ records: 0, spanMs: 0, givenUp: undefined }),
    },
    lookEveryMs: 1,
  });
  await trainer.start();
  trainers.push(trainer);
  ticking.push(
    setInterval(() => {
      nowMs += 1_000;
      trainer.tick(nowMs);
    }, 1),
  );
  const steps = async (): Promise<string[]> => (await told()).map(({ type, guard }) => guard ?? type);
  const until = (type: string) =>
    eventually(10_000, type, async () => ((await steps()).includes(type) ? true : undefined));

  for (const url of [await listening(), await listening()]) await send(url, bodyOf(alert()));
  await until("labels");
  seen.labels = 10;
  await until("promoted");
  expect(await steps()).toEqual(["reported", "labels", "requested", "started", "trained", "promoted"]);
  const events = await told();
  expect(events[1]).toMatchObject({ type: "suppressed", cause: "webhook", alert: events[0]?.id });
  expect(events[2]).toMatchObject({ cause: "webhook", request: `${events[0]?.request}/2` });
  const { aliases } = await readAliases(broker, topics.control, signal);
  expect(aliases).toMatchObject([{ model: "fraud", alias: "champion", version: 2 }]);

  // Told again, it was learned from.
  await send(await listening(), bodyOf(alert()));
  await send(await listening(), bodyOf(alert({ fingerprint: "b" })));
  await until("cooldown");
  expect((await steps()).slice(6)).toEqual(["reported", "cooldown"]);
});
