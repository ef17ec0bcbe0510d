import { expect, test } from "vitest";
import { type Plan, printPlan } from "../../../src/topology/index.ts";
import { problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const schemas = smallSchemas;
const hour = 3_600_000;
const minute = 60_000;

const watched = (monitors: string, text = smallText): string => `${text}monitors:\n${monitors}`;
const planned = (monitors: string, text?: string): Plan => soundPlan(watched(monitors, text), { schemas });
/** The monitor `m` with these keys. */
const monitor = (keys: string, text?: string) => planned(`  - { name: m, ${keys} }\n`, text).monitoring?.monitors[0];
const fieldsOf = (keys: string) => monitor(keys)?.fields.map(({ name }) => name);

test("a monitor that says nothing more watches what the one model learns from, against what it has learnt", () => {
  const plan = planned("  - { name: inputs, on: features }\n");
  expect(plan.monitoring?.monitors).toEqual([
    {
      name: "inputs",
      // All fields but those that the model leaves out, and event_id.
      fields: [
        { name: "amount", kind: "numbers", isSensitive: false },
        { name: "n_1h", kind: "numbers", isSensitive: false },
        { name: "mean_1h", kind: "numbers", isSensitive: false },
      ],
      windowMs: hour,
      // As late as the stage lets records through.
      lateMs: 2 * hour,
      idleAfterMs: minute,
      season: "none",
      practical: 0.1,
      kind: "drift",
      severity: "page",
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
      topic: plan.topics.find(({ name }) => name === "features"),
      stages: ["features"],
      timeField: "paid_at",
      baseline: { kind: "model", model: "fraud" },
    },
  ]);
  expect(plan.monitoring?.alerts).toEqual({
    budget: { pages: 1, perMs: 30 * 24 * hour },
    rules: { fire: { windows: 3, of: 5 }, clear: { windows: 3, below: 0.8 }, cooldownMs: hour },
    ageMaxMs: 6 * hour,
    perMinute: 10,
    notify: [],
  });
});

test("the stage that writes the topic counts for its monitors, and writes that down in a changelog for each", () => {
  const monitors = "  - { name: inputs, on: features }\n  - { name: amounts, on: features, fields: [amount] }\n";
  const plan = soundPlan(watched(monitors), { schemas, namespace: "staging" });
  expect(plan.stages.map(({ taps }) => taps)).toEqual([
    [],
    ["inputs", "amounts"].map((monitor) => ({
      monitor,
      store: { name: `monitor.${monitor}`, kind: "counts", version: 1 },
      changelog: { clusterName: `staging.small.features.monitor.${monitor}.changelog`, partitions: 2 },
    })),
    [],
  ]);
  expect(plan.monitoring?.judgeGroup).toBe("staging.small.monitor");
  expect(plan.monitoring?.notifierGroup).toBe("staging.small.notifier");
});

test("predictions are watched by their score, against their first windows, with the lateness that they come with", () => {
  expect(monitor("on: { predictions: predictions }")).toMatchObject({
    fields: [{ name: "score", kind: "numbers" }],
    timeField: "event_time",
    stages: ["score"],
    baseline: { kind: "first", windows: 30 },
    // Of the stage before, whose late records come through.
    lateMs: 2 * hour,
  });
});

test("what is said of quality stands in the plan with what is of interest, and counts nothing else", () => {
  const keys = "on: features, metrics: [missing, freshness], thresholds: { missing: 0.05, freshness: 1h }";
  expect(monitor(keys)?.quality).toEqual({
    metrics: ["missing", "freshness"],
    practical: { missing: 0.05, unseen: 0.01, out_of_range: 0.01, rows: 0.5, errors: 0.01, freshness: 3_600 },
  });
  expect(monitor("on: features")?.quality).toBeUndefined();
  expect(monitor(keys)?.version).toBe(monitor("on: features")?.version);
  expect(printPlan(planned(`  - { name: m, ${keys} }\n`))).toContain(
    "  quality missing (from 0.05 on), freshness (from 1h on)\n",
  );
});

test("detectors watch numbers and booleans of the monitor's fields, with what their kind takes for granted", () => {
  const keys =
    "on: features, fields: [mean_1h, customer_id, amount], detectors: [{ ddm: {} }, { kswin: { alpha: 0.01 } }]";
  expect(monitor(keys)?.detectors).toEqual({
    fields: ["mean_1h", "amount"],
    detectors: [
      { kind: "ddm", config: { warmUpSamples: 30, warning: 2, drift: 3 } },
      { kind: "kswin", config: { alpha: 0.01, windowSamples: 100, recentSamples: 30, seed: 0 } },
    ],
  });
  expect(monitor("on: features, detectors: []")?.detectors).toBeUndefined();
  expect(printPlan(planned(`  - { name: m, ${keys} }\n`))).toContain("  levels of mean_1h, amount\n");
});

test("windows of so many rows are made of slices: of a minute, or so long that 48 hold what may come late", () => {
  const keys = "on: features, window: { rows: 2000 }";
  // Two hours of lateness are 48 slices of two and a half minutes, so of three.
  expect(monitor(keys)).toMatchObject({ windowRows: 2_000, windowMs: 3 * minute, lateMs: 2 * hour });
  expect(monitor(`${keys}, late: 48min`)).toMatchObject({ windowRows: 2_000, windowMs: minute });
  expect(monitor(`${keys}, late: 49min`)).toMatchObject({ windowMs: 2 * minute });
  // A reference is cut into windows of so many rows too.
  expect(monitor(keys)?.version).not.toBe(monitor("on: features, window: { rows: 2001 }")?.version);
  expect(monitor(keys)?.version).not.toBe(monitor("on: features, window: 3min")?.version);
  expect(printPlan(planned(`  - { name: m, ${keys} }\n`))).toContain(
    "  windows of 2000 rows or more, in slices of 3min by paid_at",
  );
});

test("all leaves out the id, the key and times, and the list is taken as it stands", () => {
  expect(fieldsOf("on: features, fields: all")).toEqual(["payment_id", "amount", "n_1h", "mean_1h"]);
  expect(fieldsOf("on: raw")).toEqual(["payment_id", "amount"]);
  expect(fieldsOf("on: features, fields: [mean_1h, customer_id]")).toEqual(["mean_1h", "customer_id"]);
  expect(fieldsOf("on: predictions, fields: all")).toEqual(["model", "model_version", "score", "review", "payment_id"]);
});

test("texts, enums and booleans are categories, and what the schema calls sensitive stays so", () => {
  const rich = `{ "type": "record", "name": "Rich", "fields": [
    { "name": "event_id", "type": "string" }, { "name": "customer_id", "type": "string" },
    { "name": "paid_at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
    { "name": "i", "type": "int" }, { "name": "l", "type": ["null", "long"], "default": null },
    { "name": "f", "type": "float" }, { "name": "b", "type": "boolean" },
    { "name": "e", "type": { "type": "enum", "name": "E", "symbols": ["A"] } },
    { "name": "iban", "type": "string", "sensitive": true }, { "name": "limit", "type": "double", "sensitive": true }, { "name": "raw_bytes", "type": "bytes" },
    { "name": "list", "type": { "type": "array", "items": "int" } } ] }`;
  const text = `apiVersion: millrace/v1
kind: Topology
name: rich
delivery: at-least-once
topics:
  inbox: { format: json, external: true }
  raw: { schema: rich, key: customer_id, time: paid_at, partitions: 2 }
stages:
  - { name: ingest, from: inbox, to: raw }
monitors:
  - { name: m, on: raw }
`;
  const plan = soundPlan(text, { schemas: new Map([["rich", rich]]) });
  const [found] = plan.monitoring?.monitors ?? [];
  expect(found?.fields.map(({ name, kind, isSensitive }) => [name, kind, isSensitive])).toEqual([
    ["i", "numbers", false],
    ["l", "numbers", false],
    ["f", "numbers", false],
    ["b", "categories", false],
    ["e", "categories", false],
    ["limit", "numbers", true],
  ]);
  // A baseline holds the most frequent texts: those of the sensitive field would stand in it.
  const named = replaced(text, "on: raw", "on: raw, fields: [iban, limit]");
  expect(problemLines(named, { schemas: new Map([["rich", rich]]) })).toEqual([
    "t.yaml:11:34 MR_UNSUPPORTED monitors[0].fields[0]: iban is sensitive, and what is counted of a text stands by its value in the baseline; remove it",
  ]);
  // No stage says how late a record may be.
  expect(found?.lateMs).toBe(minute);
});

test("every key of a monitor goes into the plan", () => {
  expect(
    monitor(
      "on: raw, window: 90min, late: 5min, season: hour-of-week, thresholds: { psi: 0.25 }, severity: ticket, baseline: { from: 2026-01-01, to: 2026-01-02T12:00:00Z }",
    ),
  ).toMatchObject({
    windowMs: 90 * minute,
    lateMs: 5 * minute,
    season: "hour-of-week",
    practical: 0.25,
    kind: "drift",
    severity: "ticket",
    baseline: { kind: "range", fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 2, 12) },
  });
  expect(monitor("on: features, baseline: first")?.baseline).toEqual({ kind: "first", windows: 30 });
  expect(monitor("on: features, baseline: training")?.baseline).toEqual({ kind: "model", model: "fraud" });
  expect(monitor("on: features, baseline: { model: fraud }")?.baseline).toEqual({ kind: "model", model: "fraud" });
});

