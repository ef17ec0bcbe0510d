import { setTimeout as delay } from "node:timers/promises";
import type { KafkaCluster } from "../kafka/harness/cluster.ts";
import type { Disturbance, DisturbanceKind } from "./disturbances.ts";
import { untilTakenOut } from "./members.ts";
import { moveLeaders } from "./move-leaders.ts";
import { countOf } from "./outcome.ts";
import type { Shop } from "./shop.ts";
import { pick, type WorkerSlot } from "./worker-slot.ts";

/** How long a trap waits for the request that it is set for: on a machine with other work a worker takes its time. */
const trapMsMax = 120_000;
/** Within a session and the time that its brokers take to notice. */
const takenOutMsMax = 120_000;
const movedMsMax = 60_000;
const brokerFrozenMs = 4_000;
const brokerDeadMs = 2_000;
const awayMs = 3_000;
const readyMsMax = 240_000;

export interface DisturberOptions {
  readonly cluster: KafkaCluster;
  readonly slots: readonly WorkerSlot[];
  readonly shop: Shop;
  readonly say: (text: string) => void;
}

/** Does what a plan says, and counts what happened. It waits rather than leave something out. */
export class Disturber {
  readonly done = new Map<DisturbanceKind, number>();
  /** Disturbances that found nothing to disturb, such as a commit that did not come. */
  missed = 0;
  readonly #options: DisturberOptions;

  constructor(options: DisturberOptions) {
    this.#options = options;
  }

  /** Workers that were killed. */
  get kills(): number {
    return countOf(this.done, "kill", "kill-in-commit");
  }

  async disturb({ kind, whom }: Disturbance): Promise<void> {
    const slot = pick(this.#options.slots, whom);
    const happened = await this.#does[kind](slot, whom);
    this.#options.say(
      `${new Date().toISOString().slice(11, 23)} ${kind} ${slot.name} (${whom.toFixed(3)})${happened ? "" : ": missed"}`,
    );
    if (happened) this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
    else this.missed++;
  }

  readonly #does: Readonly<Record<DisturbanceKind, (slot: WorkerSlot, whom: number) => Promise<boolean>>> = {
    // One that has not begun to work yet leaves nothing to take over.
    kill: async (slot) => {
      await slot.worker.ready(readyMsMax);
      await slot.killed();
      return true;
    },
    // A worker that has just been started takes a moment until it commits.
    "kill-in-commit": async (slot) => {
      await slot.worker.ready(readyMsMax);
      return slot.killedInCommit(trapMsMax);
    },
    "lose-answer": async (slot) => {
      await slot.worker.ready(readyMsMax);
      return slot.losesAnswer(trapMsMax);
    },
    // Until every group has taken it for dead: from then on it is a zombie, whose partitions others have.
    freeze: async (slot) => {
      await slot.worker.ready(readyMsMax);
      slot.worker.kill("SIGSTOP");
      const isTakenOut = await this.#takenOut(slot);
      slot.worker.kill("SIGCONT");
      return isTakenOut;
    },
    cut: async (slot) => {
      await slot.worker.ready(readyMsMax);
      return slot.cut();
    },
    move: async () => {
      const { cluster, shop } = this.#options;
      return moveLeaders(cluster.bootstrap, [shop.inbox, ...shop.ownTopics], movedMsMax);
    },
    "broker-kill": async (_, whom) => {
      const node = pick(this.#options.cluster.nodes, whom);
      await node.kill();
      await delay(brokerDeadMs);
      await node.restart();
      return true;
    },
    "broker-freeze": async (_, whom) => {
      const node = pick(this.#options.cluster.nodes, whom);
      node.freeze();
      await delay(brokerFrozenMs);
      node.thaw();
      return true;
    },
    // It leaves its groups: the others have its partitions, until it is back.
    rescale: async (slot) => {
      await slot.worker.ready(readyMsMax);
      await slot.stop();
      const isTakenOut = await this.#takenOut(slot);
      await delay(awayMs);
      slot.start();
      return isTakenOut;
    },
  };

  /** Whether every group has taken the worker of a slot out, within a while. */
  #takenOut(slot: WorkerSlot): Promise<boolean> {
    const { cluster, shop } = this.#options;
    const groups = shop.plan.stages.map(({ group }) => group);
    return untilTakenOut(cluster.bootstrap, groups, slot.name, takenOutMsMax);
  }
}
