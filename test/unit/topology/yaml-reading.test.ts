import { expect, test } from "vitest";
import { formatProblem } from "../../../src/topology/index.ts";
import { planText, problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const schemas = smallSchemas;
const rolling = "      - rolling:";

/** The small chain with one more step, which stands in line 22; its value begins in column 17 behind `filter: `. */
const withStep = (step: string): string => replaced(smallText, rolling, `      - ${step}\n${rolling}`);
const stepProblems = (step: string): string[] => problemLines(withStep(step), { schemas });
const problems = (from: string, to: string): string[] => problemLines(replaced(smallText, from, to), { schemas });
const delivery = "delivery: at-least-once";

/** Warnings of how the file is read, those of its stores aside. */
const warnings = (text: string): string[] =>
  soundPlan(text, { schemas })
    .warnings.filter(({ code }) => code === "MR_YAML_READING")
    .map(formatProblem);

const dropped = (tag: string): string => `YAML takes ${tag} for a tag, which means nothing here, and not for text`;

test.each([
  ["! big", "!", 'filter: "! big"'],
  ["!big", "!big", 'filter: "!big"'],
  ["!expr big", "!expr", 'filter: "!expr big"'],
  ["!(a || b)", "!(a", 'filter: "!(a || b)"'],
  ["!a && b # why", "!a", 'filter: "!a && b"'],
  ['! (payment_id == "a")', "!", "filter: '! (payment_id == \"a\")'"],
  ["! a &&\n          b", "!", 'filter: "! a && b"'],
  ["!<tag:example.com,2000:x> big", "!<tag:example.com,2000:x>", 'filter: "!<tag:example.com,2000:x> big"'],
])("the text %j that YAML takes for a tag is refused with the quoted text", (text, tag, pasted) => {
  expect(stepProblems(`filter: ${text}`)).toEqual([
    `t.yaml:22:17 MR_YAML stages[1].steps[0].filter: ${dropped(tag)}; quote the text: ${pasted}`,
  ]);
});

test.each([
  ["derive: { x: ! big, y: 1 }", 'quote the text: x: "! big"'],
  ["derive: { x: !big }", 'quote the text: x: "!big"'],
  ["require: [! payment_id]", 'quote the text: "! payment_id"'],
  ['filter: ! "payment_id == customer_id"', "remove the tag !"],
  ["require: !x [payment_id]", "remove the tag !x"],
  ["!x filter: amount == null", "remove the tag !x"],
  ["derive: { !x y: 1 }", 'quote the name: "!x y"'],
  ["derive: { x: !!binary aGVsbG8= }", 'quote the text: x: "!!binary aGVsbG8="'],
  ["derive: !!omap { x: 1 }", "remove the tag !!omap"],
])("a tag is refused wherever it stands: %s", (step, hint) => {
  const found = stepProblems(step);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/^t\.yaml:22:\d+ MR_YAML /);
  expect(found[0]?.endsWith(`; ${hint}`)).toBe(true);
});

test("tags of YAML's core say what they say, and a value that is none of theirs is refused", () => {
  expect(stepProblems("filter: !!str amount == null")).toEqual([]);
  expect(stepProblems("derive: { x: !!float 5 }")).toEqual([]);
  const named = (text: string): string => replaced(smallText, "name: small\ndelivery", `name: ${text}\ndelivery`);
  expect(soundPlan(named("!!str small"), { schemas }).topology).toBe("small");
  expect(problemLines(named("!!int small"), { schemas })).toEqual([
    "t.yaml:3:13 MR_YAML name: this is no int, as the tag !!int says; remove the tag",
  ]);
  // A tag of text holds after substitution, too.
  const environment = { NAME: "5" };
  expect(problemLines(named(`!!str \${NAME}`), { schemas, environment })[0]).toContain("MR_OUT_OF_RANGE name:");
  expect(problemLines(named(`\${NAME}`), { schemas, environment })[0]).toContain("found a whole number");
});

test("directives and second documents are refused in our words", () => {
  const directive = (name: string): string =>
    `MR_YAML a topology has no directives, and here is ${name}: it is read as YAML 1.2; remove the line`;
  expect(problemLines(`%YAML 1.1\n---\n${smallText}`, { schemas })).toEqual([`t.yaml:1:1 ${directive("%YAML")}`]);
  expect(problemLines(`# c\n%TAG ! tag:x,2000:\n---\n${smallText}`, { schemas })).toEqual([
    `t.yaml:2:1 ${directive("%TAG")}`,
  ]);
  for (const second of ["---\na: 1\n", "---\n", "...\na: 1\n"]) {
    expect(problemLines(`${smallText}${second}`, { schemas })).toEqual([
      expect.stringMatching(
        /^t\.yaml:3[67]:1 MR_YAML a file holds one topology, and a second document begins here; remove the --- line and what follows, /,
      ),
    ]);
  }
  expect(problemLines(`---\n${smallText}...\n`, { schemas })).toEqual([]);
});

