/** Arrays that hold the numbers of a column. */
export type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A list of numbers side by side: what it costs is their width, where an array of numbers costs pointers and objects. */
export class Column<T extends Numbers> {
  /** The numbers, and room for more behind them. */
  values: T;
  length = 0;

  /** @param values an array of the width that is wanted; its length is what there is room for at first */
  constructor(values: T) {
    this.values = values;
  }

  push(value: number): void {
    this.reserve(1);
    this.values[this.length++] = value;
  }

  /** Makes room for `more` numbers behind the last one. */
  reserve(more: number): void {
    const lengthMin = this.length + more;
    if (lengthMin <= this.values.length) return;
    const Kind = this.values.constructor as new (length: number) => T;
    // Memory that is not written to is not taken, so that doubling costs no more than what is held.
    const larger = new Kind(Math.max(lengthMin, 2 * this.values.length));
    larger.set(this.values);
    this.values = larger;
  }

  /** The numbers in an array of their own. */
  taken(): T {
    const taken = this.values.slice(0, this.length) as T;
    this.length = 0;
    return taken;
  }
}
