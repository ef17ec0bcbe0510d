import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { systemClock } from "../../adapters/node/index.ts";
import { type ExitCode, exitCodes, usageError } from "../exit.ts";
import { feedSample } from "../feed-sample.ts";
import { loadPlan } from "../load-topology.ts";
import { produceLines } from "../produce.ts";
import { openReach } from "../reach.ts";
import { createValueWriter } from "../record-values.ts";
import {
  type CommandContext,
  type CommandDefinition,
  connectionFlags,
  countFlag,
  devFlag,
  flag,
  withConnection,
} from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("[topic]", "topic as it is named on the cluster, without the namespace")
      .addOption(flag("--file <file>", "JSON lines to send; - reads standard input"))
      .addOption(flag("--key <field>", "lines are bare values, and this field is the key"))
      .addOption(
        flag("--sample <topology>", "send the stock events of a topology file to its external topics, at its rate"),
      )
      .addOption(flag("--max <n>", "with --sample: so many events at once, dated up to now"))
      .addOption(devFlag("reach")),

  async run(context, [topic], flags) {
    if (flags["sample"] !== undefined) return produceSample(context, topic, flags);
    if (topic === undefined) throw usageError("a topic is needed, or --sample FILE");
    if (flags["max"] !== undefined) throw usageError("--max goes with --sample");
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

async function produceSample(
  context: CommandContext,
  topic: unknown,
  flags: Readonly<Record<string, unknown>>,
): Promise<ExitCode> {
  if (topic !== undefined || flags["file"] !== undefined || flags["key"] !== undefined)
    throw usageError("--sample knows its topics and values: it takes no topic, --file or --key");
  const max = countFlag("max", flags["max"]);
  const named = connectionFlags(flags);
  const dev = flags["dev"] === true;
  const plan = loadPlan(String(flags["sample"]), context.environment, dev ? "" : named.namespace);
  const reach = await openReach(named, dev, context);
  try {
    const sent = await feedSample(
      {
        plan,
        broker: reach.broker,
        clock: systemClock,
        isPaced: max === undefined,
        ...(max === undefined ? {} : { max }),
      },
      context.stop,
    );
    context.stderr(`${sent} sample events of ${plan.topology} sent\n`);
    return exitCodes.ok;
  } finally {
    await reach.close();
  }
}

/** The interface is made when the first line is asked for: one made earlier loses what arrives before that. */
async function* linesOf(file: string, context: CommandContext): AsyncGenerator<string> {
  const input = file === "-" ? Readable.from(context.stdin) : createReadStream(file);
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}
