import type { KafkaCluster } from "../kafka/harness/cluster.ts";
import { type BuiltMillrace, WorkerProcess } from "../kafka/support/worker-process.ts";
import { Road, requestKind } from "./road.ts";
import type { Delivery, Shop } from "./shop.ts";

const stopMsMax = 60_000;

/** The request that ends a commit, by delivery: a kill before it arrives is one in the middle of the commit. */
const commitKinds: Readonly<Record<Delivery, readonly number[]>> = {
  "exactly-once": [requestKind.endTxn],
  "at-least-once": [requestKind.offsetCommit, requestKind.endTxn],
};

/** A place for one worker at a time, which reaches every node by a road of its own. */
export class WorkerSlot {
  readonly name: string;
  readonly #shop: Shop;
  readonly #millrace: BuiltMillrace;
  readonly #delivery: Delivery;
  readonly #roads: readonly Road[];
  readonly #at: string;
  #worker: WorkerProcess | undefined;
  #isWanted = false;
  /** What workers said when they ended without having been told to. */
  readonly deaths: string[] = [];

  private constructor(name: string, roads: readonly Road[], at: string, of: SlotOptions) {
    this.name = name;
    this.#roads = roads;
    this.#at = at;
    this.#shop = of.shop;
    this.#millrace = of.millrace;
    this.#delivery = of.delivery;
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
    const { file, registry } = this.#shop;
    const flags = ["--brokers", this.#at, "--registry", registry, "--instance-id", this.name];
    const worker = new WorkerProcess(this.#millrace.entry, ["run", file, ...flags], {});
    this.#worker = worker;
    this.#isWanted = true;
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
    const held = await this.#sprung((road) => road.hold(commitKinds[this.#delivery]), ms);
    await this.killed();
    return held;
  }

  /** Loses the answer to the end of a commit, if there is one within `ms`. @returns whether there was */
  losesAnswer(ms: number): Promise<boolean> {
    return this.#sprung((road) => road.loseAnswer(commitKinds[this.#delivery]), ms);
  }

  cut(): void {
    for (const road of this.#roads) road.cut();
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

export interface SlotOptions {
  readonly cluster: KafkaCluster;
  readonly shop: Shop;
  readonly millrace: BuiltMillrace;
  readonly delivery: Delivery;
}

export function pick<T>(some: readonly T[], share: number): T {
  const found = some[Math.floor(share * some.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}
