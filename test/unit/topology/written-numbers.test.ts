import { expect, test } from "vitest";
import { problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const options = { schemas: smallSchemas };
const rollingLine = "      - rolling: { by: customer_id, over: [1h], features: { n: count(), mean: mean(amount) } }\n";

function withStep(step: string): string {
  return replaced(smallText, rollingLine, `${rollingLine}      - ${step}\n`);
}

function madeOf(value: string): unknown {
  const plan = soundPlan(withStep(`derive: { made: ${value} }`), options);
  const made = plan.topics.find(({ name }) => name === "features")?.schema?.shape.find(({ name }) => name === "made");
  return { kind: made?.type.kind, doc: made?.doc };
}

// YAML has one number for 1.0 and 1, and 1.0 made an int field.
test.each(["1", "-1", "1.0", "1e3", "1.5", ".5", "-0.0", "-5e-324"])(
  "the number %s in derive is what its text is",
  (value) => {
    expect(madeOf(value)).toEqual(madeOf(`"${value}"`));
    expect(madeOf(`{ is: ${value} }`)).toEqual(madeOf(`"${value}"`));
  },
);

test("a number with a point or an exponent makes a double, one without a whole number", () => {
  expect(madeOf("1.0")).toEqual({ kind: "double", doc: "derive 1.0" });
  expect(madeOf("+1e3")).toEqual({ kind: "double", doc: "derive 1e3" });
  expect(madeOf("1")).toEqual({ kind: "int", doc: "derive 1" });
});

test.each([
  ["5.", "`5.` is not a number"],
  ["010", "`010` has a zero in front, which says nothing; write 10"],
  ["1e-400", "`1e-400` is smaller than any double; write 0, or a number from 5e-324 on"],
  ["1e400", "`1e400` is larger than any double"],
  // It planned, and wrote 2024.
  ["2026-01-01", '`2026-01-01` is a difference of numbers and no date; write to_timestamp("2026-01-01"), or blanks'],
  ["n_1h + 010", "`010` has a zero in front, which says nothing; write 10"],
])("the number %s in derive is refused, as its text is", (value, said) => {
  for (const written of [value, `"${value}"`]) {
    expect(problemLines(withStep(`derive: { made: ${written} }`), options).join("\n")).toContain(said);
  }
});

test("a constant that its field cannot hold is refused before it is written", () => {
  const lines = (from: string): string =>
    problemLines(replaced(smallText, "ahead: 5min }", `ahead: 5min, timesFrom: ${from} }`), options).join("\n");
  expect(lines("2200-01-01")).toContain("expected a date before 2100");
  expect(lines("2099-12-31")).toBe("");
});

test("what no field can hold is not what a hint says to write", () => {
  const lines = problemLines(withStep("derive: { made: { is: n_1h / 2, default: 1e400 } }"), options).join("\n");
  expect(lines).toContain("default");
  expect(lines).not.toContain('Infinity"');
});

test("a test that expects nothing is refused", () => {
  const withTest = (expected: string): string =>
    `${smallText}tests:\n  - { name: a, stage: features, given: [{ payment_id: p }], expect: ${expected} }\n`;
  expect(problemLines(withTest("{}"), options).join("\n")).toContain("a test that expects nothing cannot fail");
  expect(problemLines(withTest("{ filtered: 0 }"), options)).toEqual([]);
});
