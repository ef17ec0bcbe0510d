import { OperationError } from "../kernel/index.ts";
import type { Row } from "../schema/index.ts";
import type { Plan } from "../topology/index.ts";
import type { RawBatch } from "../wire/index.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryRegistry } from "./memory-registry.ts";
import {
  type DeadLetter,
  type DriverOptions,
  driverStartMs,
  type FedRecord,
  StageDriver,
  type StageFeed,
} from "./stage-driver.ts";

/** What a topology made of the records that were sent to one of its topics. */
export interface TopologyFeed {
  /** Rows written to each topic, by the topic's name in the file; a topic that got none is absent. */
  readonly rows: Readonly<Record<string, readonly Row[]>>;
  /** Dead letters of all stages, stage after stage. */
  readonly deadLetters: readonly DeadLetter[];
  /** By stage; a stage that got nothing is absent. */
  readonly stages: Readonly<Record<string, StageFeed>>;
}

/**
 * A topology without a broker: all stages of a plan chained in memory, each topic with one partition.
 *
 * `stage` answers one stage, to be fed alone; `send` feeds a topic and follows the records through the chain.
 * Both share the stages' stores.
 */
export class TopologyDriver {
  readonly plan: Plan;
  readonly #options: DriverOptions;
  readonly #stages = new Map<string, StageDriver>();

  constructor(plan: Plan, options: DriverOptions = {}) {
    this.plan = plan;
    this.#options = {
      ...options,
      clock: options.clock ?? new FakeClock(driverStartMs),
      registry: options.registry ?? new MemoryRegistry(),
    };
  }

  /** A stage by its name, made when it is first asked for. @throws OperationError MR_REFERENCE when there is none */
  stage(name: string): StageDriver {
    const made = this.#stages.get(name) ?? new StageDriver(this.plan, name, this.#options);
    this.#stages.set(name, made);
    return made;
  }

  /**
   * Sends records to a topic, by its name in the file, and runs every stage behind it once, in the order of the flow.
   *
   * @throws OperationError MR_REFERENCE when no stage reads the topic
   */
  async send(topic: string, records: readonly FedRecord[]): Promise<TopologyFeed> {
    if (!this.plan.stages.some((stage) => stage.from.name === topic))
      throw new OperationError("MR_REFERENCE", `testing ${this.plan.topology}: no stage reads topic ${topic}`);
    const arrived = new Map<string, readonly RawBatch[]>();
    const rows: Record<string, readonly Row[]> = {};
    const stages: Record<string, StageFeed> = {};
    for (const { name, from, to } of this.plan.stages) {
      const batches = arrived.get(from.name) ?? [];
      if (from.name !== topic && batches.length === 0) continue;
      const driver = this.stage(name);
      const fed = from.name === topic ? await driver.feed(records) : await driver.feedBatches(batches);
      stages[name] = fed;
      if (fed.rows.length === 0) continue;
      rows[to.name] = [...(rows[to.name] ?? []), ...fed.rows];
      arrived.set(to.name, [...(arrived.get(to.name) ?? []), ...fed.batches]);
    }
    return { rows, deadLetters: Object.values(stages).flatMap((fed) => fed.deadLetters), stages };
  }
}
