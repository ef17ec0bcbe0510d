/**
 * `npm run test:faults`: a chain of three stages on three brokers, disturbed by seed, and judged by what is in the logs.
 *
 *   npm run test:faults -- --seed S --kills N [--mode exactly-once|at-least-once] [--rate N] [--keep]
 *
 * Everything comes from outside: signals, connections that are cut or hold a request back, leaders that move. The last
 * line is `mode M records N lost N duplicates N kills N in-commit N moves N freezes N`. Ends with 1 when something is
 * lost, copied (exactly-once) or wrong, when a worker ended by itself, when fewer disturbances happened than were asked
 * for, or when fewer than 500 records passed for each kill.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { seededRng } from "../../src/kernel/index.ts";
import { connect } from "../kafka/harness/client.ts";
import { KafkaCluster } from "../kafka/harness/cluster.ts";
import { buildMillrace, endWorkers } from "../kafka/support/worker-process.ts";
import { type DisturbanceKind, planDisturbances } from "./disturbances.ts";
import { Disturber } from "./disturber.ts";
import { type Delivery, deliveries, Shop } from "./shop.ts";
import { judge, type Verdict } from "./verdict.ts";
import { WorkerSlot } from "./worker-slot.ts";

const workers = 3;
const readyMsMax = 90_000;
const workedOffMsMax = 180_000;
const recordsPerKillMin = 500;
/** Records of one send. */
const burst = 50;

interface Asked {
  readonly seed: number;
  readonly kills: number;
  readonly delivery: Delivery;
  readonly perSecond: number;
  readonly keep: boolean;
}

function asked(): Asked {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      kills: { type: "string", default: "20" },
      mode: { type: "string", default: "exactly-once" },
      rate: { type: "string", default: "800" },
      keep: { type: "boolean", default: false },
    },
  });
  const delivery = deliveries.find((name) => name === values.mode);
  if (delivery === undefined) throw new Error(`--mode: ${deliveries.join(" or ")}, not ${values.mode}`);
  const [seed, kills, perSecond] = [Number(values.seed), Number(values.kills), Number(values.rate)];
  if (![seed, kills, perSecond].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error("--seed, --kills and --rate are whole numbers of at least 1");
  return { seed, kills, delivery, perSecond, keep: values.keep };
}

async function main(): Promise<void> {
  const { seed, kills, delivery, perSecond, keep } = asked();
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const plan = planDisturbances(seededRng(seed), kills);
  say(`seed ${seed}: ${plan.length} disturbances, ${kills} of them kills, ${perSecond} records/s`);
  const [cluster, millrace] = await Promise.all([KafkaCluster.start(3, { roads: workers }), buildMillrace()]);
  const broker = await connect(cluster.bootstrap);
  const slots: WorkerSlot[] = [];
  try {
    const shop = await Shop.open(broker, delivery);
    for (let road = 0; road < workers; road++)
      slots.push(await WorkerSlot.open(road, { cluster, shop, millrace, delivery }));
    for (const slot of slots) slot.start();
    for (const slot of slots) await slot.worker.ready(readyMsMax);
    const load = new AbortController();
    const loading = keepSending(shop, seed, perSecond, load.signal);
    const disturber = new Disturber({ cluster, slots, shop, say });
    for (const disturbance of plan) {
      await disturber.disturb(disturbance);
      await delay(disturbance.pauseMs);
    }
    load.abort();
    await loading;
    say(`${shop.sent} records sent; working them off`);
    await shop.workedOff(workedOffMsMax).catch(async (error: unknown) => {
      for (const line of await shop.backlog()) say(line);
      for (const slot of slots) for (const line of slot.worker.lastLines) say(`${slot.name}: ${line}`);
      throw error;
    });
    for (const slot of slots) await slot.stop();
    const verdict = await judge(broker, shop, delivery);
    if (verdict.wrong > 0) say(`${verdict.wrong} rows are not what their input makes them`);
    for (const line of verdict.found) say(line);
    const deaths = slots.flatMap((slot) => slot.deaths);
    for (const line of deaths) say(line);
    process.stdout.write(`${lastLine(delivery, verdict, disturber.done)}\n`);
    const isAsDisturbed = disturber.missed === 0 && verdict.records >= recordsPerKillMin * kills;
    if (!isAsDisturbed) say(`${disturber.missed} disturbances did not happen, or too few records passed`);
    const isRight = verdict.lost + verdict.wrong + (delivery === "exactly-once" ? verdict.duplicates : 0) === 0;
    process.exitCode = isRight && isAsDisturbed && deaths.length === 0 ? 0 : 1;
    if (keep) {
      say(`kept until this process ends: ${cluster.bootstrap}`);
      await new Promise(() => setInterval(() => undefined, 60_000));
    }
    await shop.remove();
  } finally {
    await endWorkers();
    for (const slot of slots) await slot.close();
    await broker.close();
    await cluster.remove();
    await millrace.remove();
  }
}

async function keepSending(shop: Shop, seed: number, perSecond: number, ended: AbortSignal): Promise<void> {
  const rng = seededRng(seed + 1);
  const startMs = performance.now();
  while (!ended.aborted) {
    await shop.send(rng, burst);
    await delay(Math.max(0, startMs + (shop.sent / perSecond) * 1_000 - performance.now()));
  }
}

function lastLine(delivery: Delivery, verdict: Verdict, done: ReadonlyMap<DisturbanceKind, number>): string {
  const count = (...kinds: DisturbanceKind[]): number => kinds.reduce((sum, kind) => sum + (done.get(kind) ?? 0), 0);
  const { records, lost, duplicates } = verdict;
  return [
    `mode ${delivery} records ${records} lost ${lost} duplicates ${duplicates}`,
    `kills ${count("kill", "kill-in-commit")} in-commit ${count("kill-in-commit")}`,
    `moves ${count("move")} freezes ${count("freeze", "broker-freeze")}`,
  ].join(" ");
}

await main();
