import { expect, test } from "vitest";
import type { CpuProfile, ProfileNode } from "../../../bench/profile-summary.ts";
import { summariseProfile } from "../../../bench/profile-summary.ts";
import { spreadOf, spreadText, tableText } from "../../../bench/summary.ts";

test("the median is the middle figure, or the mean of the middle two", () => {
  expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spreadText(spreadOf([7]), 1)).toBe("7.0 (7.0-7.0)");
  expect(() => spreadOf([])).toThrow("no figures");
});

test("a table has its first column to the left and figures to the right", () => {
  expect(
    tableText([
      ["", "µs"],
      ["loop", "10.25"],
      ["m", "4"],
    ]),
  ).toBe("         µs\nloop  10.25\nm         4");
});

const node = (id: number, functionName: string, url: string, children: readonly number[] = []): ProfileNode => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
  children,
});

const profile: CpuProfile = {
  startTime: 1_000,
  nodes: [
    node(1, "(root)", "", [2, 3, 8, 9]),
    node(2, "(idle)", ""),
    node(3, "#piece", "file:///r/src/runtime/pump.js", [4, 6]),
    node(4, "decode", "file:///r/src/runtime/input-reader.js", [5]),
    node(5, "readDoubleLE", "node:internal/buffer"),
    node(6, "finish", "file:///r/src/wire/record-batch-builder.js", [7]),
    node(7, "crc32c", "file:///r/src/wire/crc32c.js"),
    node(8, "(garbage collector)", ""),
    node(9, "runMicrotasks", ""),
  ],
  samples: [2, 3, 5, 7, 8, 9, 2],
  timeDeltas: [100, 10, 20, 30, 40, 50, 60],
};

test("a sample counts until the next one, for the area of its function or of the nearest caller that has one", () => {
  const { microsByArea, busyMicros } = summariseProfile(profile, 0, 10_000);
  expect(microsByArea).toMatchObject({
    "stage, pump": 20,
    "Avro decode": 30,
    "batch build, CRC": 40,
    "garbage collection": 50,
    rest: 60,
    infer: 0,
  });
  expect(busyMicros).toBe(200);
});

test("samples outside the window are left out, and idle time always is", () => {
  // Samples stand at 1100, 1110, 1130, 1160, 1200, 1250 and 1310.
  const { microsByArea, busyMicros } = summariseProfile(profile, 1_130, 1_200);
  expect(microsByArea).toMatchObject({ "stage, pump": 0, "Avro decode": 30, "batch build, CRC": 40, rest: 0 });
  expect(busyMicros).toBe(70);
});

test("the functions that took most come first, each with its area", () => {
  const [first, second] = summariseProfile(profile, 0, 10_000).functions;
  expect(first).toEqual({ name: "runMicrotasks :10", area: "rest", micros: 60 });
  expect(second).toMatchObject({ area: "garbage collection", micros: 50 });
});

test("the same function under two callers is two entries, one per area", () => {
  const shared: CpuProfile = {
    startTime: 0,
    nodes: [
      node(1, "(root)", "", [2, 4]),
      node(2, "decodeFetched", "file:///r/src/wire/decode-fetched.js", [3]),
      node(3, "crc32c", "file:///r/src/wire/crc32c.js"),
      node(4, "finish", "file:///r/src/wire/record-batch-builder.js", [5]),
      node(5, "crc32c", "file:///r/src/wire/crc32c.js"),
    ],
    samples: [3, 5, 3],
    timeDeltas: [0, 3, 4],
  };
  expect(summariseProfile(shared, 0, 100).functions.map(({ area, micros }) => [area, micros])).toEqual([
    ["batch build, CRC", 4],
    ["fetch: CRC, record index", 3],
  ]);
});
