import { MersenneTwister } from "../../src/stats/index.ts";

/**
 * Random streams as other makers' documents and tests have them, drawn as Python's `random` and NumPy's legacy
 * `RandomState` draw them from the same generator.
 */
export class PythonRandom {
  readonly #bits: MersenneTwister;
  #gaussNext: number | undefined;

  constructor(seed: number) {
    this.#bits = new MersenneTwister(seed);
  }

  random(): number {
    return this.#bits.uniform();
  }

  choices(values: readonly number[], count: number, weights?: readonly number[]): number[] {
    return Array.from({ length: count }, () => {
      const drawn = this.random();
      if (weights === undefined) return values[Math.floor(drawn * values.length)]!;
      let sum = 0;
      const at = weights.findIndex((weight) => {
        sum += weight;
        return drawn < sum;
      });
      return values[at < 0 ? values.length - 1 : at]!;
    });
  }

  gauss(mean: number, deviation: number): number {
    const next = this.#gaussNext;
    this.#gaussNext = undefined;
    if (next !== undefined) return mean + next * deviation;
    const angle = this.random() * 2 * Math.PI;
    const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
    this.#gaussNext = Math.sin(angle) * radius;
    return mean + Math.cos(angle) * radius * deviation;
  }
}

export class NumpyRandom {
  readonly #bits: MersenneTwister;
  #normalNext: number | undefined;

  constructor(seed: number) {
    const state = [seed >>> 0];
    for (let i = 1; i < 624; i++) {
      const before = state[i - 1]!;
      state.push((Math.imul(1812433253, before ^ (before >>> 30)) + i) >>> 0);
    }
    this.#bits = new MersenneTwister([...state, 624]);
  }

  /** Below a power of two. */
  randint(below: number, count: number): number[] {
    return Array.from({ length: count }, () => (this.#bits.bits() & (below - 1)) >>> 0);
  }

  /** Of one trial each. */
  binomial(share: number, count: number): number[] {
    return Array.from({ length: count }, () => {
      const drawn = this.#bits.uniform();
      if (share <= 0.5) return drawn > Math.exp(Math.log(1 - share)) ? 1 : 0;
      return drawn > Math.exp(Math.log(share)) ? 0 : 1;
    });
  }

  normal(mean: number, deviation: number, count: number): number[] {
    return Array.from({ length: count }, () => mean + deviation * this.#standardNormal());
  }

  #standardNormal(): number {
    const next = this.#normalNext;
    this.#normalNext = undefined;
    if (next !== undefined) return next;
    for (;;) {
      const x = 2 * this.#bits.uniform() - 1;
      const y = 2 * this.#bits.uniform() - 1;
      const squares = x * x + y * y;
      if (squares >= 1 || squares === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(squares)) / squares);
      this.#normalNext = factor * x;
      return factor * y;
    }
  }
}

/** The streams S1 to S9 on which published alarm indices are known. */
export const publishedStreams = {
  S1: () => {
    const random = new PythonRandom(12345);
    return [...random.choices([0, 1], 1000), ...random.choices([4, 5, 6, 7], 1000)];
  },
  S2: () => {
    const random = new PythonRandom(42);
    return [...random.choices([0, 1], 1000), ...random.choices([0, 1], 1000, [0.3, 0.7])];
  },
  S3: () => {
    const random = new PythonRandom(42);
    const [low, high] = [
      [0, 1],
      [4, 5, 6, 7],
    ] as const;
    return [low, high, low, high].flatMap((values) => random.choices(values, 1000));
  },
  S4: () => {
    const random = new NumpyRandom(12345);
    return [...random.randint(2, 1000), ...random.randint(8, 1000)];
  },
  S5: () => {
    const random = new NumpyRandom(12345);
    return [...random.binomial(0.2, 1000), ...random.binomial(0.8, 1000)];
  },
  S6: () => {
    const random = new NumpyRandom(12345);
    return [0, 0.25, 0, 0.25].flatMap((mean) => random.normal(mean, 0.1, 500).map((x) => (x > 0 ? 1 : 0)));
  },
  S9: () => {
    const random = new PythonRandom(12345);
    return Array.from({ length: 400 }, (_, i) => random.gauss(i < 200 ? 0 : 3, 1));
  },
} as const;
