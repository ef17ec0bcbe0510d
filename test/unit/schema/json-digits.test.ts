import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseExactJson } from "../../../src/schema/exact-json.ts";
import { createJsonReader, type JsonReaderOptions } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";

const schema = rowSchema(
  { name: "s", type: ["null", "string"], default: null },
  { name: "i", type: ["null", "int"], default: null },
  { name: "l", type: ["null", "long"], default: null },
  { name: "f", type: ["null", "float"], default: null },
  { name: "d", type: ["null", "double"], default: null },
  { name: "at", type: ["null", { type: "long", logicalType: "timestamp-millis" }], default: null },
);

function read(json: string, options: Partial<JsonReaderOptions> = {}): Record<string, unknown> {
  const bytes = Buffer.from(json);
  return createJsonReader({ schema, casts: {}, ...options }).read(bytes, 0, bytes.length);
}

/** The value of a field, or the code of what it dies of. */
function outcome(name: string, source: string, options: Partial<JsonReaderOptions> = {}): unknown {
  try {
    return read(`{"${name}":${source}}`, options)[name];
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
}

const toText = { casts: { s: "string" } } as const;

describe("a number cast to text", () => {
  test.each([
    ["9007199254740993", "9007199254740993"],
    ["-9007199254740993", "-9007199254740993"],
    ["12345678901234567890", "12345678901234567890"],
    ["0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
    ["123456789.123456789123456789", "123456789.123456789123456789"],
    ["9007199254740993.0", "9007199254740993"],
    ["90071992547409930e-1", "9007199254740993"],
    // What part 1 printed, where that is the same number: the keys of today's topologies stay.
    ["1.0", "1"],
    ["1e2", "100"],
    ["1E+2", "100"],
    ["1.10", "1.1"],
    ["-0", "0"],
    ["-0.0", "0"],
    ["1e21", "1e+21"],
    ["1e-7", "1e-7"],
    ["0e999", "0"],
    [`1${"0".repeat(399)}`, `1${"0".repeat(399)}`],
    ["1.00000000000000000001", "1.00000000000000000001"],
    ["1e-330", `0.${"0".repeat(329)}1`],
    ["1e400", "MR_CAST"],
    ["1e-401", "MR_CAST"],
    [`1${"0".repeat(400)}`, "MR_CAST"],
    [`0.${"1".repeat(401)}`, "MR_CAST"],
  ])("%s is %s", (source, text) => {
    expect(outcome("s", source, toText)).toBe(text);
  });
});

describe("a number as a number", () => {
  test.each([
    ["l", "9007199254740991", 9007199254740991],
    ["l", "9007199254740992", 9007199254740992n],
    ["l", "9007199254740993", 9007199254740993n],
    ["l", "9223372036854775807", 9223372036854775807n],
    ["l", "-9223372036854775808", -9223372036854775808n],
    ["l", "9223372036854775808", "MR_CAST"],
    ["l", "1234567890123456800", 1234567890123456800n],
    ["l", "1e18", 1000000000000000000n],
    ["l", "9007199254740993.5", "MR_CAST"],
    // A double is whole here: the fraction is gone before anybody has seen it.
    ["l", "9007199254740991.4", "MR_CAST"],
    ["l", "1234567890123456.04", "MR_CAST"],
    ["l", "1234567890123456", 1234567890123456],
    ["l", "1e3", 1000],
    ["l", "-0", 0],
    ["l", "1.5", "MR_CAST"],
    ["i", "-0", 0],
    ["i", "1.0", 1],
    ["i", "2147483648", "MR_CAST"],
    // JSON.parse rounds each of these to a whole number.
    ["i", "1.00000000000000000001", "MR_CAST"],
    ["i", "-1.99999999999999999999", "MR_CAST"],
    ["i", "1e-400", "MR_CAST"],
    ["i", "100000000000000000001e-20", "MR_CAST"],
    ["i", "1.00000000000000000000", 1],
    ["l", "1.00000000000000000001", "MR_CAST"],
    ["l", "-1e-400", "MR_CAST"],
    ["l", "0e-400", 0],
    ["at", "1767225600000.00000000001", "MR_CAST"],
    ["at", "1767225600000.00000000000", 1767225600000],
    ["d", "9007199254740993", "MR_CAST"],
    ["d", "9007199254740992", 9007199254740992],
    ["d", "18014398509481984", 18014398509481984],
    ["d", "0.1", 0.1],
    ["d", "0.1000000000000000055511151231257827", 0.1],
    // Between two doubles, but what the nearest prints as: so a producer's double comes back.
    ["d", "1e23", 1e23],
    ["d", "100000000000000000000000", "MR_CAST"],
    ["d", "123456789012345680000", 123456789012345680000],
    ["d", "1.7976931348623157e308", Number.MAX_VALUE],
    ["d", "-0.0", -0],
    ["d", "1e400", "MR_CAST"],
    ["f", "0.1", Math.fround(0.1)],
    ["f", "16777216", 16777216],
    ["f", "16777217", "MR_CAST"],
    ["f", "1e30", Math.fround(1e30)],
    ["f", "3.5e38", "MR_CAST"],
    ["at", "1767225600000", 1767225600000],
    ["at", "9007199254740993", "MR_CAST"],
  ])("%s = %s is %s", (name, source, expected) => {
    expect(outcome(name, source)).toBe(expected);
  });

  test.each([
    // The same digits stand elsewhere without a fraction: in a field that is read, and in one that nobody reads.
    ['{"l":1125899906842625.1,"other":1125899906842625}', {}],
    ['{"other":[1125899906842625],"l":1125899906842625.1}', {}],
    ['{"other":{"l":5},"l":5.0000000000000000001}', { casts: { l: "long" } }],
    ['{"other":{"l":5},"l":50000000000000000001e-19}', { casts: { l: "long" } }],
    ['{"other":{"l":5},"l":0.50000000000000000001E+1}', { casts: { l: "long" } }],
  ] as const)("a fraction that rounding hides is seen in %s", (json, options) => {
    expect(() => read(json, options)).toThrow("field l: a whole number is no long");
  });

  test("digits of a text, and fractions that show, do not keep a long from being read", () => {
    const json = '{"s":"1.1.1e-1E-e-","d":0.1000000000000000055511151231257827,"l":1125899906842625}';
    expect(read(json)).toMatchObject({ s: "1.1.1e-1E-e-", d: 0.1, l: 1125899906842625 });
  });

  test("text under a cast is read by the same rules", () => {
    expect(outcome("l", '"9007199254740993"', { casts: { l: "long" } })).toBe(9007199254740993n);
    expect(outcome("l", '" 1"', { casts: { l: "long" } })).toBe("MR_CAST");
    expect(outcome("d", '"9007199254740993"', { casts: { d: "double" } })).toBe("MR_CAST");
    expect(outcome("f", '"3.5e38"', { casts: { f: "float" } })).toBe("MR_CAST");
    expect(outcome("i", "true", { casts: { i: "int" } })).toBe(1);
  });
});

const numberSource = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.bigInt({ min: 1n, max: 10n ** 25n }).map(String)),
    fc.option(fc.stringMatching(/^\d{1,25}$/), { nil: undefined }),
    fc.option(fc.integer({ min: -30, max: 30 }), { nil: undefined }),
  )
  .map(([sign, whole, fraction, exponent]) => {
    const point = fraction === undefined ? "" : `.${fraction}`;
    return `${sign}${whole}${point}${exponent === undefined ? "" : `e${exponent}`}`;
  });