test("a variable inside the default of another is refused, not read as text", () => {
  for (const text of [`\${X:-\${Y}}`, `"\${X:?\${Y}}"`])
    expect(problems(`name: small\n${delivery}`, `name: ${text}\n${delivery}`)).toEqual([
      `t.yaml:3:7 MR_ENVIRONMENT name: a variable stands inside another, and a default is text as it is; write \${X:-value}, or give X its value where the process is started`,
    ]);
});

test("a comment without a blank behind an expression is a warning with its place; one with a blank is none", () => {
  expect(warnings(withStep("filter: amount == null #why"))).toEqual([
    't.yaml:22:32 MR_YAML_READING stages[1].steps[0].filter: YAML takes "#why" for a comment: it is not part of the expression; put a blank behind the #, or quote the text to keep it: filter: "amount == null #why"',
  ]);
  expect(warnings(withStep("derive: { x: 1 #why\n        }"))).toHaveLength(1);
  for (const silent of ["# why", "## why", "#", "#\twhy", "##"])
    expect(warnings(withStep(`filter: amount == null ${silent}`))).toEqual([]);
  expect(warnings(withStep('filter: "amount == null" #why'))).toEqual([]);
  expect(warnings(withStep("require: [payment_id] #why"))).toEqual([]);
  expect(
    warnings(
      replaced(smallText, "decide: { review: score >= 0.8 }", "decide: { review: score >= 0.8 #x\n            }"),
    ),
  ).toHaveLength(1);
});

test("an expression that does not parse because a comment cuts it says so", () => {
  expect(stepProblems("filter: amount == #1")).toEqual([
    't.yaml:22:26 MR_EXPRESSION_SYNTAX stages[1].steps[0].filter: a value is missing after `==`; quote the text, which YAML ends before "#1": filter: "amount == #1"',
  ]);
  expect(stepProblems('filter: payment_id == "a #b"')[0]).toContain(`filter: 'payment_id == "a #b"'`);
  expect(stepProblems("filter: amount == # why")[0]).toContain('YAML takes "# why" for a comment');
  expect(stepProblems("filter: amount #> 5")[0]).toContain('YAML takes "#> 5" for a comment');
});

test.each([
  ["derive: { x: min(1, 2), y: 1 }", 'x: "min(1, 2)"'],
  ['derive: { x: payment_id == "a, b" }', `x: 'payment_id == "a, b"'`],
  ["derive: { x: amount == null ? 1 : 2 }", 'x: "amount == null ? 1 : 2"'],
  ["filter: amount == null ? true : false", 'filter: "amount == null ? true : false"'],
  ['filter: "a" == payment_id', `filter: '"a" == payment_id'`],
  ["filter: 'a' == payment_id", `filter: "'a' == payment_id"`],
  ["filter: > 5", 'filter: "> 5"'],
  ["filter: &a && b", 'filter: "&a && b"'],
  ["filter: *a", 'filter: "*a"'],
  ["filter: @a", 'filter: "@a"'],
  ["derive: { x: payment_id[0] }", 'x: "payment_id[0]"'],
])("an expression that has to stand in quotes is given with them: %s", (step, pasted) => {
  const found = stepProblems(step);
  expect(found).toHaveLength(1);
  expect(found[0]?.endsWith(pasted)).toBe(true);
});

test("a variable in braces is given with its quotes", () => {
  expect(problems("external: true }", `external: true, name: \${NAME} }`)).toEqual([
    expect.stringContaining(`quote the text: name: "\${NAME}"`),
  ]);
});

test("a comment inside an unquoted text of several lines is named as what ends it", () => {
  for (const step of [
    "filter: amount == null || # why\n          amount > 5",
    "filter: amount == null ||\n          # why\n          amount > 5",
  ])
    expect(stepProblems(step)).toEqual([
      expect.stringContaining("a comment ends an unquoted text: move it above filter, or put the text in quotes"),
    ]);
  // A key that stands wrong has nothing to do with the comment above it.
  expect(problems(delivery, `${delivery} # why\n  owner: me`)[0]).not.toContain("a comment ends");
});

