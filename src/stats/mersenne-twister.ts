const size = 624;
const middle = 397;

/**
 * MT19937, seeded and drawn from as Python's `random.Random` does, so that what was published with its seeds can be
 * repeated. Not for secrets.
 *
 * Source: M. Matsumoto, T. Nishimura, "Mersenne Twister" (1998), and their reference code `mt19937ar.c`.
 */
export class MersenneTwister {
  readonly #state: Uint32Array;
  #index: number;

  /** @param seed a whole number from 0 to 2^32 - 1, or what {@link save} gave */
  constructor(seed: number | readonly number[]) {
    if (typeof seed === "number") {
      this.#state = byArray(seed);
      this.#index = size;
    } else {
      this.#state = Uint32Array.from(seed.slice(0, size));
      this.#index = seed[size] ?? size;
    }
  }

  /** The next 32 bits. */
  bits(): number {
    if (this.#index >= size) {
      twist(this.#state);
      this.#index = 0;
    }
    let y = this.#state[this.#index++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** Uniform in [0, 1), 53 bits of resolution. */
  uniform(): number {
    const high = this.bits() >>> 5;
    return (high * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  /** Uniform whole number in [0, n), n in 1 .. 2^31. */
  below(n: number): number {
    const shift = Math.clz32(n);
    for (;;) {
      const drawn = this.bits() >>> shift;
      if (drawn < n) return drawn;
    }
  }

  /** `count` different numbers of 0 .. n - 1, in the order of drawing. O(n). */
  sample(n: number, count: number): number[] {
    const pool = Array.from({ length: n }, (_, i) => i);
    return Array.from({ length: count }, (_, i) => {
      const at = this.below(n - i);
      const drawn = pool[at] ?? 0;
      pool[at] = pool[n - i - 1] ?? 0;
      return drawn;
    });
  }

  /** All that it knows: 625 numbers. */
  save(): number[] {
    return [...this.#state, this.#index];
  }
}

function byNumber(seed: number): Uint32Array {
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  return state;
}

/** `init_by_array` of one word. */
function byArray(seed: number): Uint32Array {
  const state = byNumber(19650218);
  const mixed = (i: number, factor: number): number => {
    const before = state[i - 1] ?? 0;
    return (state[i] ?? 0) ^ Math.imul(before ^ (before >>> 30), factor);
  };
  let i = 1;
  const step = (): void => {
    i++;
    if (i < size) return;
    state[0] = state[size - 1] ?? 0;
    i = 1;
  };
  for (let k = 0; k < size; k++) {
    state[i] = mixed(i, 1664525) + seed;
    step();
  }
  for (let k = 1; k < size; k++) {
    state[i] = mixed(i, 1566083941) - i;
    step();
  }
  state[0] = 0x80000000;
  return state;
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < size; i++) {
    const y = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % size] ?? 0) & 0x7fffffff);
    state[i] = (state[(i + middle) % size] ?? 0) ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df);
  }
}
