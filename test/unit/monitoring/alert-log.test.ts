import { afterEach, beforeEach, expect, test } from "vitest";
import { type AlertEvent, alertRecord, commandRecord, type MonitorCommand } from "../../../src/monitor/index.ts";
import {
  alertSummaries,
  incidentSummaries,
  readAlertEvents,
  readMonitorCommands,
} from "../../../src/monitoring/index.ts";
import { writeControl } from "../../../src/runtime/index.ts";
import { BaselineScene } from "./baseline-scene.ts";

const never = new AbortController().signal;
let scene: BaselineScene;
beforeEach(async () => {
  scene = await BaselineScene.open();
});
afterEach(() => scene.broker.close());

const incident = "shop/m/19700101T100000Z";
let made = 0;
const eventOf = (type: AlertEvent["type"], at: string, given: Partial<AlertEvent> = {}): AlertEvent => {
  const field = type.startsWith("millrace.incident.") ? undefined : (given.field ?? "amount");
  return {
    type,
    id: `event ${++made}`,
    fingerprint: field === undefined ? "shop/m" : `shop/m/${field}`,
    topology: "shop",
    monitor: "m",
    field,
    kind: "drift",
    severity: "page",
    incident,
    isPage: false,
    cause: undefined,
    at: `1970-01-01T${at}:00.000Z`,
    from: undefined,
    to: undefined,
    score: undefined,
    threshold: undefined,
    n: undefined,
    m: undefined,
    summary: `${type} at ${at}`,
    fields: [],
    ...given,
  };
};
const logged = (events: readonly AlertEvent[]) => events.map((event, offset) => ({ offset, event }));
const ack = (given: Partial<MonitorCommand> = {}): MonitorCommand =>
  ({
    kind: "ack",
    fingerprint: "shop/m/amount",
    who: "ann",
    reason: "",
    untilMs: 2_000,
    requestId: "r",
    ...given,
  }) as MonitorCommand;

test("events are read in their order, each once however often it was written, and nothing else is", async () => {
  const topic = "shop.control";
  const events = [eventOf("millrace.alert.firing", "10:00"), eventOf("millrace.alert.resolved", "11:00")];
  const records = [...events, ...events.slice(0, 1)].map((event) => ({
    topic,
    partition: 0,
    timestampMs: 0,
    ...alertRecord(event),
  }));
  const others = [Buffer.from("{}"), Buffer.from("?"), null].map((value) => ({
    topic,
    partition: 0,
    timestampMs: 0,
    key: Buffer.from("k"),
    value,
  }));
  await scene.broker.append([...others, ...records], never);
  const read = await readAlertEvents(scene.broker, topic, never);
  expect(read.map(({ offset, event }) => [offset, event.id])).toEqual([
    [3, events[0]?.id],
    [4, events[1]?.id],
  ]);
});

test("commands are those that were not taken back", async () => {
  const [first, second] = [ack(), ack({ kind: "silence", id: "s", monitor: "m" } as Partial<MonitorCommand>)];
  await writeControl(
    scene.broker,
    scene.controlTopic,
    [
      commandRecord(first),
      commandRecord(second),
      { key: "alias/x", value: "{}" },
      { key: commandRecord(first).key, value: null },
    ],
    0,
    never,
  );
  expect((await readMonitorCommands(scene.broker, scene.controlTopic, never)).map(({ kind }) => kind)).toEqual([
    "silence",
  ]);
});

test("an alert is as its last event leaves it, those that fire before those that are over, the latest first", () => {
  const window = { score: 0.4, threshold: 0.1, n: 9_000, m: 800, cause: "world" } as const;
  const alerts = alertSummaries(
    logged([
      eventOf("millrace.alert.firing", "10:00", { field: "a" }),
      eventOf("millrace.incident.opened", "10:00"),
      eventOf("millrace.alert.firing", "11:00", window),
      eventOf("millrace.alert.suppressed", "11:30", { field: "b" }),
      eventOf("millrace.alert.resolved", "12:00", { field: "a" }),
    ]),
    [],
    0,
  );
  expect(alerts.map(({ alert, state, since }) => [alert, state, since])).toEqual([
    ["shop/m/b", "suppressed", "1970-01-01T11:30:00.000Z"],
    ["shop/m/amount", "firing", "1970-01-01T11:00:00.000Z"],
    ["shop/m/a", "resolved", "1970-01-01T12:00:00.000Z"],
  ]);
  expect(alerts[1]).toMatchObject({ ...window, field: "amount", incident, severity: "page", mutedBy: null });
  expect(alerts[2]).toMatchObject({ score: null, threshold: null, n: null, m: null, cause: null });
});

