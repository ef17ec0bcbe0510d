/** What monitors cost: the chain with all inputs and the score watched, beside the same without, turn by turn. */
import { nodeHasher, systemClock } from "../src/adapters/node/index.ts";
import type { RecordOut } from "../src/kernel/index.ts";
import { decodePartial, isHeartbeat } from "../src/monitor/index.ts";
import { measureAndWrite, ownRecords } from "../src/monitoring/index.ts";
import type { PlannedMonitoring } from "../src/topology/index.ts";
import { benchPlan, besideLoop, type ChainVariant } from "./bench-plan.ts";
import type { CostOptions } from "./cost.ts";
import { evenLoad } from "./events.ts";
import type { JobResult } from "./job.ts";
import { profileReport } from "./report.ts";
import { profileContestant, runContestant } from "./run-contestant.ts";
import { BenchSetUp } from "./set-up.ts";
import { spreadOf, spreadText, tableText } from "./summary.ts";

/** The most of the records per CPU-second that monitors may cost, and bytes per feature and window. */
const costMax = 0.15;
const bytesMax = 1_024;

/** As the file is run by whoever says nothing of commits. */
const shipped: ChainVariant = { ...besideLoop, stage: "unwatched", everyMs: 100, records: 2_000, isVolatile: false };
const settings: readonly { readonly name: string; readonly base: ChainVariant }[] = [
  { name: "as shipped: at least once, changelogs, 100 ms", base: shipped },
  { name: "exactly once, changelogs, 100 ms", base: { ...shipped, delivery: "exactly-once" } },
];

type MonitorsOptions = Omit<CostOptions, "perSecond"> & {
  /** Runs each setting once, watched, under the profiler, and says where its time goes. */
  readonly isProfile: boolean;
};

export async function measureMonitors(options: MonitorsOptions): Promise<string> {
  const head = ["", "1,000 records per CPU-second", "without monitors", "ratio", "promised"];
  const rows: string[][] = [];
  const lines: string[] = [];
  const setUp = await BenchSetUp.make(options.bootstrap, evenLoad);
  try {
    const chain = new WatchedChain(setUp, options);
    await chain.measureBaseline({ ...shipped, stage: "watched", namespace: "bench-baseline" });
    for (const [index, { name, base }] of settings.entries()) {
      if (!name.includes(options.only)) continue;
      if (options.isProfile) {
        lines.push(name, await chain.profile({ ...base, stage: "watched", namespace: `bench-${index}-profile` }));
        continue;
      }
      const results = { base: [] as JobResult[], watched: [] as JobResult[] };
      for (let round = 0; round < options.rounds; round++) {
        // Who goes first changes, so that neither always meets a warmer machine.
        const order = round % 2 === 0 ? (["base", "watched"] as const) : (["watched", "base"] as const);
        for (const which of order) {
          const stage = which === "base" ? base.stage : "watched";
          results[which].push(await chain.run({ ...base, stage, namespace: `bench-${index}-${which}-${round}` }));
        }
      }
      const perCpu = (all: readonly JobResult[]) =>
        spreadOf(all.map(({ window }) => (1e3 * window.records) / window.cpuMicros));
      const ratio = perCpu(results.watched).median / perCpu(results.base).median;
      const spreads = [results.watched, results.base].map((all) => spreadText(perCpu(all), 0));
      rows.push([name, ...spreads, ratio.toFixed(3), (1 - costMax).toFixed(2)]);
      const sizes = chain.takeSizes();
      const size = `${spreadText(spreadOf(sizes), 0)} bytes per feature and window in ${sizes.length} partials`;
      lines.push(`${name}: ${size}, at most ${bytesMax}`);
    }
  } finally {
    await setUp.remove();
  }
  return [
    ...(rows.length === 0 ? [] : [tableText([head, ...rows]), ""]),
    ...lines,
    `${options.records} records a run. Medians, in brackets the range.`,
  ].join("\n");
}

