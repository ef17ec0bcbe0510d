/** What counts where a file says nothing: planner, reference and editors take it from here. */
export const defaults = {
  commit: { everyMs: 100, records: 2_000, lingerMs: 5 },
  limits: { recordBytes: 900_000 },
  sample: { seed: 1, perSecond: 100 },
  from: { ahead: "10min" },
  /** Keys of a store: what a Map can hold. */
  state: { keys: 2 ** 24 },
  monitor: { window: "1h", season: "none", psi: 0.1, severity: "page" },
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
} as const;
