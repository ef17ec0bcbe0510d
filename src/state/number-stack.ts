/** A growing stack of numbers in one array: undo logs and free lists, which must not allocate per entry. */
export class NumberStack {
  #numbers: Float64Array = new Float64Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) this.#numbers = grownFloats(this.#numbers, this.#length + 1);
    this.#numbers[this.#length++] = value;
  }

  /** The number pushed last, taken off; NaN when empty. */
  pop(): number {
    if (this.#length === 0) return Number.NaN;
    return this.#numbers[--this.#length] ?? Number.NaN;
  }

  /** The number at `index`, counted from the bottom; NaN outside. */
  at(index: number): number {
    return index < this.#length ? (this.#numbers[index] ?? Number.NaN) : Number.NaN;
  }

  clear(): void {
    this.#length = 0;
  }
}

/** A copy with room for at least `length`, grown by half or more so that growing is paid once per entry. */
function grownFloats(array: Float64Array, length: number): Float64Array {
  const grown = new Float64Array(lengthGrown(array.length, length));
  grown.set(array);
  return grown;
}

/** As {@link grownFloats}, for whole numbers from 0 to 2^32 - 1. */
export function grownUints(array: Uint32Array, length: number): Uint32Array {
  const grown = new Uint32Array(lengthGrown(array.length, length));
  grown.set(array);
  return grown;
}

function lengthGrown(from: number, atLeast: number): number {
  return Math.max(atLeast, from + (from >>> 1) + 64);
}
