/**
 * Sixty planted incidents, ten of each cause, half of them with a second thing going on at once: whether the judge names
 * the cause. `npm run bench:incidents -- --set first|second --seed S [--each N]`; the
 * last line is `incidents N detected N right N`, before it stands which cause was taken for which. It ends with 1 when fewer
 * than nine tenths are right; `--each 3` is the short form, of eighteen.
 *
 * What is planted and what is right is decided by how the rows are made; the judge is given partials alone.
 */
import { parseArgs } from "node:util";
import { causes } from "../src/monitor/index.ts";
import type { Named, PlantedSet } from "./incidents/planted.ts";
import { firstSet } from "./incidents-first.ts";
import { secondSet } from "./incidents-second.ts";

const rightShareMin = 0.9;
const sets: Readonly<Record<string, (seed: number) => PlantedSet>> = { first: firstSet, second: secondSet };

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    set: { type: "string", default: "first" },
    each: { type: "string", default: "10" },
  },
});
const perCause = Number(values.each);
if (!Number.isSafeInteger(perCause) || perCause < 1) throw new Error("--each is a whole number of at least 1");
const setOf = sets[values.set];
if (setOf === undefined) throw new Error(`--set is one of ${Object.keys(sets).join(", ")}`);
const plant = setOf(Number(values.seed));
let detected = 0;
let right = 0;
for (const truth of causes) {
  const line = new Map<Named, number>();
  for (let i = 0; i < perCause; i++) {
    const named = plant(truth, i);
    if (named !== "not seen" && named !== "fired before") detected++;
    if (named === truth) right++;
    line.set(named, (line.get(named) ?? 0) + 1);
  }
  process.stdout.write(`${truth}: ${[...line].map(([cause, times]) => `${cause} ${times}`).join(", ")}\n`);
}
process.stdout.write(`incidents ${causes.length * perCause} detected ${detected} right ${right}\n`);
if (right < rightShareMin * causes.length * perCause) process.exitCode = 1;
