/** The format is Alertmanager's, version 4: prometheus.io/docs/alerting/latest/configuration/#webhook_config. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foreignAlertEvent, readAlertmanagerPost } from "../../../src/retraining/index.ts";
import { readRetrainingEvent, retrainingRecord } from "../../../src/training/index.ts";

const models = new Set(["fraud", "churn"]);

/** As the documentation shows one, with every key that it names. */
const alert = (more: object = {}) => ({
  status: "firing",
  labels: { alertname: "Chargebacks", severity: "page", millrace_model: "fraud" },
  annotations: { summary: "twice as many as a week ago", description: "long" },
  startsAt: "2026-01-05T09:52:26.739266876+02:00",
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "http://prometheus.example:9090/graph?g0.expr=up",
  fingerprint: "c6eadffa33fcdf37",
  ...more,
});
const post = (...alerts: readonly unknown[]) => ({
  version: "4",
  groupKey: '{}:{alertname="Chargebacks"}',
  truncatedAlerts: 0,
  status: "firing",
  receiver: "millrace",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://alertmanager.example:9093",
  alerts,
});
const read = (value: unknown) => readAlertmanagerPost(JSON.stringify(value), models);
const labelled = (labels: object) => alert({ labels });

test("an alert on a model says which, since when and what", () => {
  expect(read(post(alert(), alert({ status: "resolved" })))).toEqual({
    kind: "alerts",
    alerts: [true, false].map((isFiring) => ({
      model: "fraud",
      isFiring,
      fingerprint: "c6eadffa33fcdf37",
      startsAtMs: Date.UTC(2026, 0, 5, 7, 52, 26, 739),
      text: "Chargebacks: twice as many as a week ago",
    })),
    own: 0,
    refused: [],
    truncated: 0,
  });
});

test("only what Millrace told itself is its own, whatever else names its source", () => {
  const own = (source: string) => read(post(labelled({ source, millrace_model: "fraud" })));
  expect(own("millrace")).toMatchObject({ alerts: [], own: 1 });
  expect(own("prometheus")).toMatchObject({ alerts: [{ model: "fraud" }], own: 0 });
});

test("its text is one line of at most 500 characters, of what there is", () => {
  const textOf = (more: object) => {
    const found = read(post(alert(more)));
    return found.kind === "alerts" ? found.alerts[0]?.text : undefined;
  };
  expect(textOf({ annotations: { description: "a\nb\u001b[31m" } })).toBe("Chargebacks: a b [31m");
  expect(textOf({ annotations: undefined })).toBe("Chargebacks");
  expect(textOf({ labels: { millrace_model: "fraud" }, annotations: {} })).toBe("");
  expect(textOf({ annotations: { summary: "x".repeat(600) } })).toHaveLength(500);
});

test("what Millrace told itself is counted, and what is about no model that asks for it is refused with the reason", () => {
  const found = read({
    ...post(
      labelled({ source: "millrace", millrace_model: "fraud" }),
      labelled({}),
      labelled({ millrace_model: "Fraud" }),
      alert(),
    ),
    truncatedAlerts: 3,
  });
  expect(found).toMatchObject({
    kind: "alerts",
    alerts: [{ model: "fraud" }],
    own: 1,
    refused: [
      { index: 1, reason: "it has no label millrace_model" },
      {
        index: 2,
        reason: 'millrace_model="Fraud" names no model with webhook in retrain.on; those that have it are fraud, churn',
      },
    ],
    truncated: 3,
  });
  expect(readAlertmanagerPost(JSON.stringify(post(alert())), new Set())).toMatchObject({
    alerts: [],
    refused: [{ reason: expect.stringMatching(/; no model has it$/) }],
  });
});

