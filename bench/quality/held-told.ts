/** What is said of inputs that lie outside what a model was trained on, kept from the log as a benchmark needs it. */
import { type Logger, silentLogger } from "../../src/kernel/index.ts";

/** The first row in which these columns are not what they always were: nothing was measured of them before. */
export const wakingRow = 17_424;
export const wakingColumns = ["vicprice", "vicdemand", "transfer"] as const;

export class HeldTold {
  readonly logger: Logger;
  /** By model: the inputs that were told of. */
  readonly #inputs = new Map<string, Set<string>>();

  /** @param fail what is called with the sentence of an error */
  constructor(fail: (sentence: string) => void) {
    this.logger = {
      ...silentLogger,
      warn: ({ code, model, input }) => {
        if (code !== "MR_INPUT_RANGE") return;
        const inputs = this.#inputs.get(String(model)) ?? new Set();
        this.#inputs.set(String(model), inputs.add(String(input)));
      },
      error: ({ reason }, message) => fail(reason === undefined ? message : `${message} ${String(reason)}`),
    };
  }

  /** @throws Error when a model met columns that it had never seen move, and nobody was told of one of them */
  check(model: string): void {
    const told = this.#inputs.get(model);
    const silent = wakingColumns.filter((column) => told?.has(column) !== true);
    if (silent.length > 0) throw new Error(`${model}: nobody was told that ${silent.join(", ")} woke up`);
  }
}
