/**
 * `npm run bench:scale`: many partitions in one process, and how soon an answer is there. See docs/benchmarks.md.
 *
 *   npm run bench:scale -- [--rounds N] [--seconds N] [--warm-up N] [--idle N] [--rate N] [--only 4x200] [--profile FOLDER]
 *                          [--delivery exactly-once] [--every MS]
 */
import { parseArgs } from "node:util";
import { KafkaNode } from "../test/kafka/harness/node.ts";
import { compileContestants } from "./run-contestant.ts";
import { type ScaleResult, ScaleRun, type ScaleTimes } from "./scale-run.ts";
import { spreadOf, spreadText, tableText } from "./summary.ts";

/** Stages and partitions of each. */
const shapes = [
  { name: "4x200", stages: 4, partitions: 200 },
  { name: "4x4", stages: 4, partitions: 4 },
  { name: "1x4", stages: 1, partitions: 4 },
] as const;
type ShapeName = (typeof shapes)[number]["name"];

const notMeasured = [
  "Medians, in brackets the range. Latency: broker's append time of the output less that of the input, whole ms, open loop;",
  "seen: the same until a reader of what is committed (kafkajs, in the process that feeds) has the record in hand.",
  "Not measured: several brokers, replication, TLS, compression; stages with stores or models; more than one process;",
  "rates near the limit. The broker, the feeder and the stages share the machine's cores.",
].join("\n");

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "60" },
      "warm-up": { type: "string", default: "30" },
      idle: { type: "string", default: "10" },
      rate: { type: "string", default: "2000" },
      delivery: { type: "string", default: "at-least-once" },
      every: { type: "string", default: "100" },
      only: { type: "string" },
      profile: { type: "string" },
    },
  });
  const times: ScaleTimes = {
    idleSeconds: wholeNumber("--idle", values.idle),
    warmUpSeconds: wholeNumber("--warm-up", values["warm-up"]),
    seconds: wholeNumber("--seconds", values.seconds),
    perSecond: wholeNumber("--rate", values.rate),
  };
  const { delivery } = values;
  if (delivery !== "exactly-once" && delivery !== "at-least-once")
    throw new Error(`--delivery: exactly-once or at-least-once, not ${delivery}`);
  const everyMs = wholeNumber("--every", values.every);
  const chosen = shapes.filter(({ name }) => values.only === undefined || values.only === name);
  const flags = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`];
  await compileContestants();
  const broker = await KafkaNode.start({ isOptimised: true });
  try {
    const results = new Map<ShapeName, ScaleResult[]>(chosen.map(({ name }) => [name, []]));
    const runs: { readonly name: ShapeName; readonly run: ScaleRun }[] = [];
    for (const { name, ...shape } of chosen)
      runs.push({
        name,
        run: await ScaleRun.make(broker.bootstrap, { ...shape, delivery, everyMs, name: `scale-${name}` }),
      });
    for (let round = 0; round < wholeNumber("--rounds", values.rounds); round++) {
      for (const { name, run } of round % 2 === 0 ? runs : runs.toReversed()) {
        const result = await run.measure(times, flags);
        process.stderr.write(`${name} ${JSON.stringify(result)}\n`);
        results.get(name)?.push(result);
      }
    }
    for (const { run } of runs) await run.remove();
    process.stdout.write(`${report(results, times)}\n`);
  } finally {
    await broker.remove();
  }
}

function report(results: ReadonlyMap<ShapeName, readonly ScaleResult[]>, times: ScaleTimes): string {
  const head = [
    "stages x partitions",
    "idle, % of a core",
    "busy, % of a core",
    "p50, ms",
    "p99, ms",
    "max, ms",
    "seen p50, ms",
    "seen p99, ms",
    "missing",
    "copies",
    "RSS, MB",
  ];
  const rows = [...results].map(([name, all]) => {
    const spread = (of: (result: ScaleResult) => number, digits: number): string =>
      spreadText(spreadOf(all.map(of)), digits);
    return [
      name,
      spread((result) => result.idleShare * 100, 1),
      spread((result) => result.busyShare * 100, 1),
      spread((result) => result.p50, 0),
      spread((result) => result.p99, 0),
      spread((result) => result.max, 0),
      spread((result) => result.seen50, 0),
      spread((result) => result.seen99, 0),
      String(all.reduce((sum, { missing }) => sum + missing, 0)),
      String(all.reduce((sum, { copies }) => sum + copies, 0)),
      spread((result) => result.rssBytes / 1e6, 0),
    ];
  });
  const busy = (name: ShapeName): number =>
    spreadOf((results.get(name) ?? []).map(({ busyShare }) => busyShare)).median;
  const ratio =
    results.has("4x200") && results.has("4x4")
      ? [`ratio of 4x200 to 4x4, processor time: ${(busy("4x200") / busy("4x4")).toFixed(2)}`]
      : [];
  return [
    "",
    tableText([head, ...rows]),
    "",
    `${times.perSecond} records/s in, ${times.seconds} s after ${times.warmUpSeconds} s of warm-up.`,
    notMeasured,
    ...ratio,
  ].join("\n");
}

function wholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${flag}: a whole number of at least 1 is needed`);
  return number;
}

await main();
