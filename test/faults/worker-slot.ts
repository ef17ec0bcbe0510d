import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaCluster } from "../kafka/harness/cluster.ts";
import type { WorkerProcess } from "../kafka/support/worker-process.ts";
import type { Contestant } from "./contestants.ts";
import { Road } from "./road.ts";
import type { Delivery, Shop } from "./shop.ts";

/** Longer than a worker may take to drain. */
const stopMsMax = 120_000;

export interface SlotOptions {
  readonly cluster: KafkaCluster;
  readonly shop: Shop;
  readonly contestant: Contestant;
  readonly delivery: Delivery;
  /** Folder in which everything is kept that workers say. */
  readonly logs: string;
}

/** A place for one worker at a time, which reaches every node by a road of its own. */
export class WorkerSlot {
  readonly name: string;
  readonly #options: SlotOptions;
  readonly #roads: readonly Road[];
  readonly #at: string;
  #worker: WorkerProcess | undefined;
  #isWanted = false;
  /** What workers said when they ended without having been told to. */
  readonly deaths: string[] = [];

  private constructor(name: string, roads: readonly Road[], at: string, options: SlotOptions) {
    this.name = name;
    this.#roads = roads;
    this.#at = at;
    this.#options = options;
  }

  /** @param road number of the listener that belongs to this slot on every node */
  static async open(road: number, options: SlotOptions): Promise<WorkerSlot> {
    const ends = options.cluster.nodes.map((node) => node.roadOf(road));
    const roads = await Promise.all(ends.map(({ advertised, address }) => Road.open(advertised, address)));
    return new WorkerSlot(`worker-${road}`, roads, ends.map(({ advertised }) => advertised).join(","), options);
  }

  get worker(): WorkerProcess {
    if (this.#worker === undefined) throw new Error(`${this.name} has no worker`);
    return this.#worker;
  }

  start(): void {
    const { contestant, shop, logs } = this.#options;
    const worker = contestant.start(this.name, this.#at, shop);
    this.#worker = worker;
    this.#isWanted = true;
    worker.onLine((line) => appendFileSync(join(logs, `${this.name}.log`), `${line}\n`));
    worker.onEnd(({ code, signal }) => {
      if (this.#worker === worker && this.#isWanted) this.deaths.push(`${this.name} ended with ${code ?? signal}`);
    });
  }

  /** Kills the worker and starts another in its place. */
  async killed(): Promise<void> {
    this.#isWanted = false;
    this.worker.kill("SIGKILL");
    await this.worker.ended(stopMsMax);
    this.start();
  }

  /** The same in the middle of a commit, if there is one within `ms`. @returns whether there was */
  async killedInCommit(ms: number): Promise<boolean> {
    const held = await this.#sprung((road) => road.hold(this.#commitKinds), ms);
    await this.killed();
    return held;
  }

  /** Loses the answer to the end of a commit, if there is one within `ms`. @returns whether there was */
  losesAnswer(ms: number): Promise<boolean> {
    return this.#sprung((road) => road.loseAnswer(this.#commitKinds), ms);
  }

  /** Cuts every connection of the worker. @returns whether it had one */
  cut(): boolean {
    return this.#roads.map((road) => road.cut()).includes(true);
  }

  /** Stops the worker as an operator does. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.worker.kill("SIGTERM");
    await this.worker.endedWell(stopMsMax);
  }

  async close(): Promise<void> {
    await Promise.all(this.#roads.map((road) => road.close()));
  }

  get #commitKinds(): readonly number[] {
    return this.#options.contestant.commitKinds(this.#options.delivery);
  }

  /** Sets a trap on every road and waits for the first that springs. */
  async #sprung(set: (road: Road) => Promise<void>, ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const first = Promise.race(this.#roads.map((road) => set(road).then(() => true)));
    const held = await Promise.race([first, late]);
    clearTimeout(timer);
    for (const road of this.#roads) road.forget();
    return held;
  }
}

export function pick<T>(some: readonly T[], share: number): T {
  const found = some[Math.floor(share * some.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}