/** The number as a fraction of whole numbers, by nothing but the grammar of JSON. */
function exactly(text: string): { readonly up: bigint; readonly down: bigint } {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(`${whole}${fraction}`);
  return power >= 0 ? { up: digits * 10n ** BigInt(power), down: 1n } : { up: digits, down: 10n ** BigInt(-power) };
}

test("whatever number is cast to text, the text is that number", () => {
  fc.assert(
    fc.property(numberSource, (source) => {
      const text = outcome("s", source, toText) as string;
      const [a, b] = [exactly(source), exactly(text)];
      expect(a.up * b.down).toBe(b.up * a.down);
      // What the text is does not depend on what else the record holds.
      expect(read(`{"s":${source},"l":9007199254740993}`, toText)["s"]).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test("a record reads the same whether or not another field wants its digits", () => {
  const json = '{"s":"x","i":1.0,"f":0.1,"d":0.3333333333333333333,"at":1767225600000';
  const alone = read(`${json}}`);
  expect(read(`${json},"l":9007199254740993}`)).toEqual({ ...alone, l: 9007199254740993n });
});

test("an unknown field's digits are nobody's, and cost nothing", () => {
  expect(read('{"s":"x","huge":1e999}')).toMatchObject({ s: "x" });
});

test("our own reader agrees with JSON.parse, but for the numbers whose source it keeps", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 1, "\t"), (json, space) => {
      const value: unknown = JSON.parse(json);
      const plain = (parsed: unknown): unknown =>
        JSON.parse(JSON.stringify(parsed, (_, entry) => (entry?.source !== undefined ? Number(entry.source) : entry)));
      expect(plain(parseExactJson(JSON.stringify(value, null, space)))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(parseExactJson('{"a\\"b":[1,{"c":"]}"}],"__proto__":2,"a\\"b":[]}')).toEqual(
    JSON.parse('{"a\\"b":[],"__proto__":2}'),
  );
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  expect(Array.isArray(parseExactJson(deep))).toBe(true);
});

describe("a fraction that a double does not hold", () => {
  const fraction = fc
    .record({
      whole: fc.oneof(fc.nat(20), fc.nat({ max: 2 ** 31 }), fc.integer({ min: 2 ** 40, max: 2 ** 50 })),
      isAbove: fc.boolean(),
      places: fc.integer({ min: 1, max: 30 }),
      form: fc.constantFrom("point", "moved", "exponent"),
      before: fc.nat(40),
      isNegative: fc.boolean(),
    })
    .map(({ whole, isAbove, places, form, before, isNegative }) => {
      const part = isAbove ? `${"0".repeat(places)}1` : "9".repeat(places + 1);
      const text = `${isNegative ? "-" : ""}${whole}`;
      const source = {
        point: `${text}.${part}`,
        moved: `${`${text}${part}`.replace(/^(-?)0+(?=\d)/, "$1")}e-${part.length}`,
        exponent: `${isNegative ? "-" : ""}1e-${330 + places}`,
      }[form];
      return { source, before: `{"x": "${"x".repeat(before)}"` };
    });

  test("is no whole number, wherever it stands and however it is written", () => {
    fc.assert(
      fc.property(fraction, fc.constantFrom("long" as const, "int" as const), ({ source, before }, cast) => {
        const name = cast.slice(0, 1);
        const json = `${before}, "${name}": ${source}, "d":1}`;
        expect(() => read(json, { casts: { [name]: cast } })).toThrow(`no ${cast}`);
      }),
      { numRuns: 500 },
    );
  });

  test("stays in text", () => {
    fc.assert(
      fc.property(fraction, ({ source }) => {
        const text = outcome("s", source, toText) as string;
        // Written out and read back it is the same number, to the last digit.
        expect(outcome("s", text, toText)).toBe(text);
        expect(text).toMatch(/[.]|e-/);
      }),
      { numRuns: 500 },
    );
  });

  test("is found among many numbers whose digits count", () => {
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const wide = rowSchema(...names.map((name) => ({ name, type: "long" })));
    const bytes = Buffer.from(
      `{${names.map((name, i) => `"${name}":${i === 18 ? "5.00000000000000000001" : 7}`).join()}}`,
    );
    const casts = Object.fromEntries(names.map((name) => [name, "long" as const]));
    expect(() => createJsonReader({ schema: wide, casts }).read(bytes, 0, bytes.length)).toThrow("field n18");
  });
});

test.each([
  // A millisecond is not whole, whatever its double is; other units are floored, which the double would not be.
  ["timestamp-millis", "1735689599999.99999999", "MR_CAST"],
  ["epoch-millis", "1735689599999.99999999", 1735689599999],
  ["epoch-millis", "1735689600000.00000001", 1735689600000],
  // Seconds, by their size, and nothing that a cast to the millisecond takes.
  ["timestamp-millis", "1735689600", "MR_CAST"],
  ["timestamp-millis", "1735689600000", 1735689600000],
  ["timestamp-millis", "4102444800000", "MR_CAST"],
] as const)("cast to %s, the time %s is %s", (cast, source, expected) => {
  expect(outcome("at", source, { casts: { at: cast } })).toBe(expected);
});
