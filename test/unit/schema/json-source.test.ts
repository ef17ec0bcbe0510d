import fc from "fast-check";
import { expect, test } from "vitest";
import { readJsonSource } from "../../../src/schema/json-source.ts";
import { jsonText } from "../../../src/schema/json-text.ts";

function jsonOf(text: string): unknown {
  const reading = readJsonSource(text);
  if ("fault" in reading) throw new Error(reading.fault.message);
  return reading.source.value;
}

function faultOf(text: string): string {
  const reading = readJsonSource(text);
  return "fault" in reading ? `${reading.fault.offset}: ${reading.fault.message}; ${reading.fault.hint}` : "no fault";
}

test("reads what JSON.parse reads, and prints it as JSON.stringify prints it", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "grapheme" }), fc.constantFrom(0, 2), (text, indent) => {
      // JSON.parse rounds whole numbers beyond 2^53, and JSON.stringify loses the sign of 0: those have tests of their own.
      fc.pre(!/[0-9]{16}|-0/.test(text));
      const value = jsonOf(text);
      expect(value).toEqual(JSON.parse(text));
      expect(jsonText(value, indent)).toBe(JSON.stringify(JSON.parse(text), null, indent));
    }),
  );
});

test("whole numbers of any size are read and printed with their digits", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.constantFrom(0, 2), (number, indent) => {
      const text = indent === 0 ? `{"a":[${number},true]}` : `{\n  "a": [\n    ${number},\n    true\n  ]\n}`;
      expect(jsonText(jsonOf(text), indent)).toBe(text);
    }),
  );
  expect(jsonOf("9007199254740991")).toBe(9007199254740991);
  expect(jsonOf("9007199254740992")).toBe(9007199254740992n);
  expect(jsonText(jsonOf("[-0, -0.0]"))).toBe("[-0.0,-0.0]");
});

test("prints empty lists and objects beside a bigint, and leaves out what is undefined", () => {
  expect(jsonText({ a: [], b: {}, c: 1n, d: undefined }, 2)).toBe('{\n  "a": [],\n  "b": {},\n  "c": 1\n}');
});

test("comments as Java writes them are passed over, and a text that looks like one is a text", () => {
  expect(jsonOf('/* licence */ {\n// one\n"a": /* two */ 1, "b": "// no" // three\n}\n/**/')).toEqual({
    a: 1,
    b: "// no",
  });
});

test("__proto__ is a key like any other", () => {
  expect(Object.keys(jsonOf('{"__proto__": 1}') as object)).toEqual(["__proto__"]);
});

test("tells the place of every value", () => {
  const text = '{ "a": [1, { "b": true }], "c": null }';
  const reading = readJsonSource(text);
  if ("fault" in reading) throw new Error(reading.fault.message);
  const { offsetOf } = reading.source;
  expect([offsetOf([]), offsetOf(["a"]), offsetOf(["a", 0]), offsetOf(["a", 1, "b"]), offsetOf(["c"])]).toEqual([
    0, 7, 8, 18, 32,
  ]);
  // Of what is not there, the nearest thing around it.
  expect([offsetOf(["a", 1, "x", "y"]), offsetOf(["d"])]).toEqual([11, 0]);
});

test.each([
  ["", "0: the file is empty; write the schema of a record"],
  ["// nothing", "10: the file is empty; write the schema of a record"],
  ["{} {}", "3: something stands behind the end of the value; remove it"],
  ["[1,]", "2: a comma stands before ]; remove the comma"],
  ['{"a": 1, /* */ }', "7: a comma stands before }; remove the comma"],
  ["[,1]", "1: a value is missing before the comma; remove the comma"],
  ['{,"a": 1}', "1: a key is missing before the comma; remove the comma"],
  ["[1 2]", "3: a comma or ] is missing here; write a comma between the two"],
  ['{"a": [1}', "8: a comma or ] is missing here; check the brackets"],
  ['{"a": 1', "0: the bracket is not closed; write } where it ends"],
  ["[1 /* x", "3: the comment is not closed; write */ where it ends"],
  ["[1, /* x", "4: the comment is not closed; write */ where it ends"],
  ["# x", "0: this is no comment of JSON; write // before a comment, or remove it"],
  ["{'a': 1}", '1: a text of JSON stands in double quotes; write "a"'],
  ["['a']", '1: a text of JSON stands in double quotes; write "a"'],
  ["{a: 1}", '1: a key of JSON stands in double quotes; write "a"'],
  ["[long]", '1: a value of JSON stands in double quotes; write "long"'],
  ['{"a" 1}', '5: a colon is missing behind the key; write "key": value'],
  ['{"a": }', "6: a value is missing before }; check commas and brackets"],
  ['{"a":', "5: a value is missing at the end; check commas and brackets"],
  ['{"a": 1, "a": 2}', '9: the key "a" is there twice; remove one of the two'],
  ["[NaN]", '1: NaN is no word of JSON; write "NaN"'],
  ["[-Infinity]", '1: -Infinity is no number of JSON; write "-Infinity"'],
  ["[True]", "1: True is no word of JSON; write true"],
  ["[None]", "1: None is no word of JSON; write null"],
  ["[007]", "1: 007 is no number of JSON; write 7"],
  ["[+1]", "1: +1 is no number of JSON; write 1"],
  ["[.5]", "1: .5 is no number of JSON; write 0.5"],
  ["[1_000]", "1: 1_000 is no number of JSON; write 1000"],
  ["[0x10]", "1: 0x10 is no number of JSON; write 16"],
  ["[1.2.3]", "1: 1.2.3 is no number of JSON; write digits, such as 10 or 0.5"],
  ["[1e400]", "1: 1e400 is larger than any double; write a smaller number"],
  ['["a]', '1: the text is not closed; write " where it ends'],
  ['["a\nb"]', '1: the text is not closed; write " where it ends'],
  ['["a\tb"]', "3: a control character stands in a text; write it as \\u0009"],
  ['["a\\d"]', "3: \\d is no escape of JSON; write \\\\ for a backslash"],
  ['["\\u12"]', "2: \\u is no escape of JSON; write \\\\ for a backslash"],
  ['["a\\ud800"]', "1: the text holds half a surrogate pair, which has no UTF-8; write both halves"],
])("%j is refused with its place and the true reason", (text, expected) => {
  expect(faultOf(text)).toBe(expected);
});

test("both halves of a surrogate pair are a character", () => {
  expect(jsonOf('"\\ud83d\\ude00"')).toBe("\u{1F600}");
});

test("nesting without end is a fault, not a stack overflow", () => {
  expect(faultOf("[".repeat(100_000))).toBe("513: values are nested more than 512 deep; nest less deep");
});

test("no text makes reading throw, and what JSON.parse takes is taken unless it would change a value", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."{}[]\",:'/*#\\u0dn-+.1eEtrufals \n") }), (text) => {
      const reading = readJsonSource(text);
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        return;
      }
      // -0 is printed with its sign, which JSON.stringify drops.
      if ("source" in reading) expect(JSON.parse(jsonText(reading.source.value))).toEqual(json);
      else expect(reading.fault.message).toMatch(/twice|surrogate|larger than any double/);
    }),
    { numRuns: 2_000 },
  );
});
