import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { missesOf } from "../../../bench/quality/bars.ts";
import { HeldTold } from "../../../bench/quality/held-told.ts";
import { chosenModes, isDue, modesOf, trainedRows } from "../../../bench/quality/modes.ts";
import {
  columns,
  firstOf,
  firstRows,
  labelDelayRows,
  labelText,
  type Readings,
  readingsOf,
  readingText,
  rowAtTime,
  shuffled,
  timeOfRow,
} from "../../../bench/quality/readings.ts";
import { accuracyOf, checkVersions, lineOf, repeatAccuracy } from "../../../bench/quality/result.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { gateDefaults } from "../../../src/training/index.ts";

const header = "period,nswprice,nswdemand,vicprice,vicdemand,transfer,class";
const two = readingsOf(`${header}\n0,0.1,0.2,0.3,0.4,0.5,1\n0.5,0.6,0.7,0.8,0.9,1,0\n`, "two.csv");

/** Readings of zeros with these labels after the first rows, and 0 before. */
function labelled(after: readonly number[]): Readings {
  const count = firstRows + after.length;
  const labels = new Uint8Array(count);
  labels.set(after, firstRows);
  return { count, inputs: new Float64Array(count * columns.length), labels };
}

describe("the electricity readings", () => {
  test("are numbers per column, and a label per row", () => {
    expect([...two.inputs]).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect([...two.labels]).toEqual([1, 0]);
  });

  test.for([
    ["another column", "period,price\n0,0\n"],
    ["a value that is missing", `${header}\n0,0.1,0.2,0.3,0.4,1\n`],
    ["a value that is no number", `${header}\n0,0.1,x,0.3,0.4,0.5,1\n`],
    ["a label that is neither", `${header}\n0,0.1,0.2,0.3,0.4,0.5,2\n`],
  ] as const)("are refused with %s", ([, text]) => {
    expect(() => readingsOf(text, "given.csv")).toThrow(/^reading given\.csv/);
  });

  test("become events half an hour apart from 7 May 1996 on, of the six columns and nothing else", () => {
    expect(JSON.parse(readingText(two, 1))).toEqual({
      reading_id: "r1",
      at: "1996-05-07T00:30:00.000Z",
      period: 0.5,
      nswprice: 0.6,
      nswdemand: 0.7,
      vicprice: 0.8,
      vicdemand: 0.9,
      transfer: 1,
    });
  });

  test("have labels that are known 48 rows later", () => {
    expect(JSON.parse(labelText(two, 1))).toEqual({
      reading_id: "r1",
      known_at: "1996-05-08T00:30:00.000Z",
      is_up: false,
    });
    expect(rowAtTime(timeOfRow(1 + labelDelayRows))).toBe(49);
  });

  test("keep each row's label when they are shuffled, and all of their rows", () => {
    const rows = Array.from({ length: 200 }, (_, row) => `${row},0,0,0,0,0,${row % 3 === 0 ? 1 : 0}`);
    const mixed = shuffled(readingsOf([header, ...rows].join("\n"), "rows.csv"), 7);
    const seen = Array.from({ length: 200 }, (_, row) => mixed.inputs[row * columns.length] as number);
    expect(seen.map((period) => (period % 3 === 0 ? 1 : 0))).toEqual([...mixed.labels]);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, row) => row));
    expect(seen.slice(0, 10)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("can be cut to the first ones", () => {
    expect(firstOf(two, 1)).toMatchObject({ count: 1, labels: Uint8Array.of(1) });
    expect(firstOf(two, 9).count).toBe(2);
  });
});

