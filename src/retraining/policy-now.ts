import { parseIsoTimeMs } from "../kernel/index.ts";
import { type AlertEvent, isBrokenLine } from "../monitor/index.ts";
import { isDetectorField } from "../monitor/performance/index.ts";
import { readAlertEvents } from "../monitoring/index.ts";
import type { Broker } from "../runtime/index.ts";
import { RetrainingPolicy } from "../training/index.ts";
import { readRetrainings } from "./retraining-log.ts";
import type { ModelTopics, TrainedModel } from "./trained-model.ts";

/** An alert as the policy takes it: one that begins, or an incident that ends. Nobody is to act on what was suppressed. */
export function takeAlert(policy: RetrainingPolicy, event: AlertEvent): void {
  const { type, id, kind, monitor, incident, at, field, fields, cause } = event;
  const timeMs = parseIsoTimeMs(at);
  if (timeMs === undefined || incident === undefined) return;
  const ill = field === undefined ? fields : [field];
  const isVeto = kind === "lag" || (kind === "quality" && ill.some(isBrokenLine));
  const isAlarm = kind === "performance" && ill.every(isDetectorField);
  const alert = { id, kind, monitor, incident, timeMs, isDeployment: cause === "deployment", isVeto, isAlarm };
  if (type === "millrace.incident.opened" || type === "millrace.alert.firing")
    policy.takeAlert({ ...alert, step: "begins" });
  // Who has seen an alert is woken by it no more; that a detector alarms once more is news all the same.
  else if (type === "millrace.alert.suppressed" && isAlarm) policy.takeAlert({ ...alert, step: "begins" });
  else if (type === "millrace.incident.closed") policy.takeAlert({ ...alert, step: "closes" });
}

/** The policy as it stands by what is on the topics; it decides nothing here. */
export async function readPolicy(
  broker: Broker,
  topics: { readonly retraining: string; readonly alerts: string | undefined },
  models: readonly TrainedModel[],
  lookAt: ModelTopics,
  signal: AbortSignal,
): Promise<RetrainingPolicy> {
  const policy = new RetrainingPolicy(models);
  for (const event of await readRetrainings(broker, topics.retraining, signal)) policy.takeEvent(event);
  const alerts = topics.alerts === undefined ? [] : await readAlertEvents(broker, topics.alerts, signal);
  for (const { event } of alerts) takeAlert(policy, event);
  for (const { name } of models) {
    const { labels, timeMs } = await lookAt.look(name, signal);
    policy.takeLabels(name, labels);
    if (timeMs !== undefined) policy.takeTime(timeMs);
  }
  return policy;
}
