/**
 * `tsx bench/json-reader.ts OLD [STAGE] [ROUNDS]`: the reader of JSON alone, this build beside an older one in one
 * process, turn by turn. What counts is the whole stage (`npm run bench:wide -- --stage json`); this says where it goes.
 */
import { join, resolve } from "node:path";
import { benchStages } from "./stages.ts";
import { spreadOf } from "./summary.ts";

const recordCount = 20_000;
const passesPerTurn = 5;

async function main(old: string, name: string, rounds: number): Promise<void> {
  const what = benchStages[name];
  if (what === undefined) throw new Error(`no stage ${name}: ${Object.keys(benchStages).join(", ")}`);
  const source = what.rows(20_260_101);
  const values = Array.from({ length: recordCount }, () => Buffer.from(JSON.stringify(source.next().value)));
  const bytes = Buffer.concat(values);
  const builds = { old: resolve(old), new: join(import.meta.dirname, "..") };
  const passes: Record<"old" | "new", () => void> = { old: () => undefined, new: () => undefined };
  for (const build of ["old", "new"] as const) {
    const [schema, { loadPlan }] = await Promise.all(
      ["schema/index.js", "app/load-topology.js"].map((path) => import(join(builds[build], "dist", path))),
    );
    const plan = loadPlan(join(import.meta.dirname, what.topology), {}, undefined);
    const stage = plan.stages.find((planned: { name: string }) => planned.name === what.stage);
    const reader = schema.createJsonReader({
      schema: stage.to.schema,
      casts: stage.ingest.casts,
      key: what.key,
      supplied: ["event_id"],
      eventTime: what.time,
    });
    passes[build] = () => {
      let at = 0;
      for (const { length } of values) {
        reader.read(bytes, at, at + length);
        at += length;
      }
    };
  }
  const nanos: Record<"old" | "new", number[]> = { old: [], new: [] };
  for (let round = 0; round < rounds; round++) {
    for (const build of round % 2 === 0 ? (["old", "new"] as const) : (["new", "old"] as const)) {
      const from = process.cpuUsage();
      for (let pass = 0; pass < passesPerTurn; pass++) passes[build]();
      const { user, system } = process.cpuUsage(from);
      // The first turns compile.
      if (round > 1) nanos[build].push((1e3 * (user + system)) / (passesPerTurn * recordCount));
    }
  }
  const [before, after] = [spreadOf(nanos.old), spreadOf(nanos.new)];
  const line = (spread: typeof before) =>
    `${spread.median.toFixed(0)} ns (${spread.min.toFixed(0)}-${spread.max.toFixed(0)})`;
  process.stdout.write(
    `${name}: old ${line(before)}, new ${line(after)}, ratio ${(before.median / after.median).toFixed(3)}\n`,
  );
}

await main(process.argv[2] ?? "", process.argv[3] ?? "json", Number(process.argv[4] ?? 22));