describe("the modes", () => {
  const modeNamed = (name: string) => modesOf("mlp").find((mode) => mode.name === name)!;
  const dueUntil = (name: string, rows: number) => {
    const mode = modeNamed(name);
    return Array.from({ length: rows + 1 }, (_, row) => row).filter((row) => isDue(mode, row));
  };

  test("of a timer go off at its period, moved by its phase, and never with the first training", () => {
    expect(dueUntil("timer-960-0", 2_000)).toEqual([960, 1_920]);
    expect(dueUntil("timer-960-240", 2_200)).toEqual([240, 1_200, 2_160]);
    expect(dueUntil("timer-480-0", 1_000)).toEqual([480, 960]);
    expect(dueUntil("static", 40_781)).toEqual([]);
  });

  test("of a timer of 960 train 42 times over all rows, one of 480 trains 84 times", () => {
    expect(dueUntil("timer-960-0", 40_780)).toHaveLength(42);
    expect(dueUntil("timer-480-0", 40_780)).toHaveLength(84);
  });

  test("of a warm start are for the network alone, one per seed", () => {
    const warm = modesOf("mlp").filter(({ isWarm }) => isWarm);
    expect(warm.map(({ name, seed, everyRows }) => [name, seed, everyRows])).toEqual([
      ["warm-0", 0, 960],
      ["warm-1", 1, 960],
      ["warm-2", 2, 960],
    ]);
    expect(modesOf("logistic").filter(({ isWarm }) => isWarm)).toEqual([]);
  });

  test("are all of a learner, or those that are named, in their order", () => {
    expect(chosenModes("logistic", undefined)).toEqual(modesOf("logistic"));
    expect(chosenModes("logistic", ["drift", "static"]).map(({ name }) => name)).toEqual(["static", "drift"]);
    expect(() => chosenModes("logistic", ["static", "warm-0"])).toThrow("--modes: warm-0 is none of static, timer");
  });

  test("of the product's loop are two: on the rows as they came, and shuffled, by the same stage", () => {
    const driven = modesOf("logistic").filter(({ isDriven }) => isDriven);
    expect(driven.map(({ name, stage, isShuffled }) => [name, stage, isShuffled])).toEqual([
      ["drift", "drift", false],
      ["drift-shuffled", "drift", true],
    ]);
    expect(driven.flatMap(({ everyRows }) => everyRows ?? [])).toEqual([]);
  });
});

describe("the topology", () => {
  const file = fileURLToPath(new URL("../../../bench/quality/electricity.yaml", import.meta.url));
  const planOf = (learner: "logistic" | "mlp") =>
    loadPlan(file, { LEARNER: learner, TRAINED_ROWS: String(trainedRows[learner]) }, "bench");

  test.for(["logistic", "mlp"] as const)(
    "has a stage and a model for each mode of %s, and no other model",
    (learner) => {
      const plan = planOf(learner);
      const stages = new Set(modesOf(learner).map(({ stage }) => stage));
      const all = new Set([...modesOf("mlp"), ...modesOf("logistic")].map(({ stage }) => stage));
      for (const stage of stages) expect(plan.stages.find(({ name }) => name === stage)?.infer?.model).toBe(stage);
      expect(new Set(plan.models.map(({ name }) => name))).toEqual(all);
    },
  );

  test("reads the six columns of a reading and nothing else", () => {
    for (const { features } of planOf("mlp").models) expect(features.map(({ name }) => name)).toEqual([...columns]);
  });

  test("asks for a training of one model alone, at most 42 times over all rows and on as many rows as a timer", () => {
    const asked = planOf("logistic").models.filter(({ retrain }) => retrain !== undefined);
    expect(asked.map(({ name }) => name)).toEqual(["drift"]);
    expect(asked[0]?.retrain).toMatchObject({ on: [{ kind: "performance" }], rows: 3_000, mode: "full" });
    // 40,781 rows of half an hour are 849.6 days.
    expect(Math.floor(849.6 / ((asked[0]?.retrain?.cooldownMs ?? 0) / 86_400_000))).toBe(42);
    expect(planOf("mlp").models.find(({ name }) => name === "drift")?.retrain?.rows).toBe(2_000);
  });

  test("holds a promotion back by nothing but the product's gate", () => {
    const drift = planOf("logistic").models.find(({ name }) => name === "drift");
    expect(drift?.rollout).toBe("none");
    expect(drift?.gate).toEqual(gateDefaults);
  });
});

describe("what is told of inputs outside of what was learned", () => {
  const waking = ["vicprice", "vicdemand", "transfer"];
  const told = (inputs: readonly string[], code: "MR_INPUT_RANGE" | "MR_MODEL" = "MR_INPUT_RANGE") => {
    const held = new HeldTold(() => undefined);
    for (const input of inputs) held.logger.warn({ code, model: "static", input, rows: 1 }, "An input is held.");
    return held;
  };

  test("is enough when all columns that wake up are named", () => {
    expect(() => told(waking).check("static")).not.toThrow();
  });

  test.for([
    ["one is missing", told(waking.slice(1)), "nobody was told that vicprice woke up"],
    ["something else was told", told(waking, "MR_MODEL"), "vicprice, vicdemand, transfer"],
    ["another model was meant", told(waking), "timer-480-0: nobody was told"],
  ] as const)("is not when %s", ([what, held, message]) => {
    expect(() => held.check(what.startsWith("another") ? "timer-480-0" : "static")).toThrow(message);
  });

  test("leaves errors to whoever runs it", () => {
    const said: string[] = [];
    new HeldTold((sentence) => said.push(sentence)).logger.error({ code: "MR_MODEL", reason: "No room." }, "It ended.");
    expect(said).toEqual(["It ended. No room."]);
  });
});

