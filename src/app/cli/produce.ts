import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { systemClock } from "../../adapters/node/index.ts";
import { messageOf } from "../../kernel/index.ts";
import { type ExitCode, exitCodes, usageError } from "../exit.ts";
import { feedSample } from "../feed-sample.ts";
import { linesOf } from "../lines.ts";
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
      .addOption(
        flag("--key <field>", "lines are bare values, and this field, or what is at this JSON Pointer, is the key"),
      )
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
    const input = file === "-" ? Readable.from(context.stdin) : await openFile(file);
    try {
      const keyField = typeof flags["key"] === "string" ? flags["key"] : undefined;
      await produceInput(context, flags, String(topic), input, keyField);
    } finally {
      input.destroy();
    }
    if (file === "-" || !context.stop.aborted) return exitCodes.ok;
    context.stderr(`stopped before the end of ${file}\n`);
    return exitCodes.temporary;
  },
};

async function produceInput(
  context: CommandContext,
  flags: Readonly<Record<string, unknown>>,
  topic: string,
  input: Readable,
  keyField: string | undefined,
): Promise<void> {
  const reach = await openReach(connectionFlags(flags), flags["dev"] === true, context);
  try {
    const name = reach.topicName(topic);
    const writer = await createValueWriter(reach.registry, name, context.stop);
    const options = { broker: reach.broker, topic: name, writer, keyField, now: () => systemClock.now() };
    const sent = await produceLines(linesOf(input, context.stop), options, context.stop);
    context.stderr(`${sent} records sent to ${name} as ${writer.isAvro ? "Avro" : "JSON"}\n`);
  } finally {
    await reach.close();
  }
}

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

/** @throws ExitError 64 for a file that cannot be read */
async function openFile(file: string): Promise<Readable> {
  const handle = await open(file).catch((cause: unknown) => {
    throw usageError(`--file: reading ${file}: ${messageOf(cause)}`);
  });
  if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
  await handle.close();
  throw usageError(`--file: ${file} is a folder: name a file of JSON lines in it, or - for standard input`);
}
