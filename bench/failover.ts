/**
 * `npm run bench:failover`: how long partitions stand still when the process that owns them is killed. See
 * docs/benchmarks.md.
 *
 *   npm run bench:failover -- [--kills N] [--keys N] [--rate N] [--streams-kills N]
 */
import { parseArgs } from "node:util";
import { connect } from "../test/kafka/harness/client.ts";
import { KafkaCluster } from "../test/kafka/harness/cluster.ts";
import { buildMillrace, endWorkers } from "../test/kafka/support/worker-process.ts";
import { type Contestant, replication } from "./failover/contestant.ts";
import { type FailoverResult, measureFailover } from "./failover/failover-run.ts";
import { openMillrace } from "./failover/millrace.ts";
import { quantile } from "./failover/silences.ts";
import { openStreams } from "./failover/streams.ts";
import { tableText } from "./summary.ts";

const notMeasured = [
  "From the kill to the next output that a read-committed reader sees, by partition of the process that was killed; and",
  "by how much the longest silence of any other partition was longer than before. All processes, the three brokers, the",
  "load and the readers share the machine's cores. Not measured: a machine that is lost, brokers that die, TLS.",
].join("\n");

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "50" },
      keys: { type: "string", default: "10000" },
      rate: { type: "string", default: "600" },
      "streams-kills": { type: "string", default: "3" },
    },
  });
  const whole = (name: keyof typeof values): number => {
    const number = Number(values[name]);
    if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name}: ${values[name]} is no whole number`);
    return number;
  };
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const [cluster, millrace] = await Promise.all([
    KafkaCluster.start(replication, { isOptimised: true }),
    buildMillrace(),
  ]);
  const broker = await connect(cluster.bootstrap);
  try {
    const options = { keys: whole("keys"), perSecond: whole("rate"), say };
    const rows: string[][] = [["", "kills", "p50 ms", "p99 ms", "max ms", "survivors + ms"]];
    const measure = async (kills: number, open: () => Promise<Contestant>): Promise<void> => {
      if (kills === 0) return;
      const contestant = await open();
      const result = await measureFailover(broker, cluster.bootstrap, contestant, { ...options, kills });
      rows.push(rowOf(contestant.name, kills, result));
    };
    await measure(whole("kills"), () => openMillrace(broker, cluster.bootstrap, millrace));
    await measure(whole("streams-kills"), () => openStreams(broker, cluster.bootstrap));
    process.stdout.write(`${notMeasured}\n\n${tableText(rows)}\n`);
  } finally {
    await endWorkers();
    await broker.close();
    await cluster.remove();
    await millrace.remove();
  }
}

function rowOf(name: string, kills: number, { untilNext, survivorsExtra }: FailoverResult): string[] {
  const figures = [
    quantile(untilNext, 0.5),
    quantile(untilNext, 0.99),
    Math.max(...untilNext),
    Math.max(...survivorsExtra),
  ];
  return [name, String(kills), ...figures.map((ms) => ms.toFixed(0))];
}

await main();
