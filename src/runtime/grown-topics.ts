import { type Facts, messageOf } from "../kernel/index.ts";
import type { ClusterAdmin } from "./port.ts";

/** How often the partitions of a running stage's topics are counted. */
const everyMs = 60_000;

export interface GrownTopicsOptions {
  readonly admin: ClusterAdmin;
  readonly facts: Facts;
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
    const { facts, input, storeNames } = this.#options;
    const fields = { topic: input.topic, from: this.#input, to: partitions };
    this.#input = partitions;
    if (storeNames.length === 0) facts.emit("inputGrown", fields);
    else facts.emit("inputGrownUnderStores", { ...fields, stores: storeNames });
  }

  async #count(): Promise<void> {
    const { admin, facts, input, output, signal } = this.#options;
    try {
      const { topics } = await admin.describe([input.topic, output.topic], signal);
      const countOf = (name: string): number => topics.find(({ topic }) => topic === name)?.partitions ?? 0;
      this.inputHas(countOf(input.topic));
      this.#outputHas(countOf(output.topic));
    } catch (thrown) {
      facts.emit("partitionsUncounted", { reason: messageOf(thrown) });
    }
  }

  #outputHas(partitions: number): void {
    if (partitions <= this.#output) return;
    const { facts, output } = this.#options;
    facts.emit("outputGrown", { topic: output.topic, from: this.#output, to: partitions });
    this.#output = partitions;
  }
}
