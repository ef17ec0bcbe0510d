/** What a challenger has to pass before it may take the champion's place; `false` switches a check off. */
export interface GateSettings {
  /** Beside the champion on the newest rows that neither has learned from; fewer than `rowsMin` are no ground to decide. */
  readonly recent: { readonly rowsMin: number; readonly rowsMax: number } | false;
  /** On the rows before those: no worse than a model that knows nothing but how often the label is true. */
  readonly before: { readonly floor: "no-skill" } | false;
  /** Inputs, booleans or categories, each of whose values is looked at by itself. */
  readonly slices: readonly string[];
  /** By how much a slice's mean loss may grow, in the unit of the `recent` check: nats per row for log loss. */
  readonly sliceFloor: number;
  /** Longest time that 99 of 100 rows may take to score, one at a time. */
  readonly latencyP99Ms: number | false;
  /** Bytes of the model's own files, at most. */
  readonly sizeBytes: number | false;
}

/** What counts where a topology says nothing. */
export const gateDefaults: GateSettings = {
  recent: { rowsMin: 300, rowsMax: 5000 },
  before: { floor: "no-skill" },
  slices: [],
  sliceFloor: 0.05,
  latencyP99Ms: 5,
  sizeBytes: 5_000_000,
};
