/**
 * `npm run test:upgrade`: three workers of the version before state was written down are replaced under load, one after
 * the other, by workers of this one, with either delivery.
 *
 *   npm run test:upgrade -- [--mode exactly-once|at-least-once] [--rate N]
 *
 * The last line is `upgrade to M records N lost N duplicates N`; ends with 1 when something is lost, when a worker ended
 * by itself, or when the chain came to a standstill. Copies are those of at least once, while both versions run, and
 * windows begin anew, since the older version kept them in memory alone. It takes the older version out of the history,
 * which a shallow clone does not have; so it is no part of CI.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "../kafka/harness/client.ts";
import { KafkaCluster } from "../kafka/harness/cluster.ts";
import { mustRun } from "../kafka/support/command.ts";
import { buildMillrace, buildOlderMillrace, endWorkers } from "../kafka/support/worker-process.ts";
import { type Contestant, millraceOf } from "./contestants.ts";
import { keepSending, workedOff } from "./load.ts";
import { type Delivery, deliveries, Shop } from "./shop.ts";
import { judge } from "./verdict.ts";
import { WorkerSlot } from "./worker-slot.ts";

/** The last commit of the version without exactly-once and without changelogs. */
const olderCommit = "5850f7d";
const workers = 3;
const readyMsMax = 240_000;
/** Between two replacements, so that both versions work side by side. */
const betweenMs = 4_000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { mode: { type: "string", default: "exactly-once" }, rate: { type: "string", default: "400" } },
  });
  const delivery = deliveries.find((name) => name === values.mode);
  if (delivery === undefined) throw new Error(`--mode: one of ${deliveries.join(", ")}, not ${values.mode}`);
  const [cluster, newer, older] = await Promise.all([
    KafkaCluster.start(3, { roads: workers, configs: { "min.insync.replicas": "2" } }),
    buildMillrace(),
    buildOlderMillrace(olderCommit),
  ]);
  try {
    const replaced = new Set<string>();
    const newcomer = millraceOf(newer);
    const predecessor = millraceOf(older, (shop) => shop.olderFile);
    const contestant: Contestant = {
      ...newcomer,
      start: (name, ...rest) => (replaced.has(name) ? newcomer : predecessor).start(name, ...rest),
    };
    const upgrade = { cluster, contestant, older: older.entry, replaced, delivery, perSecond: Number(values.rate) };
    const { line, isPassed } = await upgraded(upgrade);
    process.stdout.write(`${line}\n`);
    process.exitCode = isPassed ? 0 : 1;
  } finally {
    await endWorkers();
    await cluster.remove();
    await Promise.all([newer.remove(), older.remove()]);
  }
}

interface Upgrade {
  readonly cluster: KafkaCluster;
  readonly contestant: Contestant;
  /** The older version's program, for its `apply`. */
  readonly older: string;
  /** Names of the slots that have a worker of this version. */
  readonly replaced: Set<string>;
  readonly delivery: Delivery;
  readonly perSecond: number;
}

async function upgraded({ cluster, contestant, older, replaced, delivery, perSecond }: Upgrade) {
  const logs = join(import.meta.dirname, "../../.millrace/faults", `upgrade-${delivery}`);
  await mkdir(logs, { recursive: true });
  const broker = await connect(cluster.bootstrap);
  const slots: WorkerSlot[] = [];
  try {
    const shop = await Shop.prepare(broker, delivery, "upgrade");
    const where = ["--brokers", cluster.bootstrap, "--registry", shop.registry];
    await mustRun(process.execPath, [older, "apply", shop.olderFile, ...where], { cwd: import.meta.dirname });
    for (let road = 0; road < workers; road++)
      slots.push(await WorkerSlot.open(road, { cluster, shop, contestant, delivery, logs }));
    for (const slot of slots) slot.start();
    for (const slot of slots) await slot.worker.ready(readyMsMax);
    const load = new AbortController();
    const loading = keepSending(shop, { seed: 1, perSecond, say }, load.signal);
    try {
      await delay(betweenMs);
      await shop.apply();
      for (const slot of slots) {
        await slot.stop();
        replaced.add(slot.name);
        slot.start();
        await slot.worker.ready(readyMsMax);
        say(`${slot.name} is of this version`);
        await delay(betweenMs);
      }
    } finally {
      load.abort();
      await loading;
    }
    const stuck = await workedOff(shop);
    const deaths = slots.flatMap((slot) => slot.deaths);
    for (const slot of slots) await slot.stop();
    const { records, lost, duplicates, wrong, found } = await judge(broker, shop);
    for (const line of [...found.filter((one) => one.startsWith("lost")), ...deaths, ...stuck]) say(line);
    say(`${wrong} rows of windows that began anew`);
    await shop.remove();
    return {
      line: `upgrade to ${delivery} records ${records} lost ${lost} duplicates ${duplicates}`,
      isPassed: lost === 0 && records > 0 && deaths.length + stuck.length === 0,
    };
  } finally {
    for (const slot of slots) await slot.close();
    await broker.close();
  }
}

await main();