describe("what is promised", () => {
  const result = (mode: string, accuracy: number, retrainings = 0) => {
    return { model: "mlp", mode, accuracy, retrainings, promoted: retrainings, cpuSeconds: 1 };
  };
  const good = [
    result("static", 0.725),
    result("timer-960-0", 0.77, 42),
    result("timer-960-240", 0.78, 42),
    result("timer-480-0", 0.777, 84),
    result("warm-0", 0.765, 42),
    result("warm-1", 0.775, 42),
    result("drift", 0.77, 42),
    result("drift-shuffled", 0.5, 2),
  ];
  const missed = (instead: (typeof good)[number]) =>
    missesOf(
      "mlp",
      good.map((each) => (each.mode === instead.mode ? instead : each)),
    );

  test("is kept at the bars themselves", () => {
    expect(missesOf("mlp", good)).toEqual([]);
  });

  test.for([
    [result("static", 0.7249), "static has 72.49 %, and 72.50 % is the least"],
    // The mean of the two phases is 77.50 %.
    [result("drift", 0.7699, 42), "drift has 76.99 %, and 77.00 % is the least"],
    [result("drift", 0.77, 43), "drift retrained 43 times, and 42 is the most"],
    [result("drift-shuffled", 0.5, 3), "drift-shuffled retrained 3 times, and 2 is the most"],
    // 76.40 and 77.50 % are 76.95 % in the mean.
    [
      result("warm-0", 0.764, 42),
      "the mean of warm starts beside timers of 960 rows has 76.95 %, and 77.00 % is the least",
    ],
    [result("timer-960-0", 0.772, 42), "drift beside timers of 960 rows has 77.00 %, and 77.10 % is the least"],
  ] as const)("is missed by %o", ([instead, sentence]) => {
    expect(missed(instead)).toContain(sentence);
  });

  test("asks the best mode for more than any other, whichever it is", () => {
    const all = good.map((each) => ({ ...each, accuracy: Math.min(each.accuracy, 0.7769) }));
    expect(missesOf("mlp", all)).toEqual(["the best mode has 77.69 %, and 77.70 % is the least"]);
  });

  test("asks a logistic regression for less, and nothing of modes that were not run", () => {
    expect(missesOf("logistic", [result("static", 0.715), result("drift", 0.767, 1)])).toEqual([]);
    expect(missesOf("logistic", [result("static", 0.7149)])).toHaveLength(1);
    expect(missesOf("logistic", [])).toEqual([]);
  });
});

describe("the result", () => {
  const servedOf = (scores: readonly number[]) => {
    const all = new Float64Array(firstRows + scores.length);
    all.set(scores, firstRows);
    return { scores: all, versions: new Int32Array(all.length) };
  };

  test("counts a score of at least a half as up, over the rows after the first", () => {
    // Right, right, wrong, wrong.
    expect(accuracyOf(labelled([1, 0, 1, 0]), servedOf([0.5, 0.49, 0.2, 0.9]))).toBe(0.5);
  });

  test("is refused for a row without a score", () => {
    expect(() => accuracyOf(labelled([1, 0]), servedOf([0.5, Number.NaN]))).toThrow(
      `row ${firstRows + 1} has the score`,
    );
  });

  test("is refused for a row that an older version has scored", () => {
    const served = servedOf([0.5, 0.5]);
    const inService = new Int32Array(firstRows + 2).fill(2);
    served.versions.fill(2);
    expect(() => checkVersions("timer", served, inService)).not.toThrow();
    served.versions[firstRows + 1] = 1;
    expect(() => checkVersions("timer", served, inService)).toThrow(
      `timer: row ${firstRows + 1} was scored by version 1, and 2 was in service`,
    );
  });

  test("of repeating what is known says the label of 48 rows ago", () => {
    // Rows before the first measured are 0: the first label is said wrong, the other 47 right, the last is the first's.
    expect(repeatAccuracy(labelled([1, ...Array.from({ length: 47 }, () => 0), 1]))).toBeCloseTo(48 / 49, 12);
  });

  test("is a line of model, mode, accuracy in per cent, trainings, promotions and processor time", () => {
    const result = {
      model: "mlp",
      mode: "warm-0",
      accuracy: 0.77654,
      retrainings: 42,
      promoted: 41,
      cpuSeconds: 12.34,
    };
    expect(lineOf(result)).toBe("elec2 mlp warm-0 77.65 42 41 12.3");
  });
});
