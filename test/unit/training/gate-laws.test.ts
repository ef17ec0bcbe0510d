import { describe, expect, test } from "vitest";
import { checkPaired } from "../../../src/training/gate-checks.ts";
import { boundedLogLoss, pairedDifference, squaredLoss } from "../../../src/training/paired-loss.ts";
import { byX, byZ, challenged, championBy, drawing, rowsOf, scoreBy, type World } from "../../support/challenges.ts";

const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
/** The share of seeds whose challenger is accepted. */
const accepted = (count: number, of: (seed: number) => ReturnType<typeof challenged>): number =>
  seeds(count).filter((seed) => of(seed).decision.kind === "accepted").length;

describe("a challenger that learned what is not so", () => {
  // What it learns from is sabotaged, and the recent rows say what is true.
  const champion = championBy([3, 0], 1_000);
  const sabotaged = (lie: World) => (seed: number) =>
    challenged(
      rowsOf(2_000, seed, (x, z, row) => (row < 1_500 ? lie(x, z, row) : byX(x, z, row))),
      { champion, newestRows: 1_500 },
    );

  test("from labels that are flipped is never accepted, over 200 seeds", () => {
    expect(
      accepted(
        200,
        sabotaged((x, z, row) => 1 - byX(x, z, row)),
      ),
    ).toBe(0);
  });

  test("from labels that are noise is never accepted, over 200 seeds", () => {
    expect(
      accepted(
        200,
        sabotaged(() => 0.5),
      ),
    ).toBe(0);
  });

  test("from another input is never accepted, over 200 seeds", () => {
    expect(accepted(200, sabotaged(byZ))).toBe(0);
  });
});

describe("a challenger that is as good", () => {
  /** Differences of two models that err alike, with a memory of `phi` from row to row. */
  const rejected = (runs: number, rows: number, phi: number): number =>
    seeds(runs).filter((seed) => {
      const draw = drawing(seed * 7919 + 1);
      const normal = (): number => draw() + draw() + draw() + draw() + draw() + draw() - 3;
      let noise = normal() / Math.sqrt(1 - phi * phi);
      const other = Float64Array.from({ length: rows }, () => {
        noise = phi * noise + normal();
        return noise;
      });
      const challenger = new Float64Array(rows);
      const of = { unit: "loss", other: "itself", where: "rows" };
      return checkPaired("recent", { challenger, other }, of).outcome === "failed";
    }).length;

  test("is rejected in one of ten at most, as stated, where rows err apart from each other", () => {
    // 2,000 runs at 10 % vary by 13.4: three of them are 40.
    expect(rejected(2_000, 300, 0)).toBeLessThanOrEqual(240);
    expect(rejected(2_000, 300, 0)).toBeGreaterThanOrEqual(160);
  });

  test("is rejected hardly more often where rows that follow each other err alike", () => {
    // Taken for independent, they would be rejected in a third of all runs.
    expect(rejected(1_000, 300, 0.8)).toBeLessThanOrEqual(150);
    expect(rejected(1_000, 2_000, 0.9)).toBeLessThanOrEqual(140);
  });

  test("passes the whole gate in nine of ten, and then knows what the champion knows", () => {
    // As many rows of the same world: 1,500 to learn from, both of them.
    const results = seeds(100).map((seed) => {
      const { accepted: first } = challenged(rowsOf(1_500, seed + 1_000, byX));
      const champion = { kind: "opened", version: 1, ...first!, learnedUntilMs: 1_000_001 } as const;
      return challenged(rowsOf(2_000, seed, byX), { champion });
    });
    const passed = results.filter(({ decision }) => decision.kind === "accepted");
    // One in ten, and three times what 100 runs vary by.
    expect(passed.length).toBeGreaterThanOrEqual(81);
    for (const result of passed.slice(0, 5)) expect(scoreBy(result, [1, 0])).toBeGreaterThan(0.85);
  });
});

describe("after the concept has changed", () => {
  const champion = championBy([3, 0], 1_000);
  const changed = (seed: number) => rowsOf(2_000, seed, (x, z, row) => (row < 1_000 ? byX(x, z, row) : byZ(x, z, row)));

  test("a challenger takes the place of a champion that is worthless, although it is worse on yesterday", () => {
    // It learns 1,000 rows of yesterday and 500 of today, and today's are what it is held to.
    expect(accepted(50, (seed) => challenged(changed(seed), { champion, cause: "performance", newestRows: 500 }))).toBe(
      50,
    );
    const result = challenged(changed(1), { champion, cause: "performance", newestRows: 500 });
    expect(result.decision.checks.find(({ name }) => name === "before")).toMatchObject({
      outcome: "skipped",
      text: expect.stringContaining("concept"),
    });
    // z decides now, and x says nothing any more.
    expect(scoreBy(result, [-1, 1])).toBeGreaterThan(0.8);
  });

  test("one that was asked for by anything else is held to no skill on yesterday too", () => {
    const opposed = (seed: number) =>
      rowsOf(2_000, seed, (x, z, row) => (row < 1_000 ? byX(x, z, row) : 1 - byX(x, z, row)));
    const result = challenged(opposed(3), { champion, newestRows: 500 });
    expect(result.decision.kind).toBe("rejected");
    expect(result.decision.checks.map(({ name, outcome }) => [name, outcome])).toEqual([
      ["recent", "passed"],
      ["before", "failed"],
      ["latency", "passed"],
      ["size", "passed"],
    ]);
    expect(challenged(opposed(3), { champion, newestRows: 500, cause: "performance" }).decision.kind).toBe("accepted");
  });
});

describe("losses", () => {
  test("are bounded, so that one row does not decide between two models", () => {
    expect(boundedLogLoss(0.25, 1)).toBeCloseTo(Math.log(4), 12);
    expect(boundedLogLoss(0.25, 0)).toBeCloseTo(-Math.log(0.75), 12);
    expect([boundedLogLoss(0, 1), boundedLogLoss(1, 0), boundedLogLoss(Number.NaN, 1)]).toEqual(
      Array.from({ length: 3 }, () => -Math.log(0.001)),
    );
    expect(boundedLogLoss(1, 1)).toBe(-Math.log(0.999));
    expect([squaredLoss(0.25, 1), squaredLoss(Number.NaN, 0)]).toEqual([0.5625, 1]);
  });

  test("differ by their mean and the ten pieces that it varies over", () => {
    // Pieces 1 .. 10: mean 5.5, variance 55 / 6; 1.383 x sqrt(55 / 60) is 1.32413.
    const { mean, lower, upper } = pairedDifference(
      Float64Array.from({ length: 100 }, (_, i) => 1 + Math.floor(i / 10)),
    );
    expect(mean).toBe(5.5);
    expect(upper).toBeCloseTo(5.5 + 1.32413, 4);
    expect(lower).toBeCloseTo(5.5 - 1.32413, 4);
  });
});
