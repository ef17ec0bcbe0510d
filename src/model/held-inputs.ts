/** How often a scorer held an input to the range that it was trained on, since it was opened. */
export class HeldInputs {
  /** Rows per input, in signature order. */
  readonly rows: Float64Array;
  /** Over all inputs. */
  total = 0;

  constructor(inputCount: number) {
    this.rows = new Float64Array(inputCount);
  }

  add(input: number): void {
    this.rows[input] = (this.rows[input] as number) + 1;
    this.total++;
  }
}
