import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { systemClock } from "../../adapters/node/index.ts";
import { exitCodes, usageError } from "../exit.ts";
import { produceLines } from "../produce.ts";
import { openReach } from "../reach.ts";
import { createValueWriter } from "../record-values.ts";
import { type CommandContext, type CommandDefinition, connectionFlags, flag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<topic>", "topic as it is named on the cluster, without the namespace")
      .addOption(flag("--file <file>", "JSON lines to send; - reads standard input"))
      .addOption(flag("--key <field>", "lines are bare values, and this field is the key"))
      .option("--dev", "reach the dev session of this folder"),

  async run(context, [topic], flags) {
    const file = flags["file"];
    if (typeof file !== "string") throw usageError("--file is needed: a file of JSON lines, or - for standard input");
    const reach = await openReach(connectionFlags(flags), flags["dev"] === true, context);
    try {
      const name = reach.topicName(String(topic));
      const writer = await createValueWriter(reach.registry, name, context.stop);
      const sent = await produceLines(
        linesOf(file, context),
        {
          broker: reach.broker,
          topic: name,
          writer,
          keyField: typeof flags["key"] === "string" ? flags["key"] : undefined,
          now: () => systemClock.now(),
        },
        context.stop,
      );
      context.stderr(`${sent} records sent to ${name} as ${writer.isAvro ? "Avro" : "JSON"}\n`);
      return exitCodes.ok;
    } finally {
      await reach.close();
    }
  },
};

function linesOf(file: string, context: CommandContext): AsyncIterable<string> {
  const input = file === "-" ? Readable.from(context.stdin) : createReadStream(file);
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}
