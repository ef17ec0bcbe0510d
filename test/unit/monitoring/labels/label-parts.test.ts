import { expect, test } from "vitest";
import { createDetector, detectorCatalogue } from "../../../../src/monitor/index.ts";
import { keyShare } from "../../../../src/monitoring/labels/key-share.ts";
import { VersionErrors } from "../../../../src/monitoring/labels/version-errors.ts";

// Worked apart, in Python, with FNV-1a of 32 bits and fmix32 of MurmurHash3.
test.each([
  ["", 2_872_998_923],
  ["a", 444_641_715],
  ["b", 2_193_908_274],
  ["customer-7", 2_465_736_963],
])("the share of %j is %d of 2^32", (key, share) => {
  expect(keyShare(key)).toBe(share / 2 ** 32);
});

test("each detector of a version keeps its first alarm, with the row and the time of it, and counts those after it", () => {
  const errors = new VersionErrors([{ kind: "ddm", config: detectorCatalogue.ddm.config.parse({}) }]);
  expect(errors.states).toEqual([{ kind: "ddm", rows: 0, sinceRow: undefined, sinceMs: undefined, alarms: 0 }]);
  for (let row = 1; row <= 400; row++) errors.add(row > 200 ? row % 10 !== 0 : row % 10 === 0, row * 1_000);
  const [first] = errors.states;
  expect(first).toMatchObject({ kind: "ddm", rows: 400 });
  expect(first?.sinceRow).toBeGreaterThan(200);
  expect(first?.sinceMs).toBe((first?.sinceRow ?? 0) * 1_000);
  for (let row = 401; row <= 2_000; row++) errors.add(Math.floor(row / 200) % 2 === 0, row * 1_000);
  const detector = createDetector("ddm", detectorCatalogue.ddm.config.parse({}));
  let alarms = 0;
  for (let row = 1; row <= 2_000; row++) {
    const isError = row > 400 ? Math.floor(row / 200) % 2 === 0 : row > 200 ? row % 10 !== 0 : row % 10 === 0;
    if (detector.add(isError ? 1 : 0) === "drift") alarms++;
  }
  expect(alarms).toBeGreaterThan(1);
  expect(errors.states).toEqual([{ ...first, rows: 2_000, alarms }]);
});
