export interface BackOffPolicy {
  readonly firstMs: number;
  /** No pause is longer. */
  readonly lastMs: number;
  /** How much longer each pause is than the one before; 2 when left out. */
  readonly factor?: number;
  /**
   * Numbers from 0 to 1 that shorten each pause by up to a half, so that many who failed together do not all come back
   * together; left out, the pauses are as stated.
   */
  readonly jitter?: (() => number) | undefined;
}

/** Growing pauses between attempts. */
export class BackOff {
  readonly #policy: BackOffPolicy;
  #nextMs: number;

  constructor(policy: BackOffPolicy) {
    this.#policy = policy;
    this.#nextMs = policy.firstMs;
  }

  /** True when pauses grow no further. */
  get isLongest(): boolean {
    return this.#nextMs >= this.#policy.lastMs;
  }

  /** The pause before the next attempt, in milliseconds. */
  next(): number {
    const { lastMs, factor = 2, jitter } = this.#policy;
    const ms = Math.min(this.#nextMs, lastMs);
    this.#nextMs = Math.min(ms * factor, lastMs);
    return jitter === undefined ? ms : ms * (1 - jitter() / 2);
  }

  /** Something went well: begins with the first pause again. */
  reset(): void {
    this.#nextMs = this.#policy.firstMs;
  }
}
