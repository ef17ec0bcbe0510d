/**
 * `npm run bench:state`: what many rows and hot keys cost, on the memory broker. Build before (`npm run build`). See
 * docs/benchmarks.md.
 *
 *   npm run bench:state -- [--rounds N] [--build FOLDER]
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { repository, runStage, type StageResult } from "./run-stage.ts";
import { spreadOf, spreadText, tableText } from "./summary.ts";

interface Shape {
  readonly stage: string;
  readonly says: string;
  /** The last quarter is measured. */
  readonly records: number;
}

const fewKeys: Shape = { stage: "cards-1000", says: "six windows, 1,000 keys, 1,500 rows each", records: 2_000_000 };
const manyKeys: Shape = { stage: "cards-75000", says: "six windows, 75,000 keys, 20 rows each", records: 2_000_000 };
const shapes: readonly Shape[] = [
  manyKeys,
  fewKeys,
  { stage: "hot-card", says: "six windows, one key of 300,000 rows", records: 400_000 },
  { stage: "hot-card-late", says: "the same, 5 % up to 1 h late", records: 400_000 },
  { stage: "hot-id", says: "dedupe, one id of 60,000 spans", records: 80_000 },
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "3" }, build: { type: "string", default: repository } },
  });
  const build = resolve(values.build);
  if (!existsSync(join(build, "dist"))) throw new Error(`${build} is not built: run npm run build there`);
  const results = new Map<Shape, StageResult[]>(shapes.map((shape) => [shape, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    // Who goes first changes, so that none always meets a warmer machine.
    for (const shape of round % 2 === 0 ? shapes : shapes.toReversed()) {
      results.get(shape)?.push(await runStage(build, shape.records, shape.stage));
    }
  }
  const microsOf = (shape: Shape) =>
    spreadOf((results.get(shape) ?? []).map(({ window }) => window.cpuMicros / window.records));
  const rows = shapes.map((shape) => [shape.says, spreadText(microsOf(shape), 2)]);
  const lines = [
    tableText([["", "µs CPU per record"], ...rows]),
    "",
    "Medians, in brackets the range; whole stages with decoding, encoding and the memory broker's own work.",
    `ratio ${(microsOf(fewKeys).median / microsOf(manyKeys).median).toFixed(2)}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

await main();
