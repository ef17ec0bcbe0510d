/**
 * What Alertmanager posts to a webhook, version 4 of its format, as far as it is a reason to train a model again
 * (prometheus.io/docs/alerting/latest/configuration/#webhook_config): `version`, `truncatedAlerts`, and of each alert
 * `status`, `labels`, `annotations`, `startsAt` and `fingerprint`. Whatever else is posted is not looked at.
 */
import { z } from "zod";
import { type EpochMs, formatIsoTime, parseIsoTimeMs } from "../kernel/index.ts";
import type { RetrainingEvent } from "../training/index.ts";

/** More at once are refused whole: `max_alerts` of the receiver says how many Alertmanager posts. */
export const alertsMax = 100;
/** The label that says which model an alert is about. */
const modelLabel = "millrace_model";
/** Longest text of an alert that is kept, in characters. */
const textMax = 500;
/** Problems of the shape that are named. */
const problemsMax = 3;

const texts = z.record(z.string(), z.string());

const postSpec = z.object({
  version: z.literal("4"),
  truncatedAlerts: z.int().min(0).default(0),
  alerts: z.array(
    z.object({
      status: z.enum(["firing", "resolved"]),
      labels: texts,
      annotations: texts.default({}),
      startsAt: z.string().refine((text) => parseIsoTimeMs(text) !== undefined, { error: "no RFC 3339 time" }),
      fingerprint: z.string().regex(/^[\w.:-]{1,128}$/, { error: "no fingerprint" }),
    }),
  ),
});

/** Somebody else's alert on a model. */
export interface ForeignAlert {
  readonly model: string;
  readonly isFiring: boolean;
  /** Names it among all alerts; the same labels have the same one. */
  readonly fingerprint: string;
  /** When it began to fire: with the fingerprint it names one firing. */
  readonly startsAtMs: EpochMs;
  /** Name and summary. */
  readonly text: string;
}

export type AlertmanagerPost =
  | {
      readonly kind: "alerts";
      /** In the order of the post. */
      readonly alerts: readonly ForeignAlert[];
      /** How many come from Millrace itself: its own monitors ask for trainings, not what others were told of them. */
      readonly own: number;
      /** What is about no model that is trained on alerts of others, by its place in the post. */
      readonly refused: readonly { readonly index: number; readonly reason: string }[];
      /** How many Alertmanager left out. */
      readonly truncated: number;
    }
  | { readonly kind: "malformed" | "too-many"; readonly reason: string };

/**
 * Reads a post. Every alert of it is an alert on a model, one's own, or refused with the reason.
 *
 * @param models names of those that are trained on alerts of others
 */
export function readAlertmanagerPost(text: string, models: ReadonlySet<string>): AlertmanagerPost {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { kind: "malformed", reason: "the body is no JSON" };
  }
  const read = postSpec.safeParse(json);
  if (!read.success) {
    const problems = read.error.issues.map(
      ({ path, message }) => `${path.map(String).join(".") || "the body"}: ${message}`,
    );
    const more = problems.length - problemsMax;
    const shown = problems.slice(0, problemsMax).join("; ");
    const reason = `the body is no post of Alertmanager, version 4: ${shown}${more > 0 ? `; and ${more} more` : ""}`;
    return { kind: "malformed", reason };
  }
  const { alerts: posted, truncatedAlerts: truncated } = read.data;
  if (posted.length > alertsMax)
    return {
      kind: "too-many",
      reason: `the body has ${posted.length} alerts, of at most ${alertsMax}: set max_alerts`,
    };
  const alerts: ForeignAlert[] = [];
  const refused: { index: number; reason: string }[] = [];
  let own = 0;
  for (const [index, { status, labels, annotations, startsAt, fingerprint }] of posted.entries()) {
    const model = labels[modelLabel];
    if (labels["source"] === "millrace") own++;
    else if (model === undefined || !models.has(model)) refused.push({ index, reason: unknownModel(model, models) });
    else {
      const summary = annotations["summary"] ?? annotations["description"];
      const said = [labels["alertname"], summary].filter((part) => part !== undefined && part !== "").join(": ");
      const startsAtMs = parseIsoTimeMs(startsAt) ?? 0;
      alerts.push({ model, isFiring: status === "firing", fingerprint, startsAtMs, text: oneLine(said) });
    }
  }
  return { kind: "alerts", alerts, own, refused, truncated };
}

function unknownModel(model: string | undefined, models: ReadonlySet<string>): string {
  const known = models.size === 0 ? "no model has it" : `those that have it are ${[...models].join(", ")}`;
  return model === undefined
    ? `it has no label ${modelLabel}`
    : `${modelLabel}=${JSON.stringify(model.slice(0, textMax))} names no model with webhook in retrain.on; ${known}`;
}

/** It is shown to people, on terminals too. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, textMax);
}

/**
 * What stands on the retraining topic of it: the same event, under the same id, whichever process was told and how often.
 *
 * @param nowMs by the clock of who was told
 */
export function foreignAlertEvent(
  { model, isFiring, fingerprint, startsAtMs, text }: ForeignAlert,
  nowMs: EpochMs,
): RetrainingEvent {
  const type = isFiring ? "reported" : "resolved";
  const request = `${model}/webhook-${fingerprint}-${startsAtMs}`;
  return {
    type,
    id: `${request}/${type}`,
    request,
    model,
    at: formatIsoTime(nowMs),
    cause: "webhook",
    by: "alertmanager",
    ...(text === "" ? {} : { reason: text }),
  };
}
