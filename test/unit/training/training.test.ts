import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ArtefactFiles,
  type ArtefactStore,
  type InputKind,
  type LearnerKind,
  type LogisticModel,
  learnerKinds,
  learnerOf,
  type Signature,
  versionFiles,
} from "../../../src/model/index.ts";
import {
  type ChoiceMetric,
  choiceMetrics,
  createTrainingRows,
  splitByTime,
  train,
} from "../../../src/training/index.ts";
import { warmStart } from "../../../src/training/warm-start.ts";
import { manifestOf } from "../../support/manifest.ts";
import { nodeHasher } from "../../support/node-hasher.ts";
import { RowByRow } from "../../support/training-rows.ts";

const signature: Signature = { task: "binary", inputs: [{ name: "x", kind: "number" }] };
const one = (x: number): Float64Array => Float64Array.of(x);
const rowsOfNumbers = (): RowByRow => new RowByRow(createTrainingRows(["number"]));

describe("several candidates", () => {
  /** The label is whether x lies far from 0, which a line cannot tell. */
  const rows = () => {
    const given = rowsOfNumbers();
    for (let i = 0; i < 1_000; i++) {
      const x = Math.sin(i * 12.9898);
      given.addFeatures(`t-0-${i}`, i, `k${i}`, one(x));
      given.addLabel(`l-0-${i}`, i, `k${i}`, Math.abs(x) > 0.7 ? 1 : 0);
    }
    return given.join();
  };
  const fittedWith = (candidates: readonly LearnerKind[], metric?: ChoiceMetric) =>
    train(rows(), signature, undefined, { candidates, seed: 3, ...(metric === undefined ? {} : { metric }) });

  test.each(choiceMetrics)("are all fitted, and by %s that one is taken which tells the later rows apart", (metric) => {
    for (const candidates of [
      ["logistic", "mlp"],
      ["mlp", "logistic"],
    ] as const) {
      const result = fittedWith(candidates, metric);
      expect(result.learner).toBe("mlp");
      expect(result.candidates.map(({ learner, isChosen }) => [learner, isChosen])).toEqual(
        candidates.map((kind) => [kind, kind === "mlp"]),
      );
      expect(result.metrics).toEqual(result.candidates.find(({ isChosen }) => isChosen)?.metrics);
      // Each came to what it comes to alone: none has used up the rows of another.
      for (const { learner, metrics } of result.candidates) expect(metrics).toEqual(fittedWith([learner]).metrics);
      expect(result.warnings).toEqual([]);
    }
  });

  test("of equals the first is taken, and when nothing can be measured that is told", () => {
    expect(fittedWith(["logistic"]).learner).toBe("logistic");
    const set = rows();
    set.labels.fill(1, set.split.trainCount);
    const result = train(set, signature, undefined, { candidates: ["mlp", "logistic"] });
    expect([result.learner, result.metrics]).toEqual(["mlp", null]);
    expect(result.warnings).toEqual([
      "the rows to measure on lack one of the classes, so the first of the candidates was taken: mlp",
    ]);
  });

  test("the seed decides the network", () => {
    const [a, b, c] = [3, 3, 4].map((seed) => train(rows(), signature, undefined, { candidates: ["mlp"], seed }).model);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  test("a fit that is stopped ends with the reason", () => {
    const stop = AbortSignal.abort(new Error("stopped by SIGINT"));
    for (const kind of learnerKinds)
      expect(() => train(rows(), signature, undefined, { candidates: [kind] }, stop)).toThrow("stopped by SIGINT");
  });
});

describe("a warm start", () => {
  const category: Signature = { task: "binary", inputs: [{ name: "x", kind: "category" }] };
  const setOfTexts = (texts: readonly string[]) => {
    const rows = new RowByRow(createTrainingRows(["category"]));
    for (let i = 0; i < 500; i++) {
      rows.addFeatures(`t-0-${i}`, i, `k${i}`, [Number.NaN], [texts[i % texts.length]!]);
      rows.addLabel(`l-0-${i}`, i, `k${i}`, i % texts.length === 0 ? 1 : 0);
    }
    return rows.join();
  };

  test("keeps the codes of the model that it goes on from: what is new to it is the other", () => {
    const { model } = train(setOfTexts(["DE", "FR"]), category, undefined, { candidates: ["mlp"] });
    // In these rows FR would come first, and the code of DE would be another.
    const set = setOfTexts(["FR", "FR", "ES", "DE"]);
    const warm = train(set, category, undefined, { candidates: ["mlp"], start: { learner: "mlp", model } });
    expect(warm.model.encoder).toEqual(model.encoder);
    const codes = ["FR", "ES", "DE"].map((text) => model.encoder.inputs[0]!.indexOf(text));
    expect([...set.inputs.subarray(0, 4)]).toEqual([codes[0], codes[0], 2, codes[2]]);
  });

  const { signal } = new AbortController();
  const files = (kind: "logistic" | "mlp", names: readonly string[]) => {
    const inputs = names.map((name) => ({ name, kind: "number" as const }));
    const learner = learnerOf(kind);
    const rows = { inputs: Float64Array.from({ length: 20 }, (_, i) => Math.sin(i)), width: 2 };
    const labels = Float64Array.from({ length: 10 }, (_, i) => i % 2);
    const model = learner.fit({ ...rows, labels }, learner.config.parse({}), { seed: 1 });
    const given = { learner: kind, signature: { task: "binary", inputs } as const, model, metrics: null };
    return { model, files: versionFiles({ ...given, manifest: manifestOf() }, nodeHasher) };
  };
  const start = (held: ArtefactFiles | undefined) =>
    warmStart(
      { model: "m", hasher: nodeHasher, artefacts: { read: async () => held } as unknown as ArtefactStore },
      { task: "binary", inputs: ["a", "b"].map((name) => ({ name, kind: "number" })) },
      7,
      signal,
    );

  test("goes on from the model of the version, by its learner", async () => {
    const { model, files: held } = files("mlp", ["a", "b"]);
    expect(await start(held)).toEqual({ candidates: ["mlp"], start: { learner: "mlp", model } });
  });

  test.each([
    ["is not there", undefined, "the models directory has no such version"],
    [
      "takes its inputs in another order",
      files("mlp", ["b", "a"]),
      "its inputs are b (number), a (number), and those of the topology are a (number), b (number)",
    ],
    ["is of a learner that has no warm start", files("logistic", ["a", "b"]), "a logistic learns from nothing only"],
  ])("is refused from a version that %s", async (_, held, says) => {
    await expect(start(held?.files)).rejects.toMatchObject({
      code: "MR_TRAINING",
      message: `going on from model m/7: ${says}; train from nothing instead`,
    });
  });
});

describe("joining labels to features", () => {
  test("takes an event once and leaves out rows without a label, and orders by time, then event id", () => {
    const rows = rowsOfNumbers();
    rows.addFeatures("t-0-2", 20, "b", one(2));
    rows.addFeatures("t-0-1", 10, "a", one(1));
    rows.addFeatures("t-0-1", 10, "a", one(1)); // a repeat of an at-least-once chain
    rows.addFeatures("t-0-3", 10, "c", one(3));
    rows.addFeatures("t-0-4", 30, "d", one(4));
    for (const key of ["a", "b", "c"]) rows.addLabel(`l-${key}`, 50, key, key === "b" ? 1 : 0);
    const set = rows.join();
    expect([...set.inputs]).toEqual([1, 3, 2]);
    expect([...set.labels]).toEqual([0, 0, 1]);
    expect([...set.timesMs]).toEqual([10, 10, 20]);
    expect(set.counts).toEqual({
      features: 4,
      unlabelled: 1,
      labelledAfterSplit: 0,
      repeats: 1,
      repeatsDiffering: 0,
    });
  });

  test("counts repeats with other features, and takes the one written last", () => {
    const rows = rowsOfNumbers();
    for (const x of [1, 1, 7, 7, Number.NaN, Number.NaN]) rows.addFeatures("t-0-1", 10, "a", one(x));
    rows.addFeatures("t-0-2", 10, "b", one(2));
    rows.addFeatures("t-0-2", 10, "b", one(3));
    for (const key of ["a", "b"]) rows.addLabel(`l-${key}`, 50, key, 0);
    const set = rows.join();
    expect([...set.inputs]).toEqual([Number.NaN, 3]);
    expect(set.counts).toMatchObject({ repeats: 6, repeatsDiffering: 3 });
  });

  test.each([
    ["time", 11, "a", "of 1970-01-01T00:00:00.010Z and of 1970-01-01T00:00:00.011Z"],
    ["join key", 10, "b", "both of 1970-01-01T00:00:00.010Z, under two join keys"],
  ])("stops when an event id comes again with another %s: its topic was made anew", (_, timeMs, key, says) => {
    const rows = rowsOfNumbers();
    rows.addFeatures("inbox-0-1", 10, "a", one(1));
    const again = () => rows.addFeatures("inbox-0-1", timeMs, key, one(1));
    expect(again).toThrow(expect.objectContaining({ code: "MR_TRAINING" }));
    expect(again).toThrow(`event_id inbox-0-1 is no repeat but stands for two events, ${says}`);
    expect(again).toThrow("deleted and made anew");
  });

  test("takes a label's last value by event time, whichever arrived last", () => {
    const rows = rowsOfNumbers();
    rows.addFeatures("t-0-1", 10, "a", one(1));
    rows.addLabel("l-0-2", 200, "a", 1);
    rows.addLabel("l-0-3", 100, "a", 0);
    expect([...rows.join().labels]).toEqual([1]);
  });

  test.each([
    ["l-0-3", "l-0-2", 1],
    ["l-0-2", "l-0-3", 0],
  ] as const)("of two labels of one moment the larger event id counts: 1 by %s, 0 by %s", (first, second, wanted) => {
    for (const isTurned of [false, true]) {
      const rows = rowsOfNumbers();
      rows.addFeatures("t-0-1", 10, "a", one(1));
      const add = [() => rows.addLabel(first, 100, "a", 1), () => rows.addLabel(second, 100, "a", 0)];
      for (const each of isTurned ? add.reverse() : add) each();
      expect([...rows.join().labels]).toEqual([wanted]);
    }
  });

  test("of one label that was written twice the last one counts", () => {
    const rows = rowsOfNumbers();
    rows.addFeatures("t-0-1", 10, "a", one(1));
    for (const label of [0, 1] as const) rows.addLabel("l-0-1", 100, "a", label);
    expect([...rows.join().labels]).toEqual([1]);
  });

  test("gives the same rows whatever the order of arrival", () => {
    const events = Array.from({ length: 30 }, (_, i) => ({ id: `t-0-${i}`, time: (i * 7) % 10, key: `k${i % 12}` }));
    const build = (order: readonly number[]) => {
      const rows = rowsOfNumbers();
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

describe("labels of the rows to learn from", () => {
  /** Ten rows at times 0 to 9, keys k0 to k9: the split is at 8. Labels are (key, known at, value). */
  const joined = (labels: readonly (readonly [number, number, 0 | 1])[]) => {
    const rows = rowsOfNumbers();
    for (let i = 0; i < 10; i++) rows.addFeatures(`t-0-${i}`, i, `k${i}`, one(i));
    for (const [i, [key, at, label]] of labels.entries()) rows.addLabel(`l-0-${i}`, at, `k${key}`, label);
    return rows.join();
  };
  const known = Array.from({ length: 10 }, (_, key) => [key, key, 0] as const);

  test("a row whose label became known after the split is left out and counted", () => {
    const late = known.map(([key, at, label]) => [key, key === 3 ? 8 : key === 4 ? 99 : at, label] as const);
    const set = joined(late);
    expect([...set.inputs]).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
    expect(set.split).toEqual({ trainCount: 6, validationCount: 2, splitAtMs: 8 });
    expect(set.counts).toMatchObject({ labelledAfterSplit: 2, unlabelled: 0 });
  });

  test("an earlier label of the same key then counts, and the later one where the model is measured", () => {
    const set = joined([...known, [3, 8, 1], [4, 7, 1], [9, 10, 1], [8, 99, 1]]);
    expect([...set.inputs]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...set.labels]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 1, 1]);
    expect(set.counts).toMatchObject({ labelledAfterSplit: 0 });
  });

  test("no label that became known after the split reaches a row to learn from, whatever the labels are", () => {
    const label = fc.tuple(fc.nat(9), fc.nat(20), fc.constantFrom(0 as const, 1 as const));
    fc.assert(
      fc.property(fc.array(label, { maxLength: 40 }), (labels) => {
        const set = joined(labels);
        const splitAt = set.split.splitAtMs ?? Number.POSITIVE_INFINITY;
        for (const [i, key] of [...set.inputs].entries()) {
          const before = i < set.split.trainCount ? splitAt : Number.POSITIVE_INFINITY;
          const own = labels.map((given, at) => ({ given, id: `l-0-${at}` })).filter((l) => l.given[0] === key);
          const usable = own.filter((l) => l.given[1] < before);
          usable.sort((a, b) => a.given[1] - b.given[1] || (a.id < b.id ? -1 : 1));
          expect(usable.at(-1)?.given[2]).toBe(set.labels[i]);
        }
        const keys = new Set(labels.map(([key]) => key));
        expect(set.labels.length + set.counts.labelledAfterSplit).toBe(keys.size);
      }),
    );
  });

  test("says so when that leaves nothing to learn from", () => {
    const late = known.map(([key, , label]) => [key, 50, label] as const);
    expect(() => train(joined(late), signature)).toThrow(
      "training on 0 rows: the labels of all 8 rows before 1970-01-01T00:00:00.008Z became known only after it; wait for more, or train on a longer range",
    );
  });
});

describe("splitting by time", () => {
  test("holds back the latest fifth", () => {
    expect(splitByTime([1, 2, 3, 4, 5], 0.2)).toEqual({ trainCount: 4, validationCount: 1, splitAtMs: 5 });
  });

  test("keeps rows of one moment on the later side", () => {
    expect(splitByTime([1, 2, 5, 5, 5], 0.2)).toEqual({ trainCount: 2, validationCount: 3, splitAtMs: 5 });
  });

  test("holds nothing back when there is too little", () => {
    expect(splitByTime([1, 2], 0.2)).toEqual({ trainCount: 2, validationCount: 0, splitAtMs: undefined });
  });
});

/** Rows of one input, each with a label that was known at once. */
function setOf(
  kind: InputKind,
  rows: readonly { readonly x: number | string | null | boolean; readonly label: 0 | 1 }[],
) {
  const collected = new RowByRow(createTrainingRows([kind]));
  for (const [i, { x, label }] of rows.entries()) {
    const number = typeof x === "number" ? x : typeof x === "boolean" ? Number(x) : Number.NaN;
    const texts = kind === "category" ? [typeof x === "string" ? x : null] : [];
    collected.addFeatures(`t-0-${i}`, i, `k${i}`, one(number), texts);
    collected.addLabel(`l-${i}`, i, `k${i}`, label);
  }
  return collected.join();
}

const signatureOf = (kind: InputKind): Signature => ({ task: "binary", inputs: [{ name: "x", kind }] });

describe("a training run", () => {
  const rowsOf = (labels: readonly (0 | 1)[]) =>
    setOf(
      "number",
      labels.map((label, i) => ({ x: label === 1 ? i % 7 : -(i % 5), label })),
    );

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
    expect(() => train(rowsOf([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]), signature)).toThrow(
      "training on 8 rows: all rows before 1970-01-01T00:00:00.008Z are positive; both classes are needed",
    );
    // Too few to hold any back.
    expect(() => train(rowsOf([1, 1]), signature)).toThrow(
      "training on 2 rows: all rows are positive; both classes are needed",
    );
  });

  test("says when there is nothing in the range, and when all of it is of the moment that is held back", () => {
    expect(() => train(createTrainingRows(["number"]).join(), signature)).toThrow(
      "training on 0 rows: the feature topic holds no rows in this range",
    );
    const rows = rowsOfNumbers();
    for (let i = 0; i < 5; i++) {
      rows.addFeatures(`t-0-${i}`, 7, `k${i}`, one(i));
      rows.addLabel(`l-${i}`, 7, `k${i}`, i % 2 === 0 ? 1 : 0);
    }
    expect(() => train(rows.join(), signature)).toThrow(
      "training on 0 rows: all rows before 1970-01-01T00:00:00.007Z fall into the part held back for measuring",
    );
  });

  test("says when no row has a label", () => {
    const rows = rowsOfNumbers();
    rows.addFeatures("t-0-0", 1, "k", one(1));
    expect(() => train(rows.join(), signature)).toThrow("none of 1 feature rows has a label");
  });

  // Each of these ended in weights that are no numbers, or did not end.
  test.each([
    ["one largest double among 400", (i: number, x: number) => (i === 5 ? Number.MAX_VALUE : x)],
    ["a column as wide as doubles are", (_: number, x: number) => x * 1.7e308],
    ["a column of 1e200", (_: number, x: number) => x * 1e200],
    ["infinities", (i: number, x: number) => (i % 7 === 0 ? Number.POSITIVE_INFINITY : x)],
    ["nothing but NaN", () => Number.NaN],
  ])("ends with finite weights and scores on %s", (_, column) => {
    const rows = Array.from({ length: 400 }, (_unused, i) => {
      const x = Math.sin(i * 12.9898);
      return { x: column(i, x), label: x > 0 ? (1 as const) : (0 as const) };
    });
    const result = train(setOf("number", rows), signature);
    const { weights, intercept } = result.model as LogisticModel;
    expect([...weights, intercept].every(Number.isFinite)).toBe(true);
    expect(result.metrics?.auc).toSatisfy(Number.isFinite);
    expect(result.sample.score).toBeGreaterThan(0);
    expect(JSON.stringify(result.model)).not.toContain("null,null");
  });

  test("learns the same from a column of 1e200 as from the column in other units", () => {
    const rows = (unit: number) =>
      Array.from({ length: 400 }, (_, i) => ({
        x: Math.sin(i) * unit,
        label: Math.sin(i) > 0 ? (1 as const) : (0 as const),
      }));
    const [plain, huge] = [1, 1e200].map((unit) => train(setOf("number", rows(unit)), signature).metrics?.auc);
    expect(huge).toBeCloseTo(plain ?? Number.NaN, 9);
  });

  test("says which feature has a value that hides all others, how often, and not the value", () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ x: i === 7 ? 1e12 : i, label: (i % 2) as 0 | 1 }));
    expect(train(setOf("number", rows), signature).warnings).toEqual([
      'feature x: in 1 of 80 rows to learn from it is more than a million times as large as in any other, which hides the rest; if that stands for "unknown", make it null, or hold the field with clamp',
    ]);
  });

  test.each([
    ["of one size", (i: number) => i],
    ["constant and large", () => 5e9],
    ["a flag that is rarely 1", (i: number) => (i === 3 ? 1 : 0)],
    ["of two values", (i: number) => (i % 2) * 5e9],
  ])("says nothing about a column that is %s", (_, column) => {
    const rows = Array.from({ length: 100 }, (_unused, i) => ({ x: column(i), label: (i % 3 === 0 ? 1 : 0) as 0 | 1 }));
    expect(train(setOf("number", rows), signature).warnings).toEqual([]);
  });

  test("says how many infinities were held to the range", () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ x: i % 10 === 0 ? -1 / 0 : i, label: (i % 2) as 0 | 1 }));
    expect(train(setOf("number", rows), signature).warnings).toEqual([
      "feature x: in 8 of 80 rows to learn from it is infinite, and was held to the range of the others",
    ]);
  });
});

