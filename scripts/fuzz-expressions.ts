/**
 * Compares compiled expressions with the exact interpreter of the tests on random expressions and rows.
 *
 * npm run fuzz:expressions -- [--count N] [--seed S]; ends with `expressions N differences N seed S`, 1 when some differ.
 */
import { parseArgs } from "node:util";
import { fuzzExpressions } from "../test/oracle/expression-fuzz.ts";

const { values } = parseArgs({ options: { count: { type: "string" }, seed: { type: "string" } } });
const count = Number(values.count ?? 20_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const differences = fuzzExpressions({ count, seed });
for (const { expression, backEnd, row, compiled, exact } of differences) {
  const shown = JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
  process.stdout.write(
    `${expression}\n  ${backEnd} gives ${String(compiled)}, exact is ${String(exact)}\n  ${shown}\n`,
  );
}
process.stdout.write(`expressions ${count} differences ${differences.length} seed ${seed}\n`);
process.exitCode = differences.length === 0 ? 0 : 1;
