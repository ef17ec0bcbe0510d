/** What monitors cost: the chain with all inputs and the score watched, beside the same without, turn by turn. */
import { nodeHasher, systemClock } from "../src/adapters/node/index.ts";
import { decodePartial, isHeartbeat } from "../src/monitor/index.ts";
import { measureAndWrite, ownRecords } from "../src/monitoring/index.ts";
import { changelogsOf, clusterNamesOf } from "../src/topology/index.ts";
import { benchPlan, benchStage, besideLoop, type ChainVariant } from "./bench-plan.ts";
import type { CostOptions } from "./cost.ts";
import { evenLoad } from "./events.ts";
import type { JobResult } from "./job.ts";
import { runContestant } from "./run-contestant.ts";
import { BenchSetUp } from "./set-up.ts";
import { spreadOf, spreadText, tableText } from "./summary.ts";

/** The most of the records per CPU-second that monitors may cost, and bytes per feature and window. */
const costMax = 0.15;
const bytesMax = 1_024;

/** As the file is run by whoever says nothing of commits, and as beside the hand-written loop. */
const settings: readonly { readonly name: string; readonly base: ChainVariant }[] = [
  {
    name: "as shipped: at least once, changelogs, 100 ms",
    base: { ...besideLoop, stage: "unwatched", everyMs: 100, records: 2_000, isVolatile: false },
  },
  {
    name: "exactly once, changelogs, 100 ms",
    base: {
      ...besideLoop,
      stage: "unwatched",
      delivery: "exactly-once",
      everyMs: 100,
      records: 2_000,
      isVolatile: false,
    },
  },
];

export async function measureMonitors(options: Omit<CostOptions, "perSecond">): Promise<string> {
  const head = ["", "1,000 records per CPU-second", "without monitors", "ratio", "promised"];
  const rows: string[][] = [];
  const lines: string[] = [];
  for (const { name, base } of settings.filter((setting) => setting.name.includes(options.only))) {
    const setUp = await BenchSetUp.make(options.bootstrap, evenLoad);
    const watched: ChainVariant = { ...base, stage: "watched" };
    try {
      await setUp.produceUntil(options.records);
      await measured(setUp, watched, options);
      await writeBaseline(setUp, watched);
      const results = { base: [] as JobResult[], watched: [] as JobResult[] };
      for (let round = 0; round < options.rounds; round++) {
        // Who goes first changes, so that neither always meets a warmer machine.
        const order = round % 2 === 0 ? (["base", "watched"] as const) : (["watched", "base"] as const);
        for (const which of order)
          results[which].push(await measured(setUp, which === "base" ? base : watched, options));
      }
      const perCpu = (all: readonly JobResult[]) =>
        spreadOf(all.map(({ window }) => (1e3 * window.records) / window.cpuMicros));
      const ratio = perCpu(results.watched).median / perCpu(results.base).median;
      const spreads = [results.watched, results.base].map((all) => spreadText(perCpu(all), 0));
      rows.push([name, ...spreads, ratio.toFixed(3), (1 - costMax).toFixed(2)]);
      lines.push(`${name}: ${await partialsText(setUp, watched)}`);
    } finally {
      await setUp.deleteTopics([setUp.loopTopic, ...clusterNamesOf(benchPlan(base))]);
      await setUp.remove();
    }
  }
  return [
    tableText([head, ...rows]),
    "",
    ...lines,
    `${options.records} records a run. Medians, in brackets the range.`,
  ].join("\n");
}

/** One run over the same payments, of a stage that remembers nothing. @throws Error when it did not do every record */
async function measured(
  setUp: BenchSetUp,
  variant: ChainVariant,
  { bootstrap, records }: Pick<CostOptions, "bootstrap" | "records">,
): Promise<JobResult> {
  const plan = benchPlan(variant);
  await setUp.forgetGroup(benchStage(plan, variant.stage).group);
  await setUp.deleteTopics(changelogsOf(plan).map(({ changelog }) => changelog.clusterName));
  await setUp.apply(plan);
  const result = await runContestant("millrace", { bootstrap, folder: setUp.folder, variant, records });
  if (result.in !== records || result.in !== result.out + result.filtered + result.deadLetters)
    throw new Error(`${JSON.stringify(variant)} did not do every record: ${JSON.stringify(result)}`);
  return result;
}

/** The cells that rows are counted in, of what a run has written. */
async function writeBaseline(setUp: BenchSetUp, variant: ChainVariant): Promise<void> {
  const { monitoring } = benchPlan(variant);
  const [monitor] = monitoring?.monitors ?? [];
  if (monitoring === undefined || monitor === undefined) throw new Error("chain.yaml has no monitors");
  const { broker, registry, signal } = await setUp.surroundings();
  const topic = monitoring.topics.baselines.clusterName;
  const by = { broker, registry, topic, clock: systemClock, hasher: nodeHasher, monitor };
  const whole = { fromMs: 0, toMs: Date.UTC(2100, 0, 1), origin: "the first run" };
  await measureAndWrite(by, whole, signal);
}

/** How large what is told of a feature and a window is. */
async function partialsText(setUp: BenchSetUp, variant: ChainVariant): Promise<string> {
  const { broker, signal } = await setUp.surroundings();
  const { monitoring } = benchPlan(variant);
  const topic = monitoring?.topics.partials.clusterName ?? "";
  const sizes: number[] = [];
  for await (const { value } of ownRecords(broker, topic, signal)) {
    const partial = value === null ? undefined : decodePartial(value);
    if (value === null || partial === undefined || isHeartbeat(partial) || partial.counts.length === 0) continue;
    sizes.push(value.length / partial.counts.length);
  }
  const spread = spreadOf(sizes);
  return `${spreadText(spread, 0)} bytes per feature and window in ${sizes.length} partials, at most ${bytesMax}`;
}
