import { randomUUID } from "node:crypto";
import { systemClock } from "../../adapters/node/index.ts";
import { closest, formatIsoTime } from "../../kernel/index.ts";
import { arrivalLine, commandRecord, qualityLines } from "../../monitor/index.ts";
import { readMonitorCommands } from "../../monitoring/index.ts";
import { writeControl } from "../../runtime/index.ts";
import type { PlannedMonitor } from "../../topology/index.ts";
import { giveCommand } from "../command-taken.ts";
import { type ExitCode, usageError } from "../exit.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { durationFlag, namedMonitors, onMonitors, withMonitors } from "./monitoring.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withMonitors(command)
      .addOption(flag("--monitor <name>", "monitor that is to page nobody; all when it is left out"))
      .addOption(flag("--field <name>", "field of the monitor, or a line of its quality; all when it is left out"))
      .addOption(flag("--for <duration>", "how long"))
      .addOption(flag("--by <name>", "who wants it"))
      .addOption(flag("--reason <text>", "what for"))
      .addOption(flag("--end <id>", "take back the silence with this id")),

  async run(context, [file], flags) {
    const { monitor, field, by, reason, end } = flags;
    const isEnd = typeof end === "string";
    if (isEnd && [monitor, field, flags["for"], by, reason].some((given) => given !== undefined))
      throw usageError("--end takes a silence back, and stands alone");
    if (!isEnd && (typeof by !== "string" || typeof reason !== "string" || flags["for"] === undefined))
      throw usageError("--for, --by and --reason are needed", "a silence says how long, who wants it and what for");
    if (field !== undefined && monitor === undefined) throw usageError("--field needs --monitor");
    const forMs = isEnd ? 0 : durationFlag("for", flags["for"]);
    return onMonitors(context, file, flags, async ({ plan, monitoring, reach, nowMs }) => {
      const { broker } = reach;
      const controlTopic = plan.control.clusterName;
      const give = (key: string, value: string | null, request: string | null): Promise<ExitCode> => {
        const alertsTopic = monitoring.topics.alerts.clusterName;
        return giveCommand({ broker, alertsTopic }, context, async () => {
          await writeControl(broker, controlTopic, [{ key, value }], systemClock.now(), context.stop);
          return { key, request };
        });
      };
      if (isEnd) {
        const held = await readMonitorCommands(broker, controlTopic, context.stop);
        const found = held.find((command) => command.kind === "silence" && command.id === end);
        if (found === undefined) throw usageError(`--end: there is no silence ${end}`);
        const code = await give(commandRecord(found).key, null, null);
        context.stdout(`silence ${end} is over\n`);
        return code;
      }
      const monitors = namedMonitors(monitoring, flags);
      if (field !== undefined) checkField(monitors, String(field));
      const id = randomUUID();
      const untilMs = nowMs + forMs;
      const told = { who: String(by), reason: String(reason), untilMs, requestId: id };
      const meant = {
        monitor: monitor === undefined ? undefined : String(monitor),
        field: field === undefined ? undefined : String(field),
      };
      const { key, value } = commandRecord({ kind: "silence", id, ...meant, ...told });
      const code = await give(key, value, told.requestId);
      const what = [meant.monitor ?? "every monitor", ...(meant.field === undefined ? [] : [meant.field])].join("/");
      context.stdout(`silence ${id}: ${what} pages nobody until ${formatIsoTime(untilMs)}\n`);
      return code;
    });
  },
};

function checkField(monitors: readonly PlannedMonitor[], field: string): void {
  const names = monitors.flatMap(({ fields, quality }) => {
    return [...fields, ...qualityLines(fields, quality)].map(({ name }) => name);
  });
  if (monitors.length > 0) names.push(arrivalLine);
  if (names.includes(field)) return;
  const meant = closest(field, names);
  const hint = meant === undefined ? `it has ${names.join(", ")}` : `did you mean "${meant}"?`;
  throw usageError(`--field: the monitor has no field ${JSON.stringify(field)}`, hint);
}
