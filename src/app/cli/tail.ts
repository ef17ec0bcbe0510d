import { systemClock } from "../../adapters/node/index.ts";
import { parseDurationMs } from "../../kernel/index.ts";
import { exitCodes, usageError } from "../exit.ts";
import { openReach, type Reach } from "../reach.ts";
import { parseTailFrom, tailTopic } from "../tail.ts";
import { type CommandDefinition, connectionFlags, countFlag, devFlag, flag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<topic>", "topic as it is named on the cluster, without the namespace")
      .addOption(flag("--from <where>", "beginning, end, -1h, or an offset").default("end"))
      .addOption(flag("--max <n>", "end after so many records"))
      .addOption(devFlag("reach")),

  async run(context, [topic], flags) {
    const from = parseTailFrom(String(flags["from"]), systemClock.now(), parseDurationMs);
    if (from === undefined)
      throw usageError(`--from: ${JSON.stringify(flags["from"])} is none of beginning, end, -1h, an offset`);
    const max = countFlag("max", flags["max"]);
    const reach: Reach = await openReach(connectionFlags(flags), flags["dev"] === true, context);
    try {
      await tailTopic(
        {
          broker: reach.broker,
          registry: reach.registry,
          topic: reach.topicName(String(topic)),
          from,
          max,
          print: (line) => context.stdout(`${line}\n`),
          warn: (sentence) => context.stderr(`${sentence}\n`),
        },
        context.stop,
      );
      return exitCodes.ok;
    } finally {
      await reach.close();
    }
  },
};
