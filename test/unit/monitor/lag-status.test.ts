import { describe, expect, test } from "vitest";
import { CommitHistory, type LagQuestion, lagStatus } from "../../../src/monitor/lag-status.ts";

/** Commits a minute apart, as offset and lag; now is a minute behind the last, and the end is where the last lag says. */
function question(commits: readonly (readonly [number, number])[], changes: Partial<LagQuestion> = {}): LagQuestion {
  const observed = commits.map(([offset, lag], i) => ({ atMs: (i + 1) * 60_000, offset, lag }));
  const last = observed.at(-1);
  const end = (last?.offset ?? 0) + (last?.lag ?? 0);
  const nowMs = (last?.atMs ?? 0) + 60_000;
  return { commits: observed, ends: [end], lag: last?.lag ?? 0, nowMs, lagAllowed: 0, pauseMs: 0, ...changes };
}

// Worked by hand from the rules, in their order.
describe("a partition is", () => {
  const withLags = (lags: readonly number[], step = 100) => lags.map((lag, i) => [100 + step * i, lag] as const);
  const working = withLags([50, 60, 40, 70, 60]);
  const behind = withLags([50, 60, 60, 70, 80]);
  const still = withLags([50, 60, 70, 80, 90], 0);

  const cases: readonly (readonly [string, LagQuestion, string])[] = [
    ["well while its lag shrinks now and then, however large it is", question(working), "ok"],
    ["growing when no commit left a smaller lag", question(behind), "growing"],
    ["well when there was no lag at one of the commits", question([[50, 0], ...behind]), "ok"],
    ["well when there is no lag now", question(behind, { lag: 0 }), "ok"],
    ["well at the lag that is allowed, and not beyond", question(behind, { lagAllowed: 80 }), "ok"],
    ["growing beyond what is allowed", question(behind, { lagAllowed: 49 }), "growing"],
    ["well when one of the commits was within what is allowed", question(behind, { lagAllowed: 50 }), "ok"],
    ["not stopped while it pauses for no longer than its commits took", question(working, { nowMs: 540_000 }), "ok"],
    ["stopped when it pauses for longer", question(working, { nowMs: 540_001 }), "stopped"],
    ["stopped also when there was no lag before", question([[50, 0], ...working], { nowMs: 9e9 }), "stopped"],
    ["not stopped within the pause that means nothing", question(working, { nowMs: 9e5, pauseMs: 9e5 }), "ok"],
    ["idle when it had reached an end that was seen lately", question(working, { nowMs: 9e9, ends: [500, 560] }), "ok"],
    ["stopped rather than rewound", question([[900, 5], ...working], { nowMs: 9e9 }), "stopped"],
    ["rewound when it went back and was not there again", question([[900, 5], ...working]), "rewound"],
    [
      "well when it went back and is there again",
      question([
        [300, 40],
        [200, 140],
        [300, 60],
      ]),
      "ok",
    ],
    ["stalled when it commits the same offset", question(still), "stalled"],
    ["well when it commits the same offset and had no lag there", question([[100, 0], ...still]), "ok"],
    ["well after four commits, whatever they left", question(behind.slice(1)), "ok"],
    ["well after four commits of one offset", question(still.slice(1)), "ok"],
    ["well when nothing is known of it", question([], { lag: 10 }), "ok"],
  ];
  for (const [name, asked, status] of cases) test(name, () => expect(lagStatus(asked)).toBe(status));
});

describe("of a partition that is looked at now and then", () => {
  test("a commit is a change of the offset, and a pause of a minute without one is a stop", () => {
    const history = new CommitHistory();
    const at = (seconds: number, committed: number, end: number): string => {
      history.add(seconds * 1_000, committed, end);
      return history.status(seconds * 1_000, 0, 30_000);
    };
    expect(at(0, 0, 100)).toBe("ok");
    for (let i = 1; i < 4; i++) expect(at(5 * i, 10 * i, 100 + 15 * i)).toBe("ok");
    expect(at(20, 40, 160)).toBe("growing");
    expect(at(50, 40, 230)).toBe("growing");
    expect(at(51, 40, 240)).toBe("stopped");
    expect(at(60, 240, 240)).toBe("ok");
    expect(at(9_000, 240, 240)).toBe("ok");
  });

  test("ten commits are held: what lies behind them is forgotten", () => {
    const history = new CommitHistory();
    for (let i = 0; i < 11; i++) history.add(i, i, 100 * i + (i === 0 ? 0 : 50));
    // The first had no lag; with it among the commits all would be well.
    expect(history.status(11, 0, 30_000)).toBe("growing");
  });
});
