/** Tells people and machines of alerts, by HTTP. */
import type { NotificationSender } from "../../monitoring/index.ts";
import type { NotifyTarget } from "../../topology/index.ts";
import { alertmanagerAlerts, cloudEvent, pagerDutyEvent, pagerDutyTestEnd, slackMessage } from "./messages.ts";
import { post } from "./post.ts";

const pagerDutyUrlDefault = "https://events.pagerduty.com/v2/enqueue";

export interface NotifyOptions {
  /** How long one attempt may take; 5 s. */
  readonly timeoutMs?: number;
}

/** Sends to one target. What it is sent follows from its kind. */
export function createNotificationSender(target: NotifyTarget, options: NotifyOptions = {}): NotificationSender {
  const { timeoutMs } = options;
  const json = { contentType: "application/json", ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  switch (target.kind) {
    case "webhook": {
      const { url } = target;
      const contentType = "application/cloudevents+json";
      return {
        kind: "webhook",
        send: (told, signal) => post({ ...json, contentType, url, body: cloudEvent(told) }, signal),
      };
    }
    case "alertmanager": {
      const url = `${target.url.replace(/\/+$/, "")}/api/v2/alerts`;
      return {
        kind: "alertmanager",
        send: (told, signal) => post({ ...json, url, body: alertmanagerAlerts(told) }, signal),
      };
    }
    case "slack": {
      const { url } = target;
      return { kind: "slack", send: (told, signal) => post({ ...json, url, body: slackMessage(told) }, signal) };
    }
    case "pagerduty": {
      const { key, url = pagerDutyUrlDefault } = target;
      return {
        kind: "pagerduty",
        send: (told, signal) => post({ ...json, url, body: pagerDutyEvent(told, key) }, signal),
        endTest: (test, signal) => post({ ...json, url, body: pagerDutyTestEnd(test, key) }, signal),
      };
    }
  }
}
