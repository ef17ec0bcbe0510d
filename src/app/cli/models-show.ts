import { formatIsoTime, topicPartitionKey } from "../../kernel/index.ts";
import { readBaselines } from "../../monitoring/index.ts";
import type { Alias } from "../../runtime/control/index.ts";
import { readAliases } from "../../runtime/index.ts";
import { adoptionsOf } from "../adoptions.ts";
import { ExitError, exitCodes } from "../exit.ts";
import { parsed, type VersionSummary, versionSummary } from "../model-versions.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { namedModel, type OnModels, onModels, versionArgument, withModels } from "./models.ts";
import { columns as summaryColumns } from "./models-list.ts";
import { withOutput } from "./monitoring.ts";

/** All that is known of a version, as `-o json` prints it. */
interface VersionDetails extends VersionSummary {
  /** The records that point aliases at it: since when, who, what for. */
  readonly pointedAt: readonly Alias[];
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly signature: Readonly<Record<string, unknown>>;
  /** What its learner and others came to on the same rows, and all else of `metrics.json`. */
  readonly measured: Readonly<Record<string, unknown>>;
  /** What the gate said of it; empty where none was asked. */
  readonly gate: Readonly<Record<string, unknown>>;
  /** Baselines that were measured on the rows it learned from. */
  readonly baselines: readonly { readonly monitor: string; readonly origin: string; readonly since: string }[];
  /** From which offsets on tasks have scored with it, in the order in which they said so. */
  readonly adoptions: readonly AdoptedVersion[];
  readonly files: Readonly<Record<string, number>>;
}

interface AdoptedVersion {
  readonly stage: string;
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: number;
  readonly at: string;
  readonly incident: string | null;
}

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withModels(command)).argument("<version>", "version, as `millrace models list` shows it"),

  async run(context, [file, text], flags) {
    const form = outputForm(flags["output"]);
    const version = versionArgument(text);
    const details = await onModels(context, file, flags, (on) =>
      detailsOf(on, namedModel(on.plan, flags).name, version, context.stop),
    );
    context.stdout(form === "table" ? tablesOf(details) : printedRows([details], [], form));
    return exitCodes.ok;
  },
};

async function detailsOf(
  { plan, reach }: OnModels,
  model: string,
  version: number,
  signal: AbortSignal,
): Promise<VersionDetails> {
  const files = await reach.artefacts.read(model, version, signal);
  if (files === undefined)
    throw new ExitError(exitCodes.failure, `model ${model} has no version ${version}`, {
      code: "MR_MODEL",
      hint: "see `millrace models list`",
    });
  const { aliases } = await readAliases(reach.broker, plan.control.clusterName, signal);
  const topic = plan.monitoring?.topics.baselines.clusterName;
  const heads =
    topic === undefined ? [] : [...(await readBaselines(reach.broker, reach.registry, topic, signal)).heads.values()];
  return {
    ...versionSummary(model, version, files, aliases),
    pointedAt: aliases.filter((alias) => alias.model === model && alias.version === version),
    manifest: parsed(files, "manifest.json"),
    signature: parsed(files, "signature.json"),
    measured: parsed(files, "metrics.json"),
    gate: parsed(files, "gate.json"),
    baselines: heads
      .filter(({ id }) => id === `${model}/${version}`)
      .map(({ monitor, origin, atMs }) => ({ monitor, origin, since: formatIsoTime(atMs) })),
    adoptions: (await adoptionsOf(model, version, { plan, reach }, signal)).map(
      ({ stage, topic, partition, fromOffset, atMs, incident }) => ({
        stage,
        topic,
        partition,
        fromOffset,
        at: formatIsoTime(atMs),
        incident,
      }),
    ),
    files: Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.length])),
  };
}

interface Line {
  readonly what: string;
  readonly value: string;
}

const lineColumns: readonly Column<Line>[] = [
  { heading: "WHAT", show: ({ what }) => what },
  { heading: "VALUE", show: ({ value }) => value },
];

function tablesOf(details: VersionDetails): string {
  const { pointedAt, manifest, signature, measured, gate, baselines, adoptions, files } = details;
  const lines = [
    ...pointedAt.map(({ alias, at, by, reason, incident }) => ({
      what: `alias ${alias}`,
      value: [
        `since ${at === undefined ? "-" : formatIsoTime(at)} by ${by ?? "-"}`,
        ...(reason === undefined ? [] : [reason]),
        ...(incident === undefined ? [] : [`incident ${incident}`]),
      ].join(", "),
    })),
    ...linesOf("manifest", manifest),
    ...linesOf("signature", signature),
    ...linesOf("measured", measured),
    ...linesOf("gate", gate),
    ...baselines.map(({ monitor, origin, since }) => ({
      what: `baseline ${monitor}`,
      value: `${origin}, since ${since}`,
    })),
    ...adoptions.map(({ stage, topic, partition, fromOffset, at, incident }) => ({
      what: `adopted ${stage}`,
      value: [
        `${topicPartitionKey(topic, partition)} from offset ${fromOffset} on, at ${at}`,
        ...(incident === null ? [] : [`incident ${incident}`]),
      ].join(", "),
    })),
    ...Object.entries(files).map(([name, bytes]) => ({ what: `file ${name}`, value: `${bytes} bytes` })),
  ];
  return `${printedRows([details], summaryColumns, "table")}\n${printedRows(lines, lineColumns, "table")}`;
}

/** A line per entry; what has entries of its own is in one line, as JSON. */
function linesOf(what: string, entries: Readonly<Record<string, unknown>>): readonly Line[] {
  return Object.entries(entries).map(([name, value]) => ({
    what: `${what} ${name}`,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}
