import { besideLoop, type ChainVariant } from "./bench-plan.ts";
import { evenLoad, type PaymentLoad } from "./events.ts";
import type { JobResult } from "./job.ts";
import { runContestant } from "./run-contestant.ts";
import { BenchSetUp } from "./set-up.ts";
import { spreadOf, spreadText, tableText } from "./summary.ts";

/** So many that the time decides when a chunk ends. */
const recordsMax = 1_000_000;

/** Two variants of the same stage over the same records, of which the second costs something that is asked for. */
export interface Comparison {
  readonly name: string;
  readonly load: PaymentLoad;
  readonly base: ChainVariant;
  readonly costly: ChainVariant;
  /** The least of the second's records per CPU-second over the first's that is promised. */
  readonly promised: number;
}

function deliveries(partitions: number, everyMs: number, promised: number): Comparison {
  const base: ChainVariant = { ...besideLoop, everyMs, partitions, records: recordsMax };
  return {
    name: `exactly once, ${partitions} tasks, ${everyMs} ms`,
    load: { ...evenLoad, partitions },
    base,
    costly: { ...base, delivery: "exactly-once" },
    promised,
  };
}

/** Both exactly once, so that only the changelog is between them. */
function changelogs(name: string, load: PaymentLoad): Comparison {
  const { partitions } = load;
  const base: ChainVariant = {
    ...besideLoop,
    stage: "features",
    delivery: "exactly-once",
    everyMs: 100,
    records: recordsMax,
    partitions,
  };
  return { name: `changelog, ${name}`, load, base, costly: { ...base, isVolatile: false }, promised: 0.75 };
}

const comparisons: readonly Comparison[] = [
  deliveries(4, 100, 0.92),
  deliveries(4, 10, 0.8),
  deliveries(64, 100, 0.8),
  changelogs("75,000 keys", { ...evenLoad, cards: 75_000 }),
  changelogs("one key with half of the records", { ...evenLoad, cards: 75_000, hotShare: 0.5 }),
];

export interface CostOptions {
  readonly bootstrap: string;
  readonly rounds: number;
  /** Of each run. */
  readonly records: number;
  /** Records that arrive per second; 0: all of them are there before. */
  readonly perSecond: number;
  /** Text in the names of the comparisons that are run. */
  readonly only: string;
}

/** What a delivery and changelogs cost: each comparison on topics of its own, its two variants turn by turn. */
export async function measureCosts(options: CostOptions): Promise<string> {
  const head = ["", "1,000 records per CPU-second", "beside", "chunks per second", "beside", "ratio", "promised"];
  const rows: string[][] = [];
  for (const comparison of comparisons.filter(({ name }) => name.includes(options.only))) {
    const { base, costly } = await compared(comparison, options);
    const perCpu = (all: readonly JobResult[]) =>
      spreadOf(all.map(({ window }) => (1e3 * window.records) / window.cpuMicros));
    const perSecond = (all: readonly JobResult[]) => spreadOf(all.map(chunksPerSecond));
    rows.push([
      comparison.name,
      spreadText(perCpu(costly), 0),
      spreadText(perCpu(base), 0),
      spreadText(perSecond(costly), 0),
      spreadText(perSecond(base), 0),
      (perCpu(costly).median / perCpu(base).median).toFixed(2),
      comparison.promised.toFixed(2),
    ]);
  }
  const { records, perSecond } = options;
  return [
    tableText([head, ...rows]),
    "",
    `${records} records a run, ${perSecond === 0 ? "all there before" : `${perSecond} a second`}.`,
    "Medians, in brackets the range. Beside: the same commit settings at least once, or without a changelog.",
    "One broker, replication 1, which shares the machine's cores; the processor time is that of the stage's process.",
  ].join("\n");
}

async function compared(comparison: Comparison, options: CostOptions) {
  const setUp = await BenchSetUp.make(options.bootstrap, comparison.load);
  const results = { base: [] as JobResult[], costly: [] as JobResult[] };
  try {
    for (let round = 0; round < options.rounds; round++) {
      // Who goes first changes, so that neither always meets a warmer machine.
      const order = round % 2 === 0 ? (["base", "costly"] as const) : (["costly", "base"] as const);
      for (const which of order) {
        const variant = { ...comparison[which], namespace: `bench-${which}-${round}` };
        results[which].push(await measured(setUp, variant, options));
      }
    }
    return results;
  } finally {
    await setUp.remove();
  }
}

/** One run on topics of its own: the payments arrive anew, and nothing is remembered. @throws Error when it did not do every record */
async function measured(setUp: BenchSetUp, variant: ChainVariant, { bootstrap, records, perSecond }: CostOptions) {
  await setUp.open(variant);
  if (perSecond === 0) await setUp.produceUntil(records);
  const running = runContestant("millrace", { bootstrap, folder: setUp.folder, variant, records });
  const [result] = await Promise.all([running, perSecond === 0 ? undefined : setUp.feedUntil(records, perSecond)]);
  if (result.in !== records || result.in !== result.out + result.filtered + result.deadLetters)
    throw new Error(`${JSON.stringify(variant)} did not do every record: ${JSON.stringify(result)}`);
  await setUp.close(variant);
  return result;
}

/** Of the whole run, as commits are counted from its start, at the speed of its window. */
function chunksPerSecond({ commits = 0, window, in: records }: JobResult): number {
  return (1e6 * commits * window.records) / records / window.wallMicros;
}
