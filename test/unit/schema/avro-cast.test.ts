import { describe, expect, test } from "vitest";
import { type CastType, castTargets, castTypes, type RecordSchema, UnionValue } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";
import { ingested } from "./ingested.ts";

const one = (type: unknown): RecordSchema => rowSchema({ name: "v", type });
const time = { type: "long", logicalType: "timestamp-millis" };
const long = (logicalType: string) => ({ type: "long", logicalType });
const decimal = { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 };
/** 2026-01-01T00:00:00.001Z, and half a millisecond that is cut. */
const ms = 1_767_225_600_001;
const midnight = 1_767_225_600_000;

type Expected = Readonly<Partial<Record<CastType, unknown>>>;

const times = (at: number): Expected => ({
  "timestamp-millis": at,
  "epoch-seconds": at,
  "epoch-millis": at,
  "epoch-micros": at,
  "epoch-nanos": at,
  utc: at,
});
const instant: Expected = { long: ms, string: "2026-01-01T00:00:00.001Z", ...times(ms) };
const local: Expected = { long: ms, utc: ms };

/** By written type: a value, and what each cast makes of it. What is not named is MR_CAST. */
const written: readonly (readonly [string, unknown, unknown, Expected])[] = [
  ["timestamp-millis", time, ms, instant],
  ["timestamp-micros", long("timestamp-micros"), ms * 1000 + 500, instant],
  ["timestamp-nanos", long("timestamp-nanos"), BigInt(ms) * 1_000_000n + 500_000n, instant],
  [
    "date",
    { type: "int", logicalType: "date" },
    20_454,
    { long: midnight, string: "2026-01-01T00:00:00.000Z", ...times(midnight) },
  ],
  ["local-timestamp-millis", long("local-timestamp-millis"), ms, local],
  ["local-timestamp-micros", long("local-timestamp-micros"), ms * 1000 + 500, local],
  ["local-timestamp-nanos", long("local-timestamp-nanos"), BigInt(ms) * 1_000_000n + 500_000n, local],
  ["time-millis", { type: "int", logicalType: "time-millis" }, 61_000, { long: 61_000, utc: 61_000 }],
  ["time-micros", long("time-micros"), 61_000_999, { long: 61_000, utc: 61_000 }],
  [
    "decimal",
    decimal,
    Buffer.from([0x04, 0xd2]),
    { string: "12.34", double: 12.34, float: Math.fround(12.34), ...secondsOf(12.34) },
  ],
];

/** A decimal is a number of digits, and what it counts is the target's to say; bare it is too small for a time. */
function secondsOf(value: number): Expected {
  return { "epoch-seconds": value * 1000, "epoch-millis": 12, "epoch-micros": 0, "epoch-nanos": 0 };
}

const shapes: readonly (readonly [string, (type: unknown) => unknown, (value: unknown) => unknown])[] = [
  ["by itself", (type) => type, (value) => value],
  ["beside null", (type) => ["null", type], (value) => value],
  ["beside null and text", (type) => ["null", type, "string"], (value) => new UnionValue(1, value)],
  ["beside another time", (type) => [{ type: "array", items: "int" }, type], (value) => new UnionValue(1, value)],
];

/** The field that a cast asks for. */
const fieldType = (cast: CastType): unknown => (castTargets[cast].kind === "timestamp" ? time : cast);

describe.each(written)("a %s", (_, type, value, expected) => {
  describe.each(shapes)("%s", (_, shaped, held) => {
    const writer = one(shaped(type));
    test.each(castTypes)("under cast %s keeps its meaning or is refused", (cast) => {
      const wanted = Object.hasOwn(expected, cast) ? { v: expected[cast] } : "MR_CAST";
      for (const to of [fieldType(cast), ["null", fieldType(cast)]]) {
        expect(outcome(() => ingested(writer, one(to), { v: held(value) }, { casts: { v: cast } }).out)).toEqual(
          wanted,
        );
      }
    });
  });
});

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
}

describe("a union of null, a time and text", () => {
  const writer = one(["null", long("timestamp-micros"), "string"]);

  test("converts what is written as text and keeps null", () => {
    const text = new UnionValue(2, "2026-01-01");
    const casts = { v: "timestamp-millis" } as const;
    expect(ingested(writer, one(["null", time]), { v: text }, { casts }).out).toEqual({ v: midnight });
    expect(ingested(writer, one(["null", time]), { v: null }, { casts }).out).toEqual({ v: null });
    expect(outcome(() => ingested(writer, one(time), { v: null }, { casts }))).toBe("MR_REQUIRED");
    expect(ingested(writer, one("long"), { v: new UnionValue(2, "7") }, { casts: { v: "long" } }).out).toEqual({
      v: 7,
    });
  });

  test("is read by the same rules where a path of extract ends on it", () => {
    const type = ["null", long("timestamp-micros"), "string"];
    const nested = one({ type: "record", name: "In", fields: [{ name: "at", type }] });
    const row = { v: { at: new UnionValue(1, ms * 1000 + 500) } };
    const extract = { v: "/v/at" };
    for (const [to, cast] of [
      [time, "timestamp-millis"],
      [time, "epoch-seconds"],
      ["long", "long"],
    ] as const) {
      expect(ingested(nested, one(to), row, { extract, casts: { v: cast } }).out).toEqual({ v: ms });
    }
    expect(outcome(() => ingested(nested, one("double"), row, { extract, casts: { v: "double" } }))).toBe("MR_CAST");
  });

  test("tells once that its times are no number without a unit", () => {
    const { never } = ingested(writer, one(["null", "double"]), { v: null }, { casts: { v: "double" } });
    expect(never).toEqual([{ field: "v", why: "a timestamp-micros is no double" }]);
  });
});

test("a time that ISO 8601 cannot name is no text", () => {
  const casts = { v: "string" } as const;
  const in2128 = 5_000_000_000_000;
  expect(outcome(() => ingested(one(time), one("string"), { v: in2128 }, { casts }))).toBe("MR_CAST");
});
