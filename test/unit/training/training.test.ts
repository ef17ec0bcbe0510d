import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Signature } from "../../../src/model/index.ts";
import { createTrainingRows, splitByTime, train } from "../../../src/training/index.ts";

const signature: Signature = { task: "binary", inputs: [{ name: "x", kind: "number" }] };
const one = (x: number): Float64Array => Float64Array.of(x);

describe("joining labels to features", () => {
  test("drops repeats of an event and rows without a label, and orders by time, then event id", () => {
    const rows = createTrainingRows(1);
    rows.addFeatures("t-0-2", 20, "b", one(2));
    rows.addFeatures("t-0-1", 10, "a", one(1));
    rows.addFeatures("t-0-1", 10, "a", one(99)); // a repeat of an at-least-once chain
    rows.addFeatures("t-0-3", 10, "c", one(3));
    rows.addFeatures("t-0-4", 30, "d", one(4));
    for (const key of ["a", "b", "c"]) rows.addLabel(`l-${key}`, 50, key, key === "b" ? 1 : 0);
    const set = rows.join();
    expect([...set.inputs]).toEqual([1, 3, 2]);
    expect([...set.labels]).toEqual([0, 0, 1]);
    expect([...set.timesMs]).toEqual([10, 10, 20]);
    expect(set.featureCount).toBe(4);
    expect(set.unlabelledCount).toBe(1);
  });

  test("takes a label's last value by event time, whichever arrived last", () => {
    const rows = createTrainingRows(1);
    rows.addFeatures("t-0-1", 10, "a", one(1));
    rows.addLabel("l-0-2", 200, "a", 1);
    rows.addLabel("l-0-3", 100, "a", 0);
    expect([...rows.join().labels]).toEqual([1]);
  });

  test("gives the same rows whatever the order of arrival", () => {
    const events = Array.from({ length: 30 }, (_, i) => ({ id: `t-0-${i}`, time: (i * 7) % 10, key: `k${i % 12}` }));
    const build = (order: readonly number[]) => {
      const rows = createTrainingRows(1);
      for (const i of order) {
        const event = events[i]!;
        rows.addFeatures(event.id, event.time, event.key, one(i));
        rows.addLabel(`l-${i}`, i, event.key, i % 2 === 0 ? 1 : 0);
      }
      return rows.join();
    };
    const straight = build(events.map((_, i) => i));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          events.map((_, i) => i),
          { minLength: 30, maxLength: 30 },
        ),
        (order) => {
          expect(build(order)).toEqual(straight);
        },
      ),
    );
  });
});

describe("splitting by time", () => {
  const setOf = (times: readonly number[]) => ({
    inputs: new Float64Array(times.length),
    labels: new Float64Array(times.length),
    timesMs: Float64Array.from(times),
    width: 1,
    featureCount: times.length,
    unlabelledCount: 0,
  });

  test("holds back the latest fifth", () => {
    expect(splitByTime(setOf([1, 2, 3, 4, 5]), 0.2)).toEqual({ trainCount: 4, validationCount: 1, splitAtMs: 5 });
  });

  test("keeps rows of one moment on the later side", () => {
    expect(splitByTime(setOf([1, 2, 5, 5, 5]), 0.2)).toEqual({ trainCount: 2, validationCount: 3, splitAtMs: 5 });
  });

  test("holds nothing back when there is too little", () => {
    expect(splitByTime(setOf([1, 2]), 0.2)).toEqual({ trainCount: 2, validationCount: 0, splitAtMs: undefined });
  });
});

describe("a training run", () => {
  const rowsOf = (labels: readonly (0 | 1)[]) => {
    const rows = createTrainingRows(1);
    for (const [i, label] of labels.entries()) {
      rows.addFeatures(`t-0-${i}`, i, `k${i}`, one(label === 1 ? i % 7 : -(i % 5)));
      rows.addLabel(`l-${i}`, i, `k${i}`, label);
    }
    return rows.join();
  };

  test("measures on the later part only", () => {
    const labels = Array.from({ length: 100 }, (_, i): 0 | 1 => (i % 3 === 0 ? 1 : 0));
    const result = train(rowsOf(labels), signature);
    expect(result.split).toEqual({ trainCount: 80, validationCount: 20, splitAtMs: 80 });
    expect(result.metrics?.rows).toBe(20);
    expect(result.metrics?.auc).toBeGreaterThan(0.8);
  });

  test("says which class is missing", () => {
    expect(() => train(rowsOf([0, 0, 0, 0, 0, 0, 0, 0, 1, 1]), signature)).toThrow(
      "training on 8 rows: all rows before 1970-01-01T00:00:00.008Z are negative; both classes are needed",
    );
  });

  test("says when no row has a label", () => {
    const rows = createTrainingRows(1);
    rows.addFeatures("t-0-0", 1, "k", one(1));
    expect(() => train(rows.join(), signature)).toThrow("none of 1 feature rows has a label");
  });
});