describe("categories as features", () => {
  test("the vocabulary is that of the rows to learn from, the most frequent first, and null has a column of its own", () => {
    const texts = ["FR", "DE", "DE", null, "DE", "FR", "IT", "FR", "ES", "ES"];
    const set = setOf(
      "category",
      texts.map((x, i) => ({ x, label: (i % 2) as 0 | 1 })),
    );
    const { model, split } = train(set, signatureOf("category"));
    expect(split).toMatchObject({ trainCount: 8, validationCount: 2 });
    // ES is seen only where the model is measured.
    expect(model.encoder).toEqual({ inputs: [["DE", "FR", "IT"]] });
    expect((model as LogisticModel).weights).toHaveLength(5);
  });

  test("a category that decides the label is learnt, without a number in sight", () => {
    const rows = Array.from({ length: 200 }, (_, i) => ({
      x: ["a", "b", "c", null][i % 4] ?? null,
      label: (i % 4 === 2 ? 1 : 0) as 0 | 1,
    }));
    const { metrics, sample } = train(setOf("category", rows), signatureOf("category"));
    expect(metrics?.auc).toBe(1);
    expect([...sample.inputs]).toEqual([0]);
  });

  test("values beyond the 50 most frequent share one column", () => {
    const rows = Array.from({ length: 500 }, (_, i) => ({ x: `v${i % 120}`, label: (i % 2) as 0 | 1 }));
    const { model } = train(setOf("category", rows), signatureOf("category"));
    expect(model.encoder.inputs[0]).toHaveLength(50);
    expect((model as LogisticModel).weights).toHaveLength(52);
  });

  test("a category that is rather a name is told, and one of few values is not", () => {
    const rows = (values: number) =>
      Array.from({ length: 500 }, (_, i) => ({ x: `v${i % values}`, label: (i % 2) as 0 | 1 }));
    const warnings = (values: number) => train(setOf("category", rows(values)), signatureOf("category")).warnings;
    // 400 rows to learn from over 200 values, two each: 50 of them are known.
    expect(warnings(200)).toEqual([
      "feature x: 300 of 400 rows to learn from hold none of its 50 most frequent values, and all those look alike; if it is a name or an id, leave it out with except",
    ]);
    expect(warnings(60)).toEqual([]);
    // Four rows each of 100: one half of the rows is known, and it takes more than the other to be told.
    expect(warnings(100)).toEqual([]);
  });

  test("a boolean has columns for false, true and null", () => {
    const rows = Array.from({ length: 90 }, (_, i) => ({
      x: [true, false, null][i % 3] ?? null,
      label: (i % 3 === 2 ? 1 : 0) as 0 | 1,
    }));
    const { model, metrics } = train(setOf("boolean", rows), signatureOf("boolean"));
    expect(model.encoder).toEqual({ inputs: [["false", "true"]] });
    expect((model as LogisticModel).weights).toHaveLength(4);
    expect(metrics?.auc).toBe(1);
  });
});
