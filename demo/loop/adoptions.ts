/** From which offset on a stage scores with a version, as its own log has it. */
import { systemClock } from "../../src/adapters/node/index.ts";
import { Facts, type Offset } from "../../src/kernel/index.ts";
import { AdoptionLog } from "../../src/runtime/adoption/adoption-log.ts";
import type { Chain } from "../chain.ts";

export class Adoptions {
  readonly #log: AdoptionLog;
  readonly #stage: string;

  constructor({ plan, broker, registry, logger }: Chain, stage: string) {
    if (plan.adoptions === undefined) throw new Error("the topology scores nothing");
    const topic = plan.adoptions.clusterName;
    this.#log = new AdoptionLog({ broker, topic, registry, clock: systemClock, facts: new Facts(logger) });
    this.#stage = stage;
  }

  /** Undefined while the stage, whose input has one partition, has not adopted the version. */
  async from(version: number, signal: AbortSignal): Promise<Offset | undefined> {
    await this.#log.catchUp(signal);
    return this.#log.all.find((adoption) => adoption.stage === this.#stage && adoption.version === version)?.fromOffset;
  }
}