test("an alert that goes on later than another stands before it", () => {
  const events = ["a", "b", "a"].map((field, i) => eventOf("millrace.alert.firing", `1${i}:00`, { field }));
  expect(alertSummaries(logged(events), [], 0).map(({ field }) => field)).toEqual(["a", "b"]);
});

test("an alert says who muted it for longest, until that is over", () => {
  const silence = (given: object) =>
    ack({ kind: "silence", id: "s", monitor: undefined, field: undefined, ...given } as Partial<MonitorCommand>);
  const mutedBy = (commands: readonly MonitorCommand[], nowMs = 1_000) => {
    const [alert] = alertSummaries(logged([eventOf("millrace.alert.firing", "10:00")]), commands, nowMs);
    return [alert?.mutedBy, alert?.mutedUntil];
  };
  expect(mutedBy([ack(), ack({ who: "bob", untilMs: 3_000 })])).toEqual(["bob", "1970-01-01T00:00:03.000Z"]);
  expect(mutedBy([ack()], 2_000)).toEqual([null, null]);
  expect(mutedBy([ack({ fingerprint: "shop/m/other" } as Partial<MonitorCommand>)])[0]).toBeNull();
  expect(mutedBy([silence({})])[0]).toBe("ann");
  expect(mutedBy([silence({ monitor: "m", field: "amount" })])[0]).toBe("ann");
  expect(mutedBy([silence({ monitor: "m", field: "other" }), silence({ monitor: "other" })])[0]).toBeNull();
});

test("an incident has what its events say: when, which fields, why, and whether somebody was paged", () => {
  const events = [
    eventOf("millrace.incident.opened", "10:00", {
      isPage: true,
      fields: ["amount"],
      cause: "schema",
      summary: "it drifts",
    }),
    eventOf("millrace.alert.firing", "10:00"),
    eventOf("millrace.alert.firing", "11:00", { field: "country", cause: "world" }),
    eventOf("millrace.alert.resolved", "12:00"),
  ];
  const open = {
    incident,
    monitor: "m",
    state: "open",
    severity: "page",
    isPage: true,
    opened: "1970-01-01T10:00:00.000Z",
    closed: null,
    fields: ["amount", "country"],
    cause: "schema",
    summary: "it drifts",
  };
  expect(incidentSummaries(logged(events))).toEqual([open]);
  const closed = eventOf("millrace.incident.closed", "13:00", { fields: ["country"] });
  const later = eventOf("millrace.incident.opened", "14:00", { incident: "shop/m/later" });
  const outside = eventOf("millrace.alert.firing", "15:00", { incident: undefined });
  expect(incidentSummaries(logged([...events, closed, later, outside]))).toEqual([
    expect.objectContaining({ incident: "shop/m/later", isPage: false, state: "open", fields: [], cause: null }),
    { ...open, state: "closed", closed: "1970-01-01T13:00:00.000Z" },
  ]);
});

test("an incident is told as its opening says, also where another event of it stands before, or no opening at all", () => {
  const firing = eventOf("millrace.alert.firing", "10:00");
  const opened = eventOf("millrace.incident.opened", "10:01", { summary: "it drifts", fields: ["country"] });
  const summaryOf = (...events: AlertEvent[]) =>
    incidentSummaries(logged(events)).map(({ summary, opened, fields }) => [summary, opened, fields]);
  expect(summaryOf(firing)).toEqual([[firing.summary, null, ["amount"]]]);
  expect(summaryOf(firing, opened)).toEqual([["it drifts", opened.at, ["amount", "country"]]]);
});