test("keys that YAML takes for something else are refused", () => {
  expect(stepProblems("derive: { x:1 }")).toEqual([
    't.yaml:22:19 MR_YAML stages[1].steps[0].derive["x:1"]: there is no blank behind the colon, so that all of it is one key; write x: 1',
  ]);
  expect(stepProblems("derive: { <<: { a: 1 } }")).toEqual([
    't.yaml:22:19 MR_YAML stages[1].steps[0].derive["<<"]: YAML 1.2 has no merge keys; write the keys out',
  ]);
  expect(problems("{ format: json, external: true }", '{ format: json, external: true, 1: a, "1": b }')).toEqual([
    expect.stringContaining("MR_UNKNOWN_KEY"),
    expect.stringContaining("MR_CONFLICT the key is given twice in one mapping"),
  ]);
});

test("whole numbers are the ones that are written, or refused", () => {
  const partitions = (text: string): string[] => problems("partitions: 2", `partitions: ${text}`);
  expect(partitions("9007199254740993")).toEqual([
    "t.yaml:7:72 MR_OUT_OF_RANGE topics.raw.partitions: expected at most 10000, found 9007199254740993; write for example partitions: 4",
  ]);
  const plannedWith = (text: string): number | undefined =>
    soundPlan(replaced(smallText, "partitions: 2", `partitions: ${text}`), { schemas }).topics[1]?.partitions;
  expect([plannedWith("0x10"), plannedWith("0o17"), plannedWith("+3"), plannedWith("1e1")]).toEqual([16, 15, 3, 10]);
  expect(warnings(replaced(smallText, "partitions: 2", "partitions: 010"))).toEqual([
    't.yaml:7:72 MR_YAML_READING topics.raw.partitions: 010 is read as the number 10: zeros in front say nothing in YAML 1.2; write 10, or "010" where text is meant',
  ]);
});

test("numbers in the records of tests keep their digits, and those that JSON lacks are refused", () => {
  const given = (value: string): string =>
    `${smallText}tests:\n  - name: t\n    stage: ingest\n    given: [{ amount: ${value} }]\n    expect: { filtered: 0 }\n`;
  expect(soundPlan(given("9007199254740993"), { schemas }).tests[0]?.given).toEqual([
    { kind: "row", value: { amount: 9007199254740993n } },
  ]);
  expect(problemLines(given(".nan"), { schemas })).toEqual([
    't.yaml:39:23 MR_OUT_OF_RANGE tests[0].given[0].amount: .nan is NaN, which JSON has as text only; write amount: "NaN"',
  ]);
  expect(problemLines(given("1e400"), { schemas })[0]).toContain('write amount: "Infinity"');
});

test("an anchor that nothing refers to is a warning, one that is used is none", () => {
  expect(warnings(withStep("filter: &x amount == null"))).toEqual([
    "t.yaml:22:20 MR_YAML_READING stages[1].steps[0].filter: YAML takes &x for an anchor, and nothing refers to it; remove &x, or quote the text it belongs to",
  ]);
  const used = replaced(smallText, "key: customer_id, time: paid_at", "key: &who customer_id, time: paid_at");
  expect(warnings(replaced(used, "by: customer_id", "by: *who"))).toEqual([]);
});

test("a file that is not UTF-8 is refused with the place of the first bad byte", () => {
  const bytes = Buffer.from(replaced(smallText, delivery, `${delivery}\ndescription: "Köln und Bonn"`), "latin1");
  expect(planText("", { schemas, text: bytes }).problems.map(formatProblem)).toEqual([
    `t.yaml:5:16 MR_YAML the file is not UTF-8: byte ${bytes.indexOf(0xf6)} is 0xf6; save it as UTF-8`,
  ]);
  const wide = Buffer.from(`\ufeff${smallText}`, "utf16le");
  expect(planText("", { schemas, text: wide }).problems.map(formatProblem)).toEqual([
    "t.yaml:1:1 MR_YAML the file is not UTF-8: byte 0 is 0xff; save it as UTF-8, not as UTF-16",
  ]);
});

test("a byte order mark before a topology is taken, as bytes and as text", () => {
  const marked = `\ufeff${smallText}`;
  expect(planText(marked, { schemas }).problems).toEqual([]);
  expect(planText("", { schemas, text: Buffer.from(marked) }).problems).toEqual([]);
});
