import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { microBatchRows, type Scorer } from "../../src/model/index.ts";

/** A number that stands where nothing may be written. */
const untouched = -7;

/** Scores of rows in one call, into the middle of a longer array whose other places must stay as they are. */
async function scoresOf(scorer: Scorer, rows: readonly (readonly number[])[], before = 0): Promise<number[]> {
  const into = new Float64Array(before + rows.length + 2).fill(untouched);
  const flat = Float64Array.from(rows.flat());
  const given = Float64Array.from(flat);
  await scorer.score(flat, rows.length, into, before);
  expect(flat).toEqual(given);
  expect([...into.subarray(0, before), ...into.subarray(before + rows.length)]).toEqual(
    Array(before + 2).fill(untouched),
  );
  return [...into.subarray(before, before + rows.length)];
}

/**
 * What every scorer promises. `open` answers a model with a scorer of its own; `values` are some of the texts that it
 * knows, for inputs that are categories.
 *
 * @param digits how many decimals two scores of one row share: a backend may compute rows of another count otherwise
 */
export function scorerContract(
  name: string,
  open: () => Promise<Scorer> | Scorer,
  { values = [], digits = 15 }: { readonly values?: readonly string[]; readonly digits?: number } = {},
): void {
  const close = (a: number, b: number): boolean => Object.is(a, b) || Math.abs(a - b) < 0.5 * 10 ** -digits;

  /** Numbers as features have them, far away ones, and null (NaN). */
  const rowsOf = (scorer: Scorer, countMax: number): fc.Arbitrary<number[][]> => {
    const number = fc.oneof(
      fc.double({ min: -100, max: 100, noNaN: true }),
      fc.constantFrom(Number.NaN, 0, -0, 1e300, -1e300, Infinity, -Infinity),
    );
    const row = scorer.signature.inputs.map(({ kind }, input) => {
      if (kind === "boolean") return fc.constantFrom(0, 1, Number.NaN);
      if (kind === "number") return number;
      return fc.constantFrom(Number.NaN, ...[...values, "seen by nobody"].map((value) => codeOf(scorer, input, value)));
    });
    return fc.array(fc.tuple(...row), { minLength: 1, maxLength: countMax });
  };

  describe(`${name} as a scorer`, () => {
    test("gives a row its score whatever rows stand beside it, and wherever it is to be put", async () => {
      const scorer = await open();
      const property = fc.asyncProperty(rowsOf(scorer, microBatchRows), fc.nat(5), async (rows, before) => {
        const together = await scoresOf(scorer, rows, before);
        const alone: number[] = [];
        for (const row of rows) alone.push(...(await scoresOf(scorer, [row])));
        expect(together.length).toBe(rows.length);
        expect(together.every((score, i) => close(score, alone[i] as number))).toBe(true);
      });
      await fc.assert(property, { numRuns: 30 });
    });

    test("answers a probability for numbers however far away, and for null", async () => {
      const scorer = await open();
      const property = fc.asyncProperty(rowsOf(scorer, microBatchRows), async (rows) => {
        for (const score of await scoresOf(scorer, rows)) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1);
        }
      });
      await fc.assert(property, { numRuns: 30 });
    });

    test("keeps two calls that are under way at once apart", async () => {
      const scorer = await open();
      const [one, two] = fc.sample(rowsOf(scorer, 8), { numRuns: 2, seed: 20_260_101 }) as [number[][], number[][]];
      const expected = [await scoresOf(scorer, one), await scoresOf(scorer, two)];
      expect(await Promise.all([scoresOf(scorer, one), scoresOf(scorer, two)])).toEqual(expected);
    });

    test("knows every category it was trained on by a number of its own, and all others by one", async () => {
      const scorer = await open();
      scorer.signature.inputs.forEach(({ kind }, input) => {
        if (kind !== "category") return;
        const known = values.map((value) => codeOf(scorer, input, value));
        const other = codeOf(scorer, input, "seen by nobody");
        expect(new Set([...known, other]).size).toBe(values.length + 1);
        expect(codeOf(scorer, input, "nor this one")).toBe(other);
        expect(codeOf(scorer, input, "toString")).toBe(other);
      });
    });
  });
}

function codeOf(scorer: Scorer, input: number, value: string): number {
  const code = scorer.code?.(input, value);
  if (code === undefined) throw new Error("a scorer with categories has a code for each");
  return code;
}