test("the version changes with what is counted, and with nothing else", () => {
  const version = (keys: string) => monitor(keys)?.version;
  const first = version("on: features, fields: [amount, n_1h]");
  for (const same of [
    "season: hour-of-day",
    "severity: ticket",
    "baseline: first",
    "late: 1h",
    "thresholds: { psi: 1 }",
  ])
    expect(version(`on: features, fields: [amount, n_1h], ${same}`)).toBe(first);
  for (const other of [
    "on: features, fields: [n_1h, amount]",
    "on: features, fields: [amount]",
    "on: features, fields: [amount, n_1h], window: 2h",
    "on: raw, fields: [amount, payment_id]",
  ])
    expect(version(other)).not.toBe(first);
});

test("the lag is watched by levels of records and seconds", () => {
  const { monitoring } = planned(
    "  - { name: behind, on: lag, warn: { seconds: 30 }, page: { records: 9, growing: true } }\n",
  );
  expect(monitoring).toMatchObject({ monitors: [] });
  expect(monitoring?.lag).toEqual([
    {
      name: "behind",
      heldSeconds: 60,
      warn: { records: undefined, seconds: 30, isGrowing: false },
      page: { records: 9, seconds: undefined, isGrowing: true },
    },
  ]);
});

test.each([
  ["held: 5min", 300],
  ["warn: { seconds: 30 }, held: none", undefined],
] as const)("a monitor of the lag with %s tells of held records after %s s", (keys, heldSeconds) => {
  expect(planned(`  - { name: behind, on: lag, ${keys} }\n`).monitoring?.lag[0]?.heldSeconds).toBe(heldSeconds);
});

