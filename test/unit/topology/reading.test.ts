import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTopology } from "../../../src/topology/index.ts";
import { exampleText, planText, problemLines, replaced, smallSchemas, smallText } from "./fixture.ts";

const lines = (text: string): string[] =>
  parseTopology(text, "t.yaml", {}).problems.map((p) => `${p.line}:${p.column} ${p.code} ${p.message}`);

test("a key given twice is a conflict at the second", () => {
  const text = replaced(smallText, "name: small", "name: small\nname: other");
  expect(problemLines(text, { schemas: smallSchemas })).toEqual([
    "t.yaml:4:1 MR_CONFLICT the key is given twice in one mapping; remove one of the two",
  ]);
});

test("text that is no YAML is reported with its place, and at most twenty times", () => {
  expect(lines("\tname: x")).toEqual([expect.stringMatching(/^1:1 MR_YAML the text is not YAML: tabs/)]);
  expect(lines('name: "x')).toEqual([expect.stringMatching(/^1:9 MR_YAML/)]);
  expect(lines("a: b: c\n".repeat(100))).toHaveLength(20);
});

test("a second document is refused", () => {
  expect(lines("a: 1\n---\nb: 2\n")).toEqual([expect.stringMatching(/MR_YAML/)]);
});

test("an empty file misses what a topology must have", () => {
  expect(lines("")).toEqual(["1:1 MR_WRONG_TYPE expected a mapping, found nothing"]);
});

test.each([
  ["brackets", "[".repeat(2_000)],
  ["hyphens in one line", "- ".repeat(60)],
  ["half a megabyte of hyphens", "- ".repeat(300_000)],
  ["question marks", "? ".repeat(60)],
  ["a list that holds itself", "&a [*a]"],
  ["aliases that grow", `a: &a [${"1,".repeat(40)}1]\nb: &b [${"*a,".repeat(40)}*a]\nc: [${"*b,".repeat(40)}*b]`],
  ["two megabytes", "# comment\n".repeat(200_000)],
])("ends with a problem and not with the process: %s", (_name, text) => {
  expect(lines(text).length).toBeGreaterThan(0);
});

// The parser reports the overflow of its stack once per level that it had left.
test.each([
  ["flow lists", `a: ${"[".repeat(2_000)}`],
  ["flow lists over many lines", `a:\n${` ${"[".repeat(1_500)}\n`.repeat(20)}`],
  ["flow mappings", `a: ${"{a: ".repeat(500)}`],
  ["many lines of flow mappings", `a:\n${` ${"{a: ".repeat(400)}\n`.repeat(20)}`],
  [
    "block lists",
    Array.from({ length: 90 }, (_, i) => `${" ".repeat(i)}- x`)
      .join("\n")
      .replaceAll("- x\n", "-\n"),
  ],
  ["brackets whose ends are comments", "[ # ]\n".repeat(100)],
])("nesting that is too deep is one problem: %s", (_name, text) => {
  const found = planText(text).problems.map(({ code, message }) => ({ code, message }));
  expect(found.filter(({ message }) => /deep/.test(message))).toHaveLength(1);
  expect(found.filter(({ message }) => /stack/i.test(message))).toEqual([]);
  expect(found).toHaveLength(1);
});

test("brackets that are text do not count as nesting", () => {
  const description = `description: "${"[".repeat(200)}"\n# ${"[".repeat(200)}`;
  expect(planText(`${smallText}\n${description}\n`, { schemas: smallSchemas }).problems).toEqual([]);
});

test("an unknown anchor is reported where it is used", () => {
  expect(lines("name: *who")).toContain("1:7 MR_YAML the anchor &who is not defined");
});

test("no text makes parsing throw, and every problem has a place and a hint", () => {
  const pieces = fc.constantFrom(
    "name: ",
    "topics:\n",
    "stages:\n",
    "  - ",
    "{ ",
    " }",
    "[",
    "]",
    ": ",
    "\n",
    "  ",
    `\${X`,
    `\${X:-1}`,
    "&a ",
    "*a",
    "!!int ",
    "|\n",
    ">-\n",
    "'",
    '"',
    "# ",
    "? ",
    "---\n",
    "steps: ",
    "rolling: ",
    "__proto__: ",
    "constructor: ",
    "1",
    "null",
    "\u0000",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join("")),
      ),
      (text) => {
        for (const problem of planText(text).problems) {
          expect(problem.line).toBeGreaterThanOrEqual(1);
          expect(problem.column).toBeGreaterThanOrEqual(1);
          expect(problem.hint ?? "").not.toBe("");
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("an example with any one line cut, doubled or cut short never makes planning throw", () => {
  const example = exampleText("card-fraud").split("\n");
  fc.assert(
    fc.property(fc.nat(example.length - 1), fc.constantFrom("cut", "double", "half", "indent"), (at, how) => {
      const line = example[at] ?? "";
      const fresh = { cut: [], double: [line, line], half: [line.slice(0, line.length / 2)], indent: [`  ${line}`] }[
        how
      ];
      planText([...example.slice(0, at), ...fresh, ...example.slice(at + 1)].join("\n"));
    }),
    { numRuns: 150 },
  );
});

test("an expression in a block scalar is pointed at inside the block", () => {
  const text = replaced(
    smallText,
    "      - cast: { paid_at: timestamp-millis }",
    "      - cast: { paid_at: timestamp-millis }\n      - filter: |\n          amount == null ||\n          amuont > 0",
  );
  expect(problemLines(text, { schemas: smallSchemas })).toEqual([
    expect.stringMatching(
      /^t\.yaml:19:11 MR_REFERENCE stages\[0\]\.steps\[1\]\.filter: there is no field `amuont` here/,
    ),
  ]);
});