/** Runs of the same payments, each in a namespace of its own, which are all counted in the cells of one baseline. */
class WatchedChain {
  readonly #setUp: BenchSetUp;
  readonly #options: MonitorsOptions;
  #baseline: readonly Pick<RecordOut, "key" | "value">[] = [];
  #sizes: number[] = [];

  constructor(setUp: BenchSetUp, options: MonitorsOptions) {
    this.#setUp = setUp;
    this.#options = options;
  }

  /** The cells that rows are counted in, of what a first run writes. */
  async measureBaseline(variant: ChainVariant): Promise<void> {
    const { broker, registry, signal } = await this.#setUp.surroundings();
    const monitoring = monitoringOf(variant);
    const [monitor] = monitoring.monitors;
    if (monitor === undefined) throw new Error("chain.yaml has no monitors");
    await this.#setUp.open(variant);
    await this.#setUp.produceUntil(this.#options.records);
    await this.#checked(variant, (job) => runContestant("millrace", job));
    const topic = monitoring.topics.baselines.clusterName;
    const by = { broker, registry, topic, clock: systemClock, hasher: nodeHasher, monitor };
    await measureAndWrite(by, { fromMs: 0, toMs: Date.UTC(2100, 0, 1), origin: "the first run" }, signal);
    const records: Pick<RecordOut, "key" | "value">[] = [];
    for await (const { key, value } of ownRecords(broker, topic, signal))
      records.push({ key: Buffer.from(key), value });
    this.#baseline = records;
    await this.#setUp.close(variant);
  }

  async run(variant: ChainVariant): Promise<JobResult> {
    return this.#within(variant, () => this.#checked(variant, (job) => runContestant("millrace", job)));
  }

  async profile(variant: ChainVariant): Promise<string> {
    return this.#within(variant, async () => {
      let report = "";
      await this.#checked(variant, async (job) => {
        const [result, profile] = await profileContestant("millrace", job);
        report = profileReport(result, profile);
        return result;
      });
      return report;
    });
  }

  /** Bytes of each partial per feature, of the runs since this was asked last. */
  takeSizes(): readonly number[] {
    const sizes = this.#sizes;
    this.#sizes = [];
    return sizes;
  }

  async #within<T>(variant: ChainVariant, work: () => Promise<T>): Promise<T> {
    const { broker, signal } = await this.#setUp.surroundings();
    await this.#setUp.open(variant);
    await this.#setUp.produceUntil(this.#options.records);
    const { baselines, partials } = monitoringOf(variant).topics;
    const to = { topic: baselines.clusterName, partition: 0, timestampMs: Date.now() };
    await broker.append(
      this.#baseline.map((record) => ({ ...record, ...to })),
      signal,
    );
    const answer = await work();
    for await (const { value } of ownRecords(broker, partials.clusterName, signal)) {
      const partial = value === null ? undefined : decodePartial(value);
      if (value === null || partial === undefined || isHeartbeat(partial) || partial.counts.length === 0) continue;
      this.#sizes.push(value.length / partial.counts.length);
    }
    await this.#setUp.close(variant);
    return answer;
  }

  /** @throws Error when it did not do every record */
  async #checked(variant: ChainVariant, work: (job: Parameters<typeof runContestant>[1]) => Promise<JobResult>) {
    const { bootstrap, records } = this.#options;
    const result = await work({ bootstrap, folder: this.#setUp.folder, variant, records });
    if (result.in !== records || result.in !== result.out + result.filtered + result.deadLetters)
      throw new Error(`${JSON.stringify(variant)} did not do every record: ${JSON.stringify(result)}`);
    return result;
  }
}

function monitoringOf(variant: ChainVariant): PlannedMonitoring {
  const { monitoring } = benchPlan(variant);
  if (monitoring === undefined) throw new Error("chain.yaml has no monitors");
  return monitoring;
}
