/**
 * `npm run bench:wide -- --old FOLDER`: one stage with one `derive` on records of sixty fields, on the memory broker,
 * this build beside an older one. Both are built before (`npm run build`). See docs/benchmarks.md.
 *
 *   npm run bench:wide -- --old FOLDER [--rounds N] [--records N] [--stage wide|json|json-wide]
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { repository, runStage, type StageResult } from "./run-stage.ts";
import { spreadOf, spreadText, tableText } from "./summary.ts";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      old: { type: "string" },
      stage: { type: "string", default: "wide" },
      rounds: { type: "string", default: "5" },
      records: { type: "string", default: "200000" },
    },
  });
  if (values.old === undefined) throw new Error("--old FOLDER: a built clone of the version to compare with");
  const builds = { old: resolve(values.old), new: repository };
  for (const build of Object.values(builds)) {
    if (!existsSync(join(build, "dist"))) throw new Error(`${build} is not built: run npm run build there`);
  }
  const [rounds, records] = [Number(values.rounds), Number(values.records)];
  const results: Record<"old" | "new", StageResult[]> = { old: [], new: [] };
  for (let round = 0; round < rounds; round++) {
    const order = ["old", "new"] as const;
    // Who goes first changes, so that neither always meets a warmer machine.
    for (const name of round % 2 === 0 ? order : order.toReversed())
      results[name].push(await runStage(builds[name], records, values.stage));
  }
  say(report(results, records));
}

function report(results: Readonly<Record<"old" | "new", readonly StageResult[]>>, records: number): string {
  const perCpuSecond = (name: "old" | "new") =>
    spreadOf(results[name].map(({ window }) => (1e6 * window.records) / window.cpuMicros));
  const rows = (["old", "new"] as const).map((name) => {
    const micros = spreadOf(results[name].map(({ window }) => window.cpuMicros / window.records));
    const { median, min, max } = perCpuSecond(name);
    const delays = spreadOf(results[name].map(({ delayMsMax }) => delayMsMax));
    const thousands = { median: median / 1e3, min: min / 1e3, max: max / 1e3 };
    return [name, spreadText(micros, 2), spreadText(thousands, 0), delays.median.toFixed(0)];
  });
  const bytes = results.new[0]?.bytes.toFixed(1) ?? "";
  return [
    `${records} records of ${bytes} bytes each, ${results.new.length} runs of either build`,
    "",
    tableText([["", "µs CPU per record", "1,000 records per CPU-second", "longest event-loop delay, ms"], ...rows]),
    "",
    "Medians, in brackets the range; the memory broker's own work is in both.",
    `ratio ${(perCpuSecond("new").median / perCpuSecond("old").median).toFixed(2)}`,
  ].join("\n");
}

await main();
