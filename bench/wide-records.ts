import { type Rng, seededRng } from "../src/kernel/index.ts";

export const wideBaseMs = 1_735_689_600_000;
const states = ["NEW", "OPEN", "HELD", "DONE", "GONE"];
const accountCount = 20_000;

/** A seeded stream of records as the schema `wide-60` has them. */
export function* wideRecords(seed: number): Generator<Readonly<Record<string, unknown>>, never> {
  const rng = seededRng(seed);
  for (let i = 0; ; i++) yield wideRecord(rng, i);
}

function wideRecord(rng: Rng, i: number): Readonly<Record<string, unknown>> {
  const row: Record<string, unknown> = {
    event_id: `in-0-${String(i).padStart(7, "0")}`,
    account: `a${String(rng.below(accountCount)).padStart(11, "0")}`,
  };
  for (let n = 3; n <= 20; n++) row[name("text", n)] = String(rng.below(4e9)).padStart(12, "x");
  row["paid_at"] = wideBaseMs + i * 100;
  for (let n = 2; n <= 15; n++) row[name("count", n)] = rng.below(4e9) * 1_000;
  for (let n = 1; n <= 10; n++) row[name("amount", n)] = rng.normal();
  for (let n = 1; n <= 10; n++) row[name("rate", n)] = rng.below(4) === 0 ? null : rng.uniform();
  for (let n = 1; n <= 5; n++) row[name("state", n)] = states[rng.below(states.length)];
  return row;
}

function name(stem: string, n: number): string {
  return `${stem}_${String(n).padStart(2, "0")}`;
}
