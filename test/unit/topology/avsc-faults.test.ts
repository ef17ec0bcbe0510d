import { expect, test } from "vitest";
import { formatProblem } from "../../../src/topology/index.ts";
import { payment, planText, problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

/** Problems of the small chain with another text of payment.avsc, whose field `amount` stands in line 7. */
function avscProblems(text: string | Uint8Array): string[] {
  return problemLines(smallText, {
    schemas: new Map<string, string | Uint8Array>([...smallSchemas, ["payment", text]]),
  });
}

const amount = '{ "name": "amount", "type": ["null", "double"], "default": null }';
const withAmount = (text: string): string[] => avscProblems(replaced(payment, amount, text));

test("a fault of the JSON has the place in its own file and its true reason", () => {
  expect(withAmount(`${amount},`)).toEqual([
    "schemas/payment.avsc:7:70 MR_SCHEMA schema payment: not JSON: a comma stands before ]; remove the comma",
  ]);
  expect(withAmount(amount.replaceAll('"', "'"))).toEqual([
    'schemas/payment.avsc:7:7 MR_SCHEMA schema payment: not JSON: a text of JSON stands in double quotes; write "name"',
  ]);
});

test("a default that is no symbol of its enum comes with one that is", () => {
  const [problem] = withAmount(
    '{ "name": "side", "type": { "type": "enum", "name": "Side", "symbols": ["left", "right"] }, "default": "up" }',
  );
  expect(problem).toContain('; write "default": "left"');
});

test("a field-level mistake names the field, its place and the path inside the schema", () => {
  expect(withAmount('{ "name": "amount", "type": "duble" }')).toEqual([
    'schemas/payment.avsc:7:33 MR_SCHEMA fields[4].type: schema payment: field amount: unknown type "duble"; did you mean "double"?',
  ]);
  const nested = '{ "name": "c", "type": "strin" }';
  expect(withAmount(`{ "name": "b", "type": { "type": "record", "name": "B", "fields": [${nested}] } }`)).toEqual([
    expect.stringContaining('schema payment: field b.c: unknown type "strin"; did you mean "string"?'),
  ]);
});

test.each([
  ['"int", "default": 3000000000', "3000000000 is no int, which is a whole number from -2147483648 to 2147483647", 0],
  [
    '"long", "default": 9223372036854775808',
    "9223372036854775808 is no long, which is a whole number from -9223372036854775808 to 9223372036854775807",
    0,
  ],
  ['"int", "default": "7"', 'the text "7" is no int', 7],
  ['["null", "int"], "default": "null"', 'the text "null" fits no branch of the union, which are null, int', null],
  ['"string", "default": 7', "7 is no string", "7"],
  ['"boolean", "default": "True"', 'the text "True" is no boolean', true],
  ['"float", "default": 1e39', "1e+39 is no float, which ends at 3.4028234663852886e38", 0],
  ['"double", "default": 9007199254740993', "9007199254740993 is no double; the nearest one is 9007199254740992", 0],
])("a default that does not fit is refused with what would: %s", (field, reason, fitting) => {
  const found = withAmount(`{ "name": "amount", "type": ${field} }`);
  expect(found).toEqual([
    expect.stringMatching(
      /^schemas\/payment\.avsc:7:\d+ MR_SCHEMA fields\[4\]\.default: schema payment: field amount: the default does not fit: /,
    ),
  ]);
  expect(found[0]?.endsWith(`${reason}; write "default": ${JSON.stringify(fitting)}`)).toBe(true);
});

test("the largest long is a default with all its digits", () => {
  const until = '{ "name": "until", "type": "long", "default": 9223372036854775807 }';
  const schemas = new Map([...smallSchemas, ["payment", replaced(payment, amount, `${amount}, ${until}`)]]);
  const plan = soundPlan(smallText, { schemas });
  expect(plan.topics[1]?.schema?.shape.at(-1)?.default).toBe(9223372036854775807n);
});

test("comments and a byte order mark before a schema are taken", () => {
  expect(avscProblems(`/* licence */\n${payment} // end`)).toEqual([]);
  expect(avscProblems(`\ufeff${payment}`)).toEqual([]);
  expect(avscProblems(Buffer.from(`\ufeff${payment}`))).toEqual([]);
});

test("a schema that is not UTF-8 is refused with the offset, one that no topic names is not looked at", () => {
  const bytes = Buffer.from(replaced(payment, '"name": "Payment"', '"name": "Payment", "doc": "Köln"'), "latin1");
  expect(avscProblems(bytes)).toEqual([
    `schemas/payment.avsc:2:49 MR_SCHEMA the file is not UTF-8: byte ${bytes.indexOf(0xf6)} is 0xf6; save it as UTF-8`,
  ]);
  const schemas = new Map<string, string | Uint8Array>([...smallSchemas, ["other", bytes], ["broken", "{"]]);
  expect(problemLines(smallText, { schemas })).toEqual([]);
});

test("problems of the topology come before those of its schemas, each file in its order", () => {
  const schemas = new Map([...smallSchemas, ["payment", "{"]]);
  const text = replaced(smallText, "delivery: at-least-once", "delivery: sometimes");
  const found = planText(text, { schemas, schemaFolder: "../schemas" }).problems.map(formatProblem);
  expect(found.map((line) => line.split(" ", 2).join(" "))).toEqual([
    "t.yaml:4:11 MR_OUT_OF_RANGE",
    "../schemas/payment.avsc:1:1 MR_SCHEMA",
  ]);
});
