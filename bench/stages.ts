import { payments } from "./events.ts";
import { type StateLoad, stateRecords } from "./state-records.ts";
import { wideRecords } from "./wide-records.ts";

/** A stage that `npm run bench:wide` or `npm run bench:state` runs, and what it is fed with. */
export interface BenchStage {
  readonly topology: string;
  readonly stage: string;
  readonly rows: (seed: number) => Generator<Readonly<Record<string, unknown>>, never>;
  /** The fields that are the record's key and its timestamp. */
  readonly key: string;
  readonly time: string;
  /** Share of the records before which nothing is measured: the state is being filled. By default a tenth. */
  readonly fillShare?: number;
}

const wide = { topology: "wide.yaml", rows: wideRecords, key: "account", time: "paid_at" };

const weekMs = 7 * 86_400_000;
const hourMs = 3_600_000;

/** The windows hold one and a half million rows, spread over so many cards, before anything is measured. */
const spread = (cards: number) => state("windows", { cards, stepMs: weekMs / 1_500_000 });
const hot = { cards: 1, stepMs: weekMs / 300_000 };

/** By name: records of sixty fields between stages, the same ones as JSON that comes in, and narrow JSON. */
export const benchStages: Readonly<Record<string, BenchStage>> = {
  wide: { ...wide, stage: "wide" },
  "json-wide": { ...wide, stage: "ingest" },
  json: { topology: "json.yaml", stage: "ingest", rows: paymentRows, key: "card", time: "paid_at" },
  "cards-75000": spread(75_000),
  "cards-1000": spread(1_000),
  "hot-card": state("windows", hot),
  "hot-card-late": state("windows", { ...hot, lateShare: 0.05, lateMs: hourMs }),
  // Lateness is a day and a second here: 60,000 times that lie further apart than 1 s.
  "hot-id": state("ids", { cards: 1, stepMs: 1_440 }),
};

function state(stage: string, load: Partial<StateLoad> & Pick<StateLoad, "cards" | "stepMs">): BenchStage {
  const rows = stateRecords({ lateShare: 0, lateMs: 0, ...load });
  return { topology: "state.yaml", stage, rows, key: "card", time: "paid_at", fillShare: 0.75 };
}

function* paymentRows(seed: number): Generator<Readonly<Record<string, unknown>>, never> {
  for (const { payment } of payments(seed)) yield { ...payment };
  throw new Error("the payments have no end");
}
