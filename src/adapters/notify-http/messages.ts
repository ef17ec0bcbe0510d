/** What each kind of target is sent, for an event or for a summary of many. */
import { formatIsoTime, parseIsoTimeMs } from "../../kernel/index.ts";
import type { AlertEvent } from "../../monitor/index.ts";
import { type Notification, subjectOf, type TestAlert, turnOf } from "../../monitor/telling/index.ts";

type Summary = Extract<Notification, { kind: "summary" }>;

const dayMs = 86_400_000;
/** Alertmanager forgets an alert that nobody repeats; ours lasts until its end is told, or for so long. */
const alertLastsMs = 30 * dayMs;
const summaryLastsMs = 3_600_000;
/** A test ends by itself. */
const testLastsMs = 300_000;

/** CloudEvents 1.0, structured mode. */
export function cloudEvent(notification: Notification): Readonly<Record<string, unknown>> {
  if (notification.kind === "test") {
    const { test } = notification;
    const { id, topology, at } = test;
    const attributes = {
      specversion: "1.0",
      id,
      source: `/millrace/${topology}`,
      type: "millrace.alert.test",
      time: at,
    };
    return { ...attributes, datacontenttype: "application/json", data: { ...test, summary: testText(test) } };
  }
  const isEvent = notification.kind === "event";
  const { topology, at } = isEvent ? notification.event : notification;
  return {
    specversion: "1.0",
    id: isEvent ? notification.event.id : notification.id,
    source: `/millrace/${topology}`,
    type: isEvent ? notification.event.type : "millrace.alert.summary",
    time: at,
    ...(isEvent ? { subject: placeOf(notification.event) } : {}),
    datacontenttype: "application/json",
    data: isEvent ? notification.event : { topology, count: notification.count, first: notification.first },
  };
}

/** A list for Alertmanager's `POST /api/v2/alerts`. An alert and its end have the same labels. */
export function alertmanagerAlerts(notification: Notification): readonly unknown[] {
  if (notification.kind === "summary") {
    const { topology, at } = notification;
    return [
      {
        labels: { alertname: "MillraceMoreAlerts", topology, severity: "ticket", source: "millrace" },
        annotations: { summary: summaryText(notification) },
        startsAt: at,
        endsAt: later(at, summaryLastsMs),
      },
    ];
  }
  if (notification.kind === "test") {
    const { test } = notification;
    const { id, topology, at } = test;
    return [
      {
        labels: { alertname: "MillraceTest", topology, severity: "ticket", test: id, source: "millrace" },
        annotations: { summary: testText(test) },
        startsAt: at,
        endsAt: later(at, testLastsMs),
      },
    ];
  }
  const { event } = notification;
  const { topology, monitor, field, severity, summary, at, fingerprint, cause } = event;
  const isOver = turnOf(event) === "closes";
  // An alert may have begun as a ticket although its monitor pages, and the severity is one of its labels.
  return (isOver ? severities : [severity]).map((each) => ({
    labels: {
      alertname: "MillraceAlert",
      topology,
      monitor,
      ...(field === undefined ? {} : { field }),
      severity: each,
      fingerprint,
      source: "millrace",
    },
    annotations: { summary, ...(cause === undefined ? {} : { cause }) },
    // Alertmanager keeps the begin that it has when an end comes without one.
    ...(isOver ? { endsAt: at } : { startsAt: at, endsAt: later(at, alertLastsMs) }),
  }));
}

const severities = ["page", "ticket"] as const;

/** For an incoming webhook of Slack. */
export function slackMessage(notification: Notification): Readonly<Record<string, unknown>> {
  const [title, body] = slackLines(notification);
  const text = `*${escaped(title)}*\n${escaped(body)}`.slice(0, slackTextMax);
  return {
    text: `${title}: ${body}`.slice(0, slackTextMax),
    blocks: [{ type: "section", text: { type: "mrkdwn", text } }],
  };
}

function slackLines(notification: Notification): readonly [title: string, body: string] {
  switch (notification.kind) {
    case "summary":
      return [`${notification.count} more alerts`, summaryText(notification)];
    case "test":
      return [`Test: ${notification.test.topology}`, testText(notification.test)];
    case "event":
      return [slackTitle(notification.event), notification.event.summary];
  }
}

/** Of a text in a section. */
const slackTextMax = 3_000;

function slackTitle(event: AlertEvent): string {
  const state = turnOf(event) === "closes" ? "Resolved" : event.isPage ? "Page" : "Alert";
  return `${state}: ${event.topology}, ${placeOf(event)}`;
}

/** PagerDuty's Events API v2. */
export function pagerDutyEvent(notification: Notification, key: string): Readonly<Record<string, unknown>> {
  if (notification.kind === "summary") {
    const { topology, at } = notification;
    const payload = { summary: summaryText(notification), source: topology, severity: "warning", timestamp: at };
    return { routing_key: key, event_action: "trigger", dedup_key: notification.id, payload: cutSummary(payload) };
  }
  if (notification.kind === "test") {
    const { test } = notification;
    const payload = { summary: testText(test), source: test.topology, severity: "info", timestamp: test.at };
    return { routing_key: key, event_action: "trigger", dedup_key: testKey(test), payload: cutSummary(payload) };
  }
  const { event } = notification;
  const dedup_key = subjectOf(event);
  if (turnOf(event) === "closes") return { routing_key: key, event_action: "resolve", dedup_key };
  const { summary, topology, at, monitor, severity, cause, fields, score, threshold, from, to } = event;
  const payload = {
    summary,
    source: topology,
    severity: severity === "page" ? "critical" : "warning",
    timestamp: at,
    component: monitor,
    class: cause,
    custom_details: { fields, score, threshold, from, to },
  };
  return { routing_key: key, event_action: "trigger", dedup_key, payload: cutSummary(payload) };
}

/** The end of a test in PagerDuty, where nothing ends by itself. */
export function pagerDutyTestEnd(test: TestAlert, key: string): Readonly<Record<string, unknown>> {
  return { routing_key: key, event_action: "resolve", dedup_key: testKey(test) };
}

function testKey({ topology, id }: TestAlert): string {
  return `${topology}/test/${id}`;
}

/** PagerDuty takes summaries of at most 1,024 characters. */
function cutSummary<T extends { readonly summary: string }>(payload: T): T {
  return { ...payload, summary: payload.summary.slice(0, 1_024) };
}

function placeOf({ monitor, field }: AlertEvent): string {
  return field === undefined ? monitor : `${monitor}/${field}`;
}

function testText({ topology, who }: TestAlert): string {
  return `A test of the alerts of ${topology}, sent by ${who}. Nothing is wrong.`;
}

function summaryText({ count, first }: Summary): string {
  const more = count - first.length;
  return [`${count} more alerts within a minute.`, ...first, ...(more > 0 ? [`And ${more} more.`] : [])].join(" ");
}

function later(at: string, ms: number): string {
  return formatIsoTime((parseIsoTimeMs(at) ?? 0) + ms);
}

/** Slack reads `&`, `<` and `>` as its own; names of fields and topics are users'. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
