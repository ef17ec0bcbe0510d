import { randomUUID } from "node:crypto";
import { systemClock } from "../../adapters/node/index.ts";
import { closest, formatIsoTime } from "../../kernel/index.ts";
import { commandRecord } from "../../monitor/index.ts";
import { alertSummaries, readAlertEvents } from "../../monitoring/index.ts";
import { writeControl } from "../../runtime/index.ts";
import { giveCommand } from "../command-taken.ts";
import { usageError } from "../exit.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { durationFlag, onMonitors, withMonitors } from "./monitoring.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withMonitors(command)
      .argument("<alert>", "the alert, as `millrace alerts list` shows it")
      .addOption(flag("--by <name>", "who has seen it"))
      .addOption(flag("--reason <text>", "what is known of it").default(""))
      .addOption(flag("--for <duration>", "how long it pages nobody").default("4h")),

  async run(context, [file, alert], flags) {
    const who = flags["by"];
    if (typeof who !== "string") throw usageError("--by is needed", "name who has seen the alert");
    const forMs = durationFlag("for", flags["for"]);
    const fingerprint = String(alert);
    return onMonitors(context, file, flags, async ({ plan, monitoring, reach, nowMs }) => {
      const events = await readAlertEvents(reach.broker, monitoring.topics.alerts.clusterName, context.stop);
      const known = alertSummaries(events, [], nowMs).map((summary) => summary.alert);
      if (!known.includes(fingerprint)) {
        const meant = closest(fingerprint, known);
        const hint = meant === undefined ? "see `millrace alerts list --all`" : `did you mean ${meant}?`;
        throw usageError(`there is no alert ${fingerprint}`, hint);
      }
      const untilMs = nowMs + forMs;
      const told = { who, reason: String(flags["reason"]), untilMs, requestId: randomUUID() };
      const record = commandRecord({ kind: "ack", fingerprint, ...told });
      const { broker } = reach;
      const alertsTopic = monitoring.topics.alerts.clusterName;
      const code = await giveCommand({ broker, alertsTopic }, context, async () => {
        await writeControl(broker, plan.control.clusterName, [record], systemClock.now(), context.stop);
        return { key: record.key, request: told.requestId };
      });
      context.stdout(`${fingerprint} pages nobody until ${formatIsoTime(untilMs)}\n`);
      return code;
    });
  },
};
