import { describe, expect, test } from "vitest";
import { adwin } from "../../../../src/monitor/detectors/adwin.ts";
import { detectorCatalogue } from "../../../../src/monitor/detectors/catalogue.ts";
import { cusum } from "../../../../src/monitor/detectors/cusum.ts";
import { ddm } from "../../../../src/monitor/detectors/ddm.ts";
import type { Detector, DetectorDefinition } from "../../../../src/monitor/detectors/detector.ts";
import { eddm } from "../../../../src/monitor/detectors/eddm.ts";
import { hddmA } from "../../../../src/monitor/detectors/hddm-a.ts";
import { hddmW } from "../../../../src/monitor/detectors/hddm-w.ts";
import { kswin } from "../../../../src/monitor/detectors/kswin.ts";
import { pageHinkley } from "../../../../src/monitor/detectors/page-hinkley.ts";
import fixture from "../../../golden/detectors.json" with { type: "json" };
import { PythonRandom, publishedStreams as streams } from "../../../support/published-streams.ts";

function made<Config>(definition: DetectorDefinition<Config>, config: unknown = {}): Detector {
  return definition.create(definition.config.parse(config));
}

function drifts(detector: Detector, values: readonly number[]): number[] {
  return values.flatMap((value, i) => (detector.add(value) === "drift" ? [i] : []));
}

/** Indices of the first warning, and of the first behind each drift. */
function warnings(detector: Detector, values: readonly number[]): number[] {
  let isWarned = false;
  return values.flatMap((value, i) => {
    const signal = detector.add(value);
    const isFirst = signal === "warning" && !isWarned;
    isWarned = signal !== "drift" && (isWarned || isFirst);
    return isFirst ? [i] : [];
  });
}

describe("the streams are those that the indices were published for", () => {
  test("by their first values, and their sums", () => {
    const { S1, S4, S5 } = streams;
    expect(S1().slice(0, 8)).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
    expect(S1().slice(1000, 1004)).toEqual([4, 6, 7, 4]);
    expect(S4().slice(0, 8)).toEqual([0, 1, 1, 1, 0, 1, 0, 0]);
    expect(S4().slice(1000, 1005)).toEqual([3, 4, 5, 5, 7]);
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    expect([sum(S5().slice(0, 1000)), sum(S5().slice(1000))]).toEqual([202, 798]);
  });
});

// Sources: River, `drift/*.py` docstrings and tests; a version of ADWIN that leaves out the newest bucket finds the
// second and third change of S3 at 2047 and 3039, and that of S4 at 1055.
describe("alarms stand where the documents of River have them", () => {
  test("ADWIN", () => {
    expect(drifts(made(adwin), streams.S1())).toEqual([1023]);
    expect(drifts(made(adwin), streams.S3())).toEqual([1023, 2015, 3007]);
    expect(drifts(made(adwin), streams.S4())).toEqual([1023]);
    expect(drifts(made(adwin), Array(5_000).fill(1))).toEqual([]);
  });

  test("Page-Hinkley", () => {
    expect(drifts(made(pageHinkley), streams.S1())).toEqual([1006]);
  });

  test("KSWIN", () => {
    const config = { alpha: 0.0001, seed: 42 };
    expect(drifts(made(kswin, config), streams.S1())).toEqual([1016]);
    expect(drifts(made(kswin, { ...config, windowSamples: 200, recentSamples: 100 }), streams.S4())).toEqual([1042]);
  });

  test("DDM", () => {
    expect(warnings(made(ddm), streams.S2())).toEqual([1084, 1492]);
    expect(drifts(made(ddm), streams.S2())).toEqual([1334]);
    expect(drifts(made(ddm), streams.S5())).toEqual([1049]);
  });

  test("EDDM", () => {
    const config = { warning: 0.8, drift: 0.75 };
    expect(warnings(made(eddm, config), streams.S2())).toEqual([1059]);
    expect(drifts(made(eddm, config), streams.S2())).toEqual([1278]);
  });

  test("HDDM-A", () => {
    expect(warnings(made(hddmA), streams.S2())[0]).toBe(451);
    expect(drifts(made(hddmA), streams.S2())).toEqual([1206]);
    expect(drifts(made(hddmA), streams.S5())).toEqual([1047]);
    expect(drifts(made(hddmA, { sides: "both" }), streams.S6())).toEqual([531, 1015, 1545]);
  });

  test("HDDM-W", () => {
    expect(warnings(made(hddmW), streams.S2())[0]).toBe(451);
    expect(drifts(made(hddmW), streams.S2())).toEqual([1077]);
    expect(drifts(made(hddmW), streams.S5())).toEqual([1018]);
  });

  test("CUSUM", () => {
    expect(drifts(made(cusum), streams.S9())).toEqual([201, 251]);
  });
});

test("CUSUM counts in sample standard deviations of its warm-up", () => {
  // 0 and 2: mean 1, deviation the root of 2. 2.4 is 0.99 of them above, 2.5 is 1.06; slack 0, limit 1.
  const at = (value: number): string => {
    const detector = made(cusum, { warmUpSamples: 2, slack: 0, limit: 1 });
    return [0, 2, value].map((x) => detector.add(x)).at(-1)!;
  };
  expect([at(2.4), at(2.5), at(-0.4), at(-0.5)]).toEqual(["steady", "drift", "steady", "drift"]);
});

describe("every alarm is that of River on streams of errors whose rate changes", () => {
  for (const [kind, definition] of Object.entries(detectorCatalogue)) {
    if (!(kind in fixture.cases[0]!.alarms)) continue;
    test(kind, () => {
      for (const { seed, after, errors, alarms } of fixture.cases) {
        const random = new PythonRandom(seed);
        const values = Array.from({ length: 7_000 }, (_, i) => (random.random() < (i < 5_000 ? 0.2 : after) ? 1 : 0));
        expect(values.filter((value) => value === 1).length).toBe(errors);
        const found = drifts(made(definition as DetectorDefinition<unknown>), values);
        expect({ seed, after, found }).toEqual({ seed, after, found: alarms[kind as keyof typeof alarms] });
      }
    });
  }
});
