import { setTimeout as delay } from "node:timers/promises";
import kafkajs from "kafkajs";
import type { Broker } from "../../src/runtime/index.ts";
import { stockKafka } from "../../test/kafka/harness/client.ts";
import { eventually } from "../../test/support/deadline.ts";
import { type Contestant, partitions, slots } from "./contestant.ts";
import { Load } from "./load.ts";
import { longestSilence, nextAfterDeath } from "./silences.ts";

/** What a dead process has committed is seen this long after its death at the latest. */
const lingerMs = 300;
/** How long survivors are looked at before and after a kill. */
const windowMs = 5_000;
/** Between the return of a process and the next kill. */
const settleMs = 5_000;
const workedOffMsMax = 900_000;
const nextMsMax = 300_000;

export interface FailoverOptions {
  readonly kills: number;
  readonly keys: number;
  readonly perSecond: number;
  say(text: string): void;
}

/** In ms. */
export interface FailoverResult {
  /** Of each partition of each process that was killed, until its next output. */
  readonly untilNext: readonly number[];
  /** Of each kill, by how much the longest silence of any other partition was longer after it than before. */
  readonly survivorsExtra: readonly number[];
}

/** Kills one process after the other while payments come in. */
export async function measureFailover(
  broker: Broker,
  bootstrap: string,
  contestant: Contestant,
  { kills, keys, perSecond, say }: FailoverOptions,
): Promise<FailoverResult> {
  const over = new AbortController();
  const load = new Load(broker, contestant.inputTopic, keys, contestant.encode);
  try {
    for (let slot = 0; slot < slots; slot++) await contestant.start(slot);
    await load.touchAll();
    await workedOff(broker, contestant);
    say(`${contestant.name}: ${keys} keys are there`);
    const arrivals = watchOutputs(broker, contestant.outputTopic, over.signal);
    load.begin(perSecond);
    const untilNext: number[] = [];
    const survivorsExtra: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const slot = kill % slots;
      await delay(Math.max(settleMs, windowMs));
      const victims = await partitionsOf(bootstrap, contestant, slot);
      let diedMs = 0;
      const replaced = contestant.replace(slot, () => {
        diedMs = performance.now();
      });
      const next = victims.map((partition) =>
        eventually(nextMsMax, `an output of partition ${partition}`, async () =>
          nextAfterDeath(arrivals[partition] ?? [], diedMs, lingerMs),
        ),
      );
      const figures = await Promise.all(next);
      await replaced;
      await delay(Math.max(0, diedMs + windowMs - performance.now()));
      const others = arrivals.filter((_, partition) => !victims.includes(partition));
      const longest = (fromMs: number): number =>
        Math.max(0, ...others.map((each) => longestSilence(each, fromMs, fromMs + windowMs)));
      const extra = Math.max(0, longest(diedMs) - longest(diedMs - windowMs));
      untilNext.push(...figures);
      survivorsExtra.push(extra);
      const round = figures.map((ms) => ms.toFixed(0)).join(" ");
      say(
        `${contestant.name}: kill ${kill + 1} of slot ${slot}: next outputs after ${round} ms, survivors +${extra.toFixed(0)} ms`,
      );
    }
    await load.end();
    return { untilNext, survivorsExtra };
  } finally {
    over.abort();
    await contestant.stop();
  }
}

/** Arrivals of committed outputs by partition, from now on. */
function watchOutputs(broker: Broker, topic: string, over: AbortSignal): number[][] {
  const arrivals: number[][] = Array.from({ length: partitions }, () => []);
  const watch = async (partition: number): Promise<void> => {
    for await (const _ of broker.read({ topic, partition, from: "latest" }, over))
      arrivals[partition]?.push(performance.now());
  };
  for (let partition = 0; partition < partitions; partition++)
    watch(partition).catch((error: unknown) => {
      if (!over.aborted) throw error;
    });
  return arrivals;
}

async function workedOff(broker: Broker, { group, inputTopic, outputTopic }: Contestant): Promise<void> {
  const { signal } = new AbortController();
  await eventually(workedOffMsMax, `${outputTopic} to have everything`, async () => {
    await delay(500);
    const marks = await broker.admin.watermarks(inputTopic, signal);
    const committed = await broker.admin.committed(group, inputTopic, signal);
    return marks.every(({ partition, end }) => (committed[partition]?.offset ?? -1) >= end) || undefined;
  });
}

/** Partitions of the input that the process of a slot has. */
async function partitionsOf(bootstrap: string, contestant: Contestant, slot: number): Promise<number[]> {
  const admin = stockKafka(bootstrap).admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([contestant.group]);
    const members = groups.flatMap((group) => group.members).filter((member) => contestant.isOf(slot, member));
    const assigned = members.map((member) => kafkajs.AssignerProtocol.MemberAssignment.decode(member.memberAssignment));
    return assigned.flatMap((each) => each?.assignment[contestant.inputTopic] ?? []);
  } finally {
    await admin.disconnect();
  }
}