const secret = "https://hooks.example.com/SECRET";
const alerts = `  - { name: m, on: features }
alerts:
  budget: { pages: 2, per: 7d }
  fire: { windows: 2, of: 4 }
  clear: { below: 0.5, windows: 6 }
  cooldown: 2h
  ageMax: 1d
  perMinute: 3
  notify:
    - webhook: { url: "\${HOOK}" }
    - alertmanager: { url: "http://alertmanager:9093" }
    - slack: { url: "\${HOOK}" }
    - pagerduty:
        key: \${PAGER}
`;
const environment = { HOOK: secret, PAGER: "SECRET0" };

test("every key of the alerts goes into the plan, with the secrets of the environment", () => {
  const plan = soundPlan(watched(alerts), { schemas, environment });
  expect(plan.monitoring?.alerts).toEqual({
    budget: { pages: 2, perMs: 7 * 24 * hour },
    rules: { fire: { windows: 2, of: 4 }, clear: { windows: 6, below: 0.5 }, cooldownMs: 2 * hour },
    ageMaxMs: 24 * hour,
    perMinute: 3,
    notify: [
      { kind: "webhook", url: secret },
      { kind: "alertmanager", url: "http://alertmanager:9093" },
      { kind: "slack", url: secret },
      { kind: "pagerduty", key: "SECRET0" },
    ],
  });
});

// The events of a market of 1996, played again, were judged and nobody was ever told.
test("windows of any age are told of where ageMax is none", () => {
  const plan = soundPlan(watched(alerts.replace("ageMax: 1d", "ageMax: none")), { schemas, environment });
  const ageMaxMs = plan.monitoring?.alerts.ageMaxMs ?? 0;
  expect(Date.UTC(2100, 0, 1) - ageMaxMs).toBeLessThan(Date.UTC(1600, 0, 1));
  expect(printPlan(plan)).toContain("tells of windows of any age, and at most 3 a minute");
  expect(printPlan(soundPlan(watched(alerts), { schemas, environment }))).toContain(
    "tells nobody of windows older than 1d, and at most 3 a minute",
  );
});

test("another threshold is none of what stages do, and another step is", () => {
  const text = watched("  - { name: inputs, on: features, fields: [amount] }\n");
  const planOf = (written: string) => soundPlan(written, { schemas });
  const plan = planOf(text);
  const { workHash } = plan.monitoring!;
  expect(workHash).toMatch(/^[0-9a-f]{64}$/);
  const judged = planOf(`${text.replace("[amount]", "[amount], thresholds: { psi: 0.3 }")}alerts: { cooldown: 2h }\n`);
  expect(judged.hash).not.toBe(plan.hash);
  expect(judged.monitoring!.workHash).toBe(workHash);
  const renamed = planOf(text.replace("name: inputs", "name: renamed"));
  expect(renamed.monitoring!.workHash).toBe(workHash);
  const other = text.replace("delivery: at-least-once", "delivery: exactly-once");
  expect(other).not.toBe(text);
  expect(planOf(other).monitoring!.workHash).not.toBe(workHash);
});

