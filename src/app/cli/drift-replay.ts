import { replayDrift, replayText } from "../drift-replay.ts";
import { exitCodes } from "../exit.ts";
import { loadPlan } from "../load-topology.ts";
import { outputForm } from "../printed-rows.ts";
import { type CommandDefinition, flag, timeFlag } from "./command.ts";
import { onMonitors, unreadWarning, withMonitors, withOutput } from "./monitoring.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withMonitors(command))
      .addOption(flag("--from <time>", "tell of windows that begin at this event time or later, ISO 8601"))
      .addOption(flag("--to <time>", "tell of windows that begin before this event time, ISO 8601"))
      .addOption(
        flag("--thresholds <file>", "topology file whose thresholds and alerts are tried beside the file's own"),
      ),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const [fromMs, toMs] = [timeFlag("from", flags), timeFlag("to", flags)];
    const other = flags["thresholds"];
    const text = await onMonitors(context, file, flags, async ({ plan, monitoring, reach }) => {
      // With the names of the topology's topics, whatever the namespace that the other file says.
      const tried = other === undefined ? undefined : loadPlan(String(other), context.environment, plan.namespace);
      const replay = await replayDrift({ plan, monitoring, tried, fromMs, toMs }, reach, context.stop);
      context.stderr(unreadWarning(replay.unread));
      return replayText(replay, form);
    });
    context.stdout(text);
    return exitCodes.ok;
  },
};
