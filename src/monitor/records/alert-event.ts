/** What happens to alerts and incidents, on `<topology>.alerts`: CloudEvents 1.0 in binary mode, a JSON value. */
import { type AlertKind, alertKinds } from "../alert-kind.ts";
import { type CloudEventRecord, cloudEventRecord, jsonObject } from "./cloud-event.ts";
import type { Cause } from "./verdict-record.ts";

const types = [
  "millrace.alert.firing",
  "millrace.alert.resolved",
  "millrace.incident.opened",
  "millrace.incident.closed",
  "millrace.alert.suppressed",
] as const;

export interface AlertEvent {
  readonly type: (typeof types)[number];
  /** The same for the same happening, however often it is written. */
  readonly id: string;
  /** Of the alert: `<topology>/<monitor>/<field>`; of an incident `<topology>/<monitor>`. */
  readonly fingerprint: string;
  readonly topology: string;
  readonly monitor: string;
  /** Undefined of an incident. */
  readonly field: string | undefined;
  /** What it is about; of a record that does not say it is `drift`. */
  readonly kind: AlertKind;
  readonly severity: "page" | "ticket";
  readonly incident: string | undefined;
  /** Somebody is to be woken by it: an incident of severity `page` was opened that nobody silenced. */
  readonly isPage: boolean;
  readonly cause: Cause | undefined;
  /** ISO 8601: when it happened, which is the end of a window. */
  readonly at: string;
  /** ISO 8601: the window. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly score: number | undefined;
  readonly threshold: number | undefined;
  readonly n: number | undefined;
  readonly m: number | undefined;
  /** One sentence for people. */
  readonly summary: string;
  /** Of an incident: those that fire. */
  readonly fields: readonly string[];
}

/** The record of an event, as it is written. */
export function alertRecord(event: AlertEvent): CloudEventRecord {
  const { id, type, topology, at, monitor, field, fingerprint } = event;
  const subject = field === undefined ? monitor : `${monitor}/${field}`;
  return cloudEventRecord(fingerprint, { id, type, topology, at, subject }, event);
}

/** Undefined for what is no such event. */
export function readAlertEvent(text: string): AlertEvent | undefined {
  const value: { readonly [Key in keyof AlertEvent]?: unknown } | undefined = jsonObject(text);
  if (value === undefined) return undefined;
  const { type, id, fingerprint, topology, monitor, summary, at, fields, isPage, severity } = value;
  const kind = value.kind ?? "drift";
  const texts = [id, fingerprint, topology, monitor, summary, at];
  const isOne =
    types.some((known) => known === type) &&
    texts.every((one) => typeof one === "string") &&
    typeof isPage === "boolean" &&
    alertKinds.some((known) => known === kind) &&
    (severity === "page" || severity === "ticket") &&
    Array.isArray(fields) &&
    fields.every((field) => typeof field === "string");
  return isOne ? ({ ...value, kind } as AlertEvent) : undefined;
}
