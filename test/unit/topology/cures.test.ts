import { expect, test } from "vitest";
import type { LocatedProblem } from "../../../src/topology/index.ts";
import { planText, replaced, smallSchemas, smallText } from "./fixture.ts";

/** One line of the small chain put in another's place, and what is wrong with it can be mended as the message prints. */
const rolling = "      - rolling: { by: customer_id, over: [1h], features: { n: count(), mean: mean(amount) } }";
const step = (text: string): readonly [string, string] => [rolling, `      - ${text}\n${rolling}`];
const delivery = "delivery: at-least-once";

const broken: readonly (readonly [from: string, to: string])[] = [
  step("cast: { amount: text }"),
  step("cast: { amount: bool }"),
  step("cast: { amount: decimal }"),
  step("cast: { amount: [1] }"),
  step("fliter: amount == null"),
  step("filter: ! (amount == null)"),
  step("filter: !(amount == null)"),
  step("filter: true"),
  step("filter: amonut == null"),
  step('filter: "a" == payment_id'),
  step('filter: payment_id == "a #b"'),
  step("filter: &a"),
  step("derive: { x: min(1, 2), y: 1 }"),
  step('derive: { x: payment_id == "a, b" }'),
  step("derive: { x: amount == null ? 1 : 2 }"),
  step("derive: { x:1 }"),
  step("derive: { x: 1_000 }"),
  step("dedupe: { by: payment_id, within: 7weeks }"),
  step("dedupe: { by: paymentid, within: 1d }"),
  step("clamp: { field: amount, min: 0, max: 10_000 }"),
  step("clamp: { field: amount, min: 0, maxx: 1 }"),
  step("impute: { field: amount, with: [1] }"),
  step("rolling: { by: customer_id, over: [soon], features: { a: count() } }"),
  step("rolling: { by: customer_id, over: [1h], features: { a: avg(amount) } }"),
  step("rolling: { by: customer_id, over: [1h], last: 5, features: { a: count() } }"),
  step("tumbling: { size: 1h }"),
  ["external: true", "external: yes"],
  ["partitions: 2", "partitions: 1_000"],
  ["partitions: 2", "partitions: two"],
  ["partitions: 2", "partitions: 0"],
  ["partitions: 2", "partitions: 9007199254740993"],
  ["partitions: 2", "partitons: 2"],
  ["format: json", "format: JSON"],
  ["format: json", "format: csv"],
  [delivery, "delivery: at_least_once"],
  [delivery, "delivery: exactly_once"],
  [delivery, `${delivery}\nalerts: {}`],
  [delivery, `${delivery}\nnamespace: \${A:-\${B}}`],
  ["late: { within: 2h }", "late: { within: soon }"],
  ["late: { within: 2h }", "late: { within: 2 }"],
  ["ahead: 5min", "ahead: soon"],
  ["task: binary", "task: regression"],
  ["on: payment_id", "on: paymentid"],
  ["keep: [payment_id]", "keep: [customer_id]"],
  ["model: fraud@champion", "model: fraud"],
  ["schema: payment", "schema: paymnet"],
  ["from: raw", "from: rwa"],
];

/** Does to the file what the hint says, as text; undefined when the hint is none that can be pasted. */
function cured(text: string, problem: LocatedProblem): string | undefined {
  const lines = text.split("\n");
  const line = lines[problem.line - 1] ?? "";
  const put = (next: string): string => lines.toSpliced(problem.line - 1, 1, next).join("\n");
  const before = line.slice(0, problem.column - 1);
  const behind = line.slice(problem.column - 1);
  const hint = problem.hint ?? "";
  const meant = /did you mean "?([^"?]+)"?\?/.exec(hint)?.[1];
  if (meant !== undefined) return put(before + behind.replace(/[\w@.-]+/, () => meant));
  if (hint === "remove it") return put(before + behind.replace(/^\w+: (?:\{[^}]*\}|[^,}\s]+)(?:, )?/, ""));
  const quoted = /(?:quote the text[^:]*|holds a colon): (\w+): (["'])(.*)\2/.exec(hint);
  if (quoted !== null) {
    const [, name, quote, inside] = quoted;
    return put(line.replace(`${name}: ${inside}`, () => `${name}: ${quote}${inside}${quote}`));
  }
  const entry = /write (?:for example )?([\w-]+): (.+)$/.exec(hint);
  if (entry !== null) {
    const [, name = "", value = ""] = entry;
    return put(
      line.replace(
        new RegExp(`\\b${name}: ?(\\[[^\\]]*\\]|"[^"]*"|\\$\\{.*\\}|[^,}]+?)(?=,| \\}|\\}|$)`),
        () => `${name}: ${value}`,
      ),
    );
  }
  const value = /write (?:for example )?(\S+)/.exec(hint)?.[1];
  return value === undefined ? undefined : put(before + behind.replace(/[^,\]} ]+/, () => value));
}

test.each(broken)("what is printed about %j in place of %j mends it when it is pasted", (from, to) => {
  const schemas = smallSchemas;
  const text = replaced(smallText, from, to);
  const [problem] = planText(text, { schemas }).problems;
  expect(problem).toBeDefined();
  const mended = cured(text, problem!);
  expect(mended, problem?.hint).toBeDefined();
  expect(mended).not.toBe(text);
  const left = planText(mended!, { schemas }).problems.filter(
    ({ line, code }) => line === problem!.line && code === problem!.code,
  );
  expect(
    left.map(({ message, hint }) => `${message}; ${hint}`),
    problem?.hint,
  ).toEqual([]);
});
