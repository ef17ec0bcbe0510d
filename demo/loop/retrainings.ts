/** What the log of retrainings says, for the story and for when it can go on. */
import type { AlertEvent } from "../../src/monitor/index.ts";
import { isEnd, type RetrainingEvent } from "../../src/training/index.ts";

const reasons: ReadonlySet<AlertEvent["type"]> = new Set(["millrace.incident.opened", "millrace.alert.firing"]);

/** Whether the policy has answered each alert that asks for a training, and no training is under way. */
export function areAnswered(alerts: readonly AlertEvent[], retrainings: readonly RetrainingEvent[]): boolean {
  const answered = new Set(retrainings.flatMap(({ alert }) => alert?.split(" ") ?? []));
  const ended = new Set(retrainings.filter(isEnd).map(({ request }) => request));
  return (
    alerts.every(({ type, incident, id }) => !reasons.has(type) || incident === undefined || answered.has(id)) &&
    retrainings.every(({ type, request }) => type !== "requested" || ended.has(request))
  );
}

export function retrainingTold({ type, cause, reason, version, champion }: RetrainingEvent): string {
  const why = reason === undefined ? "" : `: ${reason}`;
  if (type === "requested") return `a training is asked for, because of ${cause}`;
  if (type === "started") return "it begins";
  if (type === "trained") return `version ${version} has passed the gate${why}`;
  if (type === "promoted") return `version ${version} takes the place of version ${champion ?? "-"}`;
  return type === "suppressed" ? `no other training${why}` : `it is ${type}${why}`;
}
