import { systemClock } from "../../adapters/node/index.ts";
import { exitCodes } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { type OutputForm, outputForm, printedRows } from "../printed-rows.ts";
import { openReach } from "../reach.ts";
import { type Reconciliation, reconcile } from "../reconcile.ts";
import { type CommandDefinition, connectionFlags, devFlag, flag, timeFlag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--from <time>", "count from the first account that was left at this time or later, ISO 8601"))
      .addOption(flag("--to <time>", "count up to the last account that was left by this time, ISO 8601"))
      .addOption(flag("-o, --output <form>", "table, json or jsonl").default("table"))
      .addOption(devFlag("recount")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const named = connectionFlags(flags);
    const dev = flags["dev"] === true;
    const [fromMs, toMs] = [timeFlag("from", flags), timeFlag("to", flags)];
    // A dev session has a broker to itself and no namespace.
    const loaded = loadFilePlan(String(file), context.environment, dev ? "" : named.namespace);
    const reach = await openReach(named, dev, context);
    try {
      const plan = await loaded.against(reach.registry, context.stop);
      const { broker, registry } = reach;
      const found = await reconcile({ plan, broker, registry, fromMs, toMs, nowMs: systemClock.now() }, context.stop);
      context.stdout(reconciliationText(found, form));
      return differs(found) ? exitCodes.failure : exitCodes.ok;
    } finally {
      await reach.close();
    }
  },
};

function differs({ partitions, strays }: Reconciliation): boolean {
  return strays.length > 0 || partitions.some(({ differences }) => differences.length > 0);
}

/** A partition of a stage's input, or an output with strays, as JSON has it. */
function rowsOf({ partitions, strays }: Reconciliation): readonly object[] {
  return [
    ...partitions.map(({ stage, partition, counted, lacking, differences }) => ({
      stage,
      partition,
      from: counted?.range.from ?? null,
      to: counted?.range.to ?? null,
      logs: counted?.recount.counts ?? null,
      account: counted?.range.counts ?? null,
      repeats: counted?.recount.repeats ?? null,
      lacking: lacking ?? null,
      differences,
    })),
    ...strays.map((stray) => ({ ...stray, differences: [strayText(stray)] })),
  ];
}

function strayText({ topic, count }: Reconciliation["strays"][number]): string {
  return `${count} records of topic ${topic} come from no record of the input`;
}

const heads = ["stage", "partition", "from", "to", "in", "out", "filtered", "late", "dead letters", "verdict"];

/** What was found, for people or for programs; ends with a line end. */
export function reconciliationText(found: Reconciliation, form: OutputForm): string {
  const rows = rowsOf(found);
  if (form !== "table") return printedRows(rows, [], form);
  const { partitions, strays } = found;
  const lines = partitions.map(({ stage, partition, counted, lacking, differences }) => {
    const verdict = lacking === undefined ? differences.join("; ") || "agrees" : `not counted: ${lacking}`;
    if (counted === undefined) return [stage, String(partition), "-", "-", "-", "-", "-", "-", "-", verdict];
    const { range, recount } = counted;
    const { in: read, out, filtered, late, deadLetters } = recount.counts;
    return [stage, ...[partition, range.from, range.to, read, out, filtered, late, deadLetters].map(String), verdict];
  });
  const differing = partitions.filter(({ differences }) => differences.length > 0).length;
  const uncounted = partitions.filter(({ counted }) => counted === undefined).length;
  const total = `partitions ${partitions.length} differing ${differing} not counted ${uncounted} strays ${strays.reduce((sum, { count }) => sum + count, 0)}`;
  const sentences = strays.map((stray) => `${stray.stage}: ${strayText(stray)}`);
  return `${[...table([heads, ...lines]), ...sentences, total].join("\n")}\n`;
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