describe("no post of Alertmanager is", () => {
  test.each([
    ["a body that is no JSON", "{", "the body is no JSON"],
    ["nothing", "null", "the body: "],
    ["another version", JSON.stringify({ ...post(), version: "3" }), "version: "],
    ["one without alerts", JSON.stringify({ version: "4" }), "alerts: "],
    ["one of another status", JSON.stringify(post(alert({ status: "pending" }))), "alerts.0.status: "],
    [
      "one that began at no time",
      JSON.stringify(post(alert(), alert({ startsAt: "today" }))),
      "alerts.1.startsAt: no RFC",
    ],
    ["one without a fingerprint", JSON.stringify(post(alert({ fingerprint: "" }))), "alerts.0.fingerprint: no finger"],
    ["one with a blank in it", JSON.stringify(post(alert({ fingerprint: "a b" }))), "alerts.0.fingerprint: no finger"],
    [
      "one whose labels are no texts",
      JSON.stringify(post(labelled({ millrace_model: 1 }))),
      "alerts.0.labels.millrace",
    ],
    ["one that left out fewer than none", JSON.stringify({ ...post(), truncatedAlerts: -1 }), "truncatedAlerts: "],
  ])("%s", (_what, text, reason) => {
    const found = readAlertmanagerPost(text, models);
    expect(found).toMatchObject({ kind: "malformed", reason: expect.stringContaining(reason) });
  });

  test("and of many problems three are named", () => {
    const found = read(post(...Array.from({ length: 5 }, () => alert({ status: 1 }))));
    expect(found).toMatchObject({
      kind: "malformed",
      reason: expect.stringMatching(/alerts\.2\.status: [^;]*; and 2 more$/),
    });
  });
});

test("a hundred alerts are taken, and one more is too many", () => {
  const many = (count: number) => read(post(...Array.from({ length: count }, () => alert())));
  expect(many(100)).toMatchObject({ kind: "alerts", alerts: { length: 100 } });
  expect(many(101)).toEqual({
    kind: "too-many",
    reason: "the body has 101 alerts, of at most 100: set max_alerts",
  });
});

test("one firing has one event, however its time is written, and its end another of the same request", () => {
  const eventOf = (more: object) => {
    const found = read(post(alert(more)));
    if (found.kind !== "alerts") throw new Error(found.reason);
    return foreignAlertEvent(found.alerts[0]!, 1_000);
  };
  const first = eventOf({});
  expect(first).toEqual({
    type: "reported",
    id: "fraud/webhook-c6eadffa33fcdf37-1767599546739/reported",
    request: "fraud/webhook-c6eadffa33fcdf37-1767599546739",
    model: "fraud",
    at: "1970-01-01T00:00:01.000Z",
    cause: "webhook",
    by: "alertmanager",
    reason: "Chargebacks: twice as many as a week ago",
  });
  expect(readRetrainingEvent(retrainingRecord(first).value.toString())).toEqual(first);
  expect(eventOf({ startsAt: "2026-01-05T07:52:26.739Z" }).id).toBe(first.id);
  expect(eventOf({ startsAt: "2026-01-05T07:52:26.740Z" }).id).not.toBe(first.id);
  expect(eventOf({ fingerprint: "c6eadffa33fcdf38" }).id).not.toBe(first.id);
  expect(eventOf({ status: "resolved" })).toMatchObject({ type: "resolved", request: first.request });
  expect(eventOf({ annotations: {}, labels: { millrace_model: "fraud" } })).not.toHaveProperty("reason");
});

test("whatever is posted is read or refused with a reason, and of what is read every alert becomes one thing", () => {
  const maybe = <T>(one: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 20, arbitrary: one as fc.Arbitrary<unknown> }, fc.jsonValue());
  const label = fc.constantFrom("fraud", "churn", "others", "__proto__", "constructor");
  const oneAlert = fc.record({
    status: maybe(fc.constantFrom("firing", "resolved")),
    labels: maybe(fc.record({ millrace_model: label, source: fc.constantFrom("millrace", "x") }, { requiredKeys: [] })),
    startsAt: maybe(fc.constantFrom("2026-01-05T07:52:26.739Z", "0001-01-01T00:00:00Z")),
    fingerprint: maybe(fc.constantFrom("a", "b")),
  });
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ version: maybe(fc.constant("4")), alerts: maybe(fc.array(oneAlert, { maxLength: 5 })) })
      .map((value) => JSON.stringify(value)),
  );
  let readCount = 0;
  fc.assert(
    fc.property(body, (text) => {
      const found = readAlertmanagerPost(text, models);
      if (found.kind !== "alerts") {
        expect(found.reason).not.toBe("");
        return;
      }
      readCount++;
      const { alerts, own, refused } = found;
      expect(alerts.length + own + refused.length).toBe(JSON.parse(text).alerts.length);
      for (const { model, text: said } of alerts) {
        expect(models.has(model)).toBe(true);
        expect(said).not.toMatch(/\p{Cc}/u);
      }
    }),
    { numRuns: 500 },
  );
  expect(readCount).toBeGreaterThan(20);
});
