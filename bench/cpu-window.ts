import type { WindowResult } from "./job.ts";

/** Shares of the records between which processor time is measured: after warm-up, before the end runs dry. */
const windowFromDefault = 0.1;
const windowTo = 0.95;
const pollMs = 5;

interface Moment {
  readonly records: number;
  readonly cpuMicros: number;
  readonly atMicros: number;
}

/**
 * Measures the processor time of this process over the steady part of a run.
 *
 * It asks how many records are done every 5 ms, the same way for every contestant; time and count are read in the
 * same instant, so it does not matter that the edges are met a little late.
 */
export class CpuWindow {
  readonly #total: number;
  readonly #done: () => number;
  readonly #windowFrom: number;
  readonly #timer: NodeJS.Timeout;
  #from: Moment | undefined;
  #to: Moment | undefined;

  /**
   * @param total records of the whole run
   * @param done how many of them are done by now
   * @param windowFrom share of them before which nothing is measured
   */
  constructor(total: number, done: () => number, windowFrom = windowFromDefault) {
    this.#total = total;
    this.#done = done;
    this.#windowFrom = windowFrom;
    this.#timer = setInterval(() => this.#look(), pollMs);
  }

  /** Ends the measurement. @throws Error when the run ended before the window did */
  result(): WindowResult {
    clearInterval(this.#timer);
    const [from, to] = [this.#from, this.#to];
    if (from === undefined || to === undefined || to.records <= from.records) {
      throw new Error(`measuring processor time: the run of ${this.#total} records was too short for its window`);
    }
    return {
      records: to.records - from.records,
      cpuMicros: to.cpuMicros - from.cpuMicros,
      wallMicros: to.atMicros - from.atMicros,
      fromMicros: from.atMicros,
      toMicros: to.atMicros,
    };
  }

  #look(): void {
    if (this.#to !== undefined) return;
    const records = this.#done();
    if (this.#from === undefined && records >= this.#windowFrom * this.#total) this.#from = momentAt(records);
    else if (records >= windowTo * this.#total) this.#to = momentAt(records);
  }
}

function momentAt(records: number): Moment {
  const { user, system } = process.cpuUsage();
  return { records, cpuMicros: user + system, atMicros: Number(process.hrtime.bigint() / 1_000n) };
}
