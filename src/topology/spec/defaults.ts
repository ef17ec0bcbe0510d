/** What counts where a file says nothing: planner, reference and editors take it from here. */
export const defaults = {
  commit: { everyMs: 100, records: 2_000, lingerMs: 5 },
  limits: { recordBytes: 900_000 },
  sample: { seed: 1, perSecond: 100 },
  from: { ahead: "10min" },
  /** Keys of a store: what a Map can hold. */
  state: { keys: 2 ** 24 },
  monitor: {
    window: "1h",
    season: "none",
    psi: 0.1,
    severity: "page",
    growing: false,
    held: "1min",
    freshness: "10min",
  },
  performance: { window: "1d", metrics: ["accuracy", "auc", "log_loss"] },
  alerts: {
    pages: 1,
    per: "30d",
    fireWindows: 3,
    fireOf: 5,
    clearBelow: 0.8,
    clearWindows: 3,
    cooldown: "1h",
    ageMax: "6h",
    perMinute: 10,
  },
  gate: { rowsMin: 300, rowsMax: 5_000, floor: "no-skill", sliceFloor: 0.05, latencyP99Ms: 5, sizeBytes: 5_000_000 },
  shadow: { for: "2h", recordsMin: 1_000 },
  retrain: { mode: "full", rows: 50_000, cooldown: "6h", perDay: 4, labelsMin: 500, breaker: 2, approve: false },
} as const;
