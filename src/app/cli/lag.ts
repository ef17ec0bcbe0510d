import { systemClock } from "../../adapters/node/index.ts";
import { formatDurationMs, parseDurationMs } from "../../kernel/index.ts";
import { LagWatch, type StageLag } from "../../monitoring/index.ts";
import { exitCodes, usageError } from "../exit.ts";
import { loadPlan } from "../load-topology.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { openReach } from "../reach.ts";
import { type CommandDefinition, connectionFlags, devFlag, flag, withConnection } from "./command.ts";

const columns: readonly Column<StageLag>[] = [
  { heading: "STAGE", show: ({ stage }) => stage },
  { heading: "GROUP", show: ({ group }) => group },
  { heading: "TOPIC", show: ({ topic }) => topic },
  { heading: "MEMBERS", show: ({ members }) => members },
  { heading: "LAG", show: ({ records }) => records },
  { heading: "STATUS", show: ({ status }) => status },
  { heading: "WORST", show: ({ partitions }) => worstOf(partitions) },
  {
    heading: "CAUGHT UP IN",
    show: ({ catchUpMs }) => (catchUpMs === null ? "-" : formatDurationMs(Math.ceil(catchUpMs / 1_000) * 1_000)),
  },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--watch", "look again and again until stopped"))
      .addOption(flag("--every <duration>", "time between two looks").default("10s"))
      .addOption(flag("-o, --output <form>", "table, json or jsonl").default("table"))
      .addOption(devFlag("ask")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const everyMs = parseDurationMs(String(flags["every"]));
    if (everyMs === undefined || everyMs <= 0)
      throw usageError(`--every: ${JSON.stringify(flags["every"])} is no time`);
    const connection = connectionFlags(flags);
    const dev = flags["dev"] === true;
    // A dev session has a broker to itself and no namespace.
    const plan = loadPlan(String(file), context.environment, dev ? "" : connection.namespace);
    const reach = await openReach(connection, dev, context);
    try {
      const watch = new LagWatch(plan, reach.broker.admin);
      for (;;) {
        context.stdout(printedRows(await watch.look(systemClock.now(), context.stop), columns, form));
        if (flags["watch"] !== true) return exitCodes.ok;
        await systemClock.sleep(everyMs, context.stop);
        if (form === "table") context.stdout("\n");
      }
    } finally {
      await reach.close();
    }
  },
};

/** The partition that is furthest behind. */
function worstOf(partitions: StageLag["partitions"]): string {
  const [worst] = partitions.filter(({ records }) => records > 0).sort((a, b) => b.records - a.records);
  return worst === undefined ? "-" : `partition ${worst.partition}: ${worst.records}`;
}