test("neither an address nor a key stands in the printed plan, in its hash, or in what is wrong with it", () => {
  const plan = soundPlan(watched(alerts), { schemas, environment });
  expect(printPlan(plan)).not.toMatch(/SECRET|alertmanager:9093/);
  const other = { HOOK: "https://other.example.com", PAGER: "OTHER" };
  expect(soundPlan(watched(alerts), { schemas, environment: other }).hash).toBe(plan.hash);
  for (const [HOOK, PAGER] of [
    ["SECRET", "SECRET SECRET"],
    ["5321", "5321"],
    ["ftp://SECRET", "SECRET:5321"],
    ["true", "5321.5"],
    ["https:// SECRET", "[SECRET]"],
  ]) {
    const lines = problemLines(watched(alerts), { schemas, environment: { HOOK, PAGER } });
    expect(lines.map((line) => line.split(" ")[2])).toEqual([
      "alerts.notify[0].webhook.url:",
      "alerts.notify[2].slack.url:",
      "alerts.notify[3].pagerduty.key:",
    ]);
    expect(lines.join("\n")).not.toMatch(/SECRET|5321/);
  }
});

test("what is wrong with alerts is told at its place", () => {
  const said = (text: string) =>
    problemLines(`${smallText}monitors: [{ name: m, on: raw }]\nalerts: ${text}\n`, { schemas });
  const at = (column: number, rest: string) => `t.yaml:37:${column} ${rest}`;
  expect(said("{ fire: { windows: 6 }, clear: { below: 1.5 }, budget: { pages: 0 } }")).toEqual([
    at(17, "MR_OUT_OF_RANGE alerts.fire: windows must not exceed of; write for example fire: { windows: 3, of: 5 }"),
    at(49, "MR_OUT_OF_RANGE alerts.clear.below: expected at most 1, found 1.5; write for example below: 0.8"),
    at(73, "MR_OUT_OF_RANGE alerts.budget.pages: expected at least 1, found 0; write for example pages: 1"),
  ]);
  expect(said("{ fire: { of: 2 } }")).toEqual([
    at(17, "MR_OUT_OF_RANGE alerts.fire: windows must not exceed of; write for example fire: { windows: 3, of: 5 }"),
  ]);
  const hook = '{ url: "https://a.b" }';
  expect(said(`{ notify: [{ webhook: ${hook}, slack: ${hook} }, { discord: ${hook} }] }`)).toEqual([
    expect.stringMatching(
      /^t\.yaml:37:20 MR_CONFLICT alerts\.notify\[0\]: an entry is one who is told: begin each with a hyphen of its own; /,
    ),
    at(90, "MR_UNKNOWN_KEY alerts.notify[1].discord: unknown key; known here: webhook, alertmanager, slack, pagerduty"),
  ]);
  expect(said("{ notify: [{}] }")).toEqual([
    at(
      20,
      "MR_MISSING_KEY alerts.notify[0]: the entry says nobody who is told; write one of webhook, alertmanager, slack, pagerduty",
    ),
  ]);
  expect(problemLines(`${smallText}alerts: { cooldown: 1h }\n`, { schemas })).toEqual([
    "t.yaml:36:1 MR_CONFLICT alerts: there are no monitors, so there is nothing to tell; remove it",
  ]);
});

test("a topology without monitors prints and hashes as it did", () => {
  const plan = soundPlan(smallText, { schemas });
  expect(plan.monitoring).toBeUndefined();
  expect(plan.stages.flatMap(({ taps }) => taps)).toEqual([]);
  expect(printPlan(plan)).not.toMatch(/monitor|judge|partials|verdicts/);
});

test("the printed plan says what is counted, when a window is judged, against what, and who is told", async () => {
  const monitors = `  - { name: inputs, on: features, season: hour-of-week }
  - { name: scores, on: { predictions: predictions }, window: 10min, late: 1h, severity: ticket }
  - { name: texts, on: raw, baseline: { from: 2026-01-01, to: 2026-02-01 }, thresholds: { psi: 0.2 } }
  - { name: behind, on: lag, warn: { seconds: 30 }, page: { seconds: 120, records: 5000, growing: true } }
alerts:
  notify:
    - slack: { url: "https://hooks.slack.com/services/T/B/X" }
    - pagerduty: { key: "0123456789abcdef0123456789abcdef" }
`;
  const golden = new URL("../../golden/plan/monitors.txt", import.meta.url).pathname;
  await expect(printPlan(planned(monitors))).toMatchFileSnapshot(golden);
});
