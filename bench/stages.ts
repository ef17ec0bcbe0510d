import { payments } from "./events.ts";
import { wideRecords } from "./wide-records.ts";

/** A stage that `npm run bench:wide` runs, and what it is fed with. */
export interface BenchStage {
  readonly topology: string;
  readonly stage: string;
  readonly rows: (seed: number) => Generator<Readonly<Record<string, unknown>>, never>;
  /** The fields that are the record's key and its timestamp. */
  readonly key: string;
  readonly time: string;
}

const wide = { topology: "wide.yaml", rows: wideRecords, key: "account", time: "paid_at" };

/** By name: records of sixty fields between stages, the same ones as JSON that comes in, and narrow JSON. */
export const benchStages: Readonly<Record<string, BenchStage>> = {
  wide: { ...wide, stage: "wide" },
  "json-wide": { ...wide, stage: "ingest" },
  json: { topology: "json.yaml", stage: "ingest", rows: paymentRows, key: "card", time: "paid_at" },
};

function* paymentRows(seed: number): Generator<Readonly<Record<string, unknown>>, never> {
  for (const { payment } of payments(seed)) yield { ...payment };
  throw new Error("the payments have no end");
}
