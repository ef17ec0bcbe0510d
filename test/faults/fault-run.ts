import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seededRng } from "../../src/kernel/index.ts";
import { connect } from "../kafka/harness/client.ts";
import type { KafkaCluster } from "../kafka/harness/cluster.ts";
import type { FaultRun } from "./asked.ts";
import type { Contestant } from "./contestants.ts";
import { planDisturbances } from "./disturbances.ts";
import { Disturber } from "./disturber.ts";
import { keepSending, workedOff } from "./load.ts";
import { type Outcome, recordsPerKillMin } from "./outcome.ts";
import { Shop } from "./shop.ts";
import { judge, judgeAccounts } from "./verdict.ts";
import { WorkerSlot } from "./worker-slot.ts";

/** How many there are at a time. */
export const workers = 3;
const readyMsMax = 240_000;
const lookedAgainMs = 100;

export interface FaultRunOptions {
  readonly seed: number;
  readonly perSecond: number;
  readonly cluster: KafkaCluster;
  readonly contestant: Contestant;
  /** Of topics and groups. */
  readonly namespace: string;
  readonly say: (text: string) => void;
}

/** Runs and disturbs one chain under load, and judges what it left. */
export async function runFaults({ delivery, kills }: FaultRun, options: FaultRunOptions): Promise<Outcome> {
  const { seed, perSecond, cluster, contestant, namespace, say } = options;
  const plan = planDisturbances(seededRng(seed), kills);
  say(`${delivery}, seed ${seed}: ${plan.length} disturbances, ${kills} of them kills, ${perSecond} records/s`);
  const logs = join(import.meta.dirname, "../../.millrace/faults", `${delivery}-${seed}`);
  await rm(logs, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
  const broker = await connect(cluster.bootstrap);
  const slots: WorkerSlot[] = [];
  try {
    const shop = await Shop.prepare(broker, delivery, namespace);
    await shop.apply();
    for (let road = 0; road < workers; road++)
      slots.push(await WorkerSlot.open(road, { cluster, shop, contestant, delivery, logs }));
    for (const slot of slots) slot.start();
    for (const slot of slots) await slot.worker.ready(readyMsMax);
    const disturber = new Disturber({ cluster, slots, shop, say });
    const load = new AbortController();
    const loading = keepSending(shop, options, load.signal);
    try {
      for (const disturbance of plan) {
        await disturber.disturb(disturbance);
        await delay(disturbance.pauseMs);
        // Each kill meets its share of the records, however slowly they are written.
        while (shop.sent < recordsPerKillMin * disturber.kills) await delay(lookedAgainMs);
      }
    } finally {
      load.abort();
      await loading;
    }
    say(`${shop.sent} records sent; working them off`);
    const stuck = await workedOff(shop);
    const deaths = slots.flatMap((slot) => slot.deaths);
    if (stuck.length > 0) say(`what workers said is in ${logs}`);
    else for (const slot of slots) await slot.stop();
    const verdict = await judge(broker, shop);
    // Accounts of what still runs are those of a moment that is over when the topics are read.
    const accounts = stuck.length === 0 && contestant.leavesAccounts ? await judgeAccounts(broker, shop) : [];
    await shop.remove();
    return { verdict, done: disturber.done, missed: disturber.missed, accounts, deaths: [...deaths, ...stuck] };
  } finally {
    for (const slot of slots) await slot.close();
    await broker.close();
  }
}
