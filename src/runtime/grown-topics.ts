import { type Logger, messageOf } from "../kernel/index.ts";
import type { ClusterAdmin } from "./port.ts";

/** How often the partitions of a running stage's topics are counted. */
const everyMs = 60_000;

export interface GrownTopicsOptions {
  readonly stage: string;
  readonly admin: ClusterAdmin;
  readonly logger: Logger;
  readonly input: { readonly topic: string; readonly partitions: number };
  readonly output: { readonly topic: string; readonly partitions: number };
  /** Names of the stage's stores, which hold rows by key. */
  readonly storeNames: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Warns when a topic of a running stage gains partitions, once per count: the same key goes to another partition from
 * then on. The group takes up those of the input by itself; a running stage keeps to the partitions of the output that
 * it found when it started, so that its own keys stay in order.
 */
export class GrownTopics {
  readonly #options: GrownTopicsOptions;
  #input: number;
  #output: number;
  #askedMs: number;
  #isAsking = false;

  /** @param nowMs monotonic, when the partitions were last counted */
  constructor(options: GrownTopicsOptions, nowMs: number) {
    this.#options = options;
    this.#input = options.input.partitions;
    this.#output = options.output.partitions;
    this.#askedMs = nowMs;
  }

  /** Counts again when it is time. @param nowMs monotonic */
  tick(nowMs: number): void {
    if (nowMs - this.#askedMs < everyMs || this.#isAsking) return;
    this.#askedMs = nowMs;
    this.#isAsking = true;
    void this.#count().finally(() => {
      this.#isAsking = false;
    });
  }

  /** The input has at least this many partitions. */
  inputHas(partitions: number): void {
    if (partitions <= this.#input) return;
    const { stage, logger, input, storeNames } = this.#options;
    const fields = { stage, topic: input.topic, from: this.#input, to: partitions };
    this.#input = partitions;
    if (storeNames.length === 0) logger.info(fields, "The input topic has more partitions, and they are read.");
    else
      logger.warn(
        { ...fields, code: "MR_KEY", stores: storeNames },
        "The input topic has more partitions: keys move between tasks, and a key's rows lie in two of them until the older ones age out.",
      );
  }

  async #count(): Promise<void> {
    const { stage, admin, logger, input, output, signal } = this.#options;
    try {
      const { topics } = await admin.describe([input.topic, output.topic], signal);
      const countOf = (name: string): number => topics.find(({ topic }) => topic === name)?.partitions ?? 0;
      this.inputHas(countOf(input.topic));
      this.#outputHas(countOf(output.topic));
    } catch (thrown) {
      logger.debug({ stage, reason: messageOf(thrown) }, "The partitions of the stage's topics could not be counted.");
    }
  }

  #outputHas(partitions: number): void {
    if (partitions <= this.#output) return;
    const { stage, logger, output } = this.#options;
    logger.warn(
      { stage, topic: output.topic, from: this.#output, to: partitions, code: "MR_KEY" },
      "The output topic has more partitions: this stage writes to those it found until it starts again, and then the same key goes to another partition.",
    );
    this.#output = partitions;
  }
}
