import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import type { ProxiedNode } from "../kafka/harness/proxied-node.ts";
import { beginMs, type Concept, windowRows } from "../kafka/support/item-rows.ts";
import { ModelLoop } from "../kafka/support/model-loop.ts";
import type { BuiltMillrace } from "../kafka/support/worker-process.ts";
import type { Spoil } from "./asked.ts";
import { judgeLoop } from "./judge.ts";
import { killsText, planKills } from "./kill-points.ts";
import { Killer } from "./killer.ts";
import { type LoopOutcome, spoilt } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { readLoopLogs } from "./read-logs.ts";
import { Seat } from "./seat.ts";

export const scorers = 2;
/** What the first version learns from, and its monitors: as many windows as a reference needs. */
const learnedWindows = 30;
const learnedRows = 100;
/** After so many windows the concept changes. */
const windowsBefore = 3;
const rowsPerWindow = 200;
/** Ten times what an alert, a training and the alert's end take when nobody is killed. */
const windowsMax = 100;
/** A window is sent in so many parts, so that a kill can lie between them. */
const parts = 4;

export interface LoopRunOptions {
  readonly seed: number;
  readonly node: ProxiedNode;
  readonly broker: Broker;
  readonly millrace: BuiltMillrace;
  /** Of topics and groups. */
  readonly namespace: string;
  readonly spoil: Spoil | undefined;
  readonly say: (text: string) => void;
}

/**
 * Runs a loop whose concept changes in mid-stream, kills a trainer and a scorer in it, and judges what it left. It is over
 * when a new version serves every partition and no incident is open.
 */
export async function runLoop(options: LoopRunOptions): Promise<LoopOutcome> {
  const { seed, node, broker, millrace, namespace, spoil, say } = options;
  const plan = planKills(seed, scorers, 2 * windowsBefore);
  const { delivery } = plan;
  say(`seed ${seed}, ${killsText(plan)}`);
  const logs = join(import.meta.dirname, "../../.millrace/loop", `${seed}`);
  await rm(logs, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
  const loop = await ModelLoop.open({ bootstrap: node.bootstrap, broker, millrace, namespace, delivery });
  let killer: Killer | undefined;
  try {
    const rng = seededRng(seed + 1);
    let sent = 0;
    const rowsOf = (window: number, count: number, concept: Concept) => {
      const rows = windowRows(window, count, concept, sent, rng);
      sent += count;
      return rows;
    };
    for (let window = -learnedWindows; window < 0; window++)
      await loop.send(rowsOf(window, learnedRows, "large-is-bad"));
    await loop.runThrough("ingest", "outcomes");
    await loop.trainFirst(beginMs);
    const from = await loop.ends(loop.stage("score").from.clusterName);
    const crew = crewOf(loop, logs);
    const progress = new Progress(loop);
    for (const seat of crew.all) await seat.ready();
    killer = new Killer(plan, { ...crew, node, loop, progress });
    for (let window = 0; !(await progress.isOver()); window++) {
      if (window === windowsMax) throw new Error(`after ${windowsMax} windows ${await progress.lacking()}`);
      const rows = rowsOf(window, rowsPerWindow, window < windowsBefore ? "large-is-bad" : "small-is-bad");
      for (let part = 0; part < parts; part++) {
        await killer.reached(window + part / parts);
        await loop.send(rows.slice((part * rowsPerWindow) / parts, ((part + 1) * rowsPerWindow) / parts));
      }
      // A window is whole before the next one begins: partitions that are a window apart would have late rows.
      await progress.untilWorkedOff();
    }
    say(`${sent - learnedWindows * learnedRows} items sent; ending`);
    await killer.done();
    await progress.untilWorkedOff();
    await progress.untilTrained();
    for (const seat of crew.all) await seat.stop();
    const left = spoilt(await readLoopLogs(loop, delivery, from), spoil);
    return {
      verdict: judgeLoop(left),
      kills: crew.all.reduce((sum, { kills }) => sum + kills, 0),
      deaths: crew.all.flatMap(({ deaths }) => deaths),
    };
  } finally {
    killer?.end();
    await loop.remove();
  }
}

/** Who works: the stages around the model, two that score, one that trains, and one that joins labels and judges. */
function crewOf(loop: ModelLoop, logs: string) {
  const seat = (name: string, ...flags: readonly string[]): Seat => new Seat(name, flags, loop, logs);
  const around = seat("around", "--stage", ...loop.stages.filter((name) => name !== "score"));
  const scoring = Array.from({ length: scorers }, (_, i) => seat(`scorer-${i}`, "--stage", "score"));
  const trainer = seat("trainer", "--role", "trainer");
  const judge = seat("judge", "--stage", "monitor");
  return { trainer, scoring, all: [around, ...scoring, trainer, judge] };
}
