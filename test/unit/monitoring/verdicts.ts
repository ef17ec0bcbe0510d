import type { VerdictRecord } from "../../../src/monitor/index.ts";
import { hourMs } from "./baseline-scene.ts";

/** A verdict that all is well with field `amount` of monitor `m` in the hour that begins at 10:00, but for what is given. */
export function verdictOf(given: Partial<VerdictRecord> = {}): VerdictRecord {
  const fromMs = given.fromMs ?? 10 * hourMs;
  const { monitor = "m", field = "amount", baseline = "card/2-0a0b0c0d" } = given;
  return {
    eventId: `${monitor}/${field}/${fromMs}/${baseline}`,
    topology: "shop",
    monitor,
    field,
    fromMs,
    toMs: fromMs + hourMs,
    baseline,
    kind: "OK",
    reason: undefined,
    unit: "psi",
    score: 0.01,
    threshold: 0.1,
    practical: 0.1,
    noiseFloor: 0.05,
    probability: 0.5,
    falseDiscoveryRate: 0.6,
    ks: 0.02,
    cells: 21,
    n: 10_000,
    m: 1_000,
    late: 0,
    season: "none",
    culprits: [],
    partitions: [],
    schemas: [1],
    cause: undefined,
    phase: "ok",
    incident: undefined,
    judgedAtMs: fromMs + 2 * hourMs,
    ...given,
  };
}
