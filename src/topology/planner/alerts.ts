import { parseDurationMs } from "../../kernel/index.ts";
import type { NotifyTarget, PlannedAlerts } from "../plan/monitoring.ts";
import type { AlertsEntry } from "../spec/alerts-spec.ts";
import { defaults } from "../spec/defaults.ts";
import type { Findings } from "./findings.ts";

/** What `alerts:` says, with what counts where it says nothing. */
export function planAlerts(written: AlertsEntry = {}, findings: Findings): PlannedAlerts {
  const { alerts } = defaults;
  return {
    budget: {
      pages: written.budget?.pages ?? alerts.pages,
      perMs: ms(written.budget?.per ?? alerts.per),
    },
    rules: {
      fire: {
        windows: written.fire?.windows ?? alerts.fireWindows,
        of: written.fire?.of ?? alerts.fireOf,
      },
      clear: {
        windows: written.clear?.windows ?? alerts.clearWindows,
        below: written.clear?.below ?? alerts.clearBelow,
      },
      cooldownMs: ms(written.cooldown ?? alerts.cooldown),
    },
    ageMaxMs: written.ageMax === "none" ? anyAgeMs : ms(written.ageMax ?? alerts.ageMax),
    perMinute: written.perMinute ?? alerts.perMinute,
    notify: (written.notify ?? []).flatMap((entry, index) => targetOf(entry, index, findings)),
  };
}

/** Older than any event; finite, so that times can be counted back by it. */
const anyAgeMs = Number.MAX_SAFE_INTEGER;

/** A duration of the file, whose shape was checked. */
export function ms(duration: string): number {
  return parseDurationMs(duration) ?? 0;
}

type NotifyEntry = NonNullable<AlertsEntry["notify"]>[number];

const kinds = ["webhook", "alertmanager", "slack", "pagerduty"] as const;

/** That an entry has no more than one key was checked with its shape. */
function targetOf(entry: NotifyEntry, index: number, findings: Findings): NotifyTarget[] {
  const path = ["alerts", "notify", index];
  const kind = kinds.find((name) => entry[name] !== undefined);
  if (kind === undefined) {
    const message = "the entry says nobody who is told";
    findings.problem("MR_MISSING_KEY", path, message, `write one of ${kinds.join(", ")}`);
    return [];
  }
  if (kind === "pagerduty") {
    const { key = "", url } = entry.pagerduty ?? {};
    return [url === undefined ? { kind, key } : { kind, key, url }];
  }
  return [{ kind, url: entry[kind]?.url ?? "" }];
}
