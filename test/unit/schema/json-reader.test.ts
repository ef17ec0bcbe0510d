import { expect, test } from "vitest";
import { createJsonReader, type JsonReaderOptions } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";

const paid = { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } };
const schema = rowSchema(
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "n", type: "int", default: 7 },
  { name: "amount", type: ["null", "double"], default: null },
  paid,
);
const good = { id: "p1", n: 1, amount: 2.5, paid_at: 1_700_000_000_000 };

function reader(options: Partial<JsonReaderOptions> = {}) {
  return createJsonReader({ schema, casts: {}, supplied: ["event_id"], key: "id", ...options });
}

function read(text: string | Buffer, options: Partial<JsonReaderOptions> = {}) {
  const bytes = Buffer.from(text);
  return reader(options).read(bytes, 0, bytes.length);
}

function codeOf(value: unknown, options: Partial<JsonReaderOptions> = {}): string {
  try {
    reader(options).readValue(value);
    return "read";
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
}

test("reads fields by name, in the schema's order, and leaves supplied ones at their zero", () => {
  const row = read(JSON.stringify({ paid_at: good.paid_at, id: "p1", amount: 2.5, event_id: "theirs" }));
  expect(row).toEqual({ event_id: "", id: "p1", n: 7, amount: 2.5, paid_at: 1_700_000_000_000 });
  expect(Object.keys(row)).toEqual(["event_id", "id", "n", "amount", "paid_at"]);
});

// Records, lists, maps and wide unions were MR_CAST where a plain field was MR_REQUIRED.
test("null in a required field is MR_REQUIRED whatever the field's type, and the message has the whole path", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "x", type: "int" }] };
  const types = [inner, { type: "array", items: "int" }, { type: "map", values: "int" }, ["int", "string"], "bytes"];
  for (const type of types) {
    const json = createJsonReader({ schema: rowSchema({ name: "part", type }), casts: {} });
    for (const value of [{ part: null }, {}]) {
      expect(() => json.readValue(value)).toThrow(expect.objectContaining({ code: "MR_REQUIRED" }));
    }
  }
  const nested = createJsonReader({ schema: rowSchema({ name: "part", type: inner }), casts: {} });
  expect(() => nested.readValue({ part: {} })).toThrow("field part.x: required and missing");
  expect(() => nested.readValue({ part: { x: null } })).toThrow("field part.x: required and null");
});

test("unknown fields are dropped and counted", () => {
  const json = reader();
  json.readValue({ ...good, x: 1, y: { deep: true } });
  json.readValue({ ...good, event_id: "theirs" });
  expect(json.unknownFields).toBe(3);
});

test.each(["", " ", "{", "not json", "null", "{'a':1}", '{"a":1}x'])("%j is MR_PARSE", (text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
});

test("a null value and bytes that are not UTF-8 are MR_PARSE", () => {
  expect(() => reader().read(Buffer.alloc(0), -1, -1)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
  const broken = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  expect(() => read(broken)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
});

test.each(["[]", "7", '"text"', "true"])("%s is JSON but no record: MR_CAST", (text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("a missing or null required field is MR_REQUIRED, an absent optional one its default or null", () => {
  const { paid_at: _, ...without } = good;
  expect(codeOf(without)).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, paid_at: null })).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, n: null })).toBe("MR_REQUIRED");
  expect(reader().readValue({ id: "p", paid_at: 1e12 })).toMatchObject({ n: 7, amount: null });
});

test("the key must be there even when its type would let it be absent", () => {
  expect(codeOf({ ...good, n: undefined }, { key: "n" })).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, amount: null }, { key: "amount" })).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, amount: 0 }, { key: "amount" })).toBe("read");
});

test.each([
  ["id", 7, "MR_CAST"],
  ["id", "", "read"],
  ["n", 1.5, "MR_CAST"],
  ["n", 2 ** 31, "MR_CAST"],
  ["n", -(2 ** 31), "read"],
  ["n", "1", "MR_CAST"],
  ["n", true, "MR_CAST"],
  ["amount", 3, "read"],
  ["amount", "3", "MR_CAST"],
  ["amount", Number.POSITIVE_INFINITY, "MR_CAST"],
  ["paid_at", "2023-11-14T22:13:20Z", "MR_CAST"],
  ["paid_at", 1.5, "MR_CAST"],
  ["paid_at", -1, "MR_CAST"],
  ["paid_at", 0, "MR_CAST"],
  // 1973-03-03T09:46:39.999Z, and the first millisecond that does not look like seconds.
  ["paid_at", 99_999_999_999, "MR_CAST"],
  ["paid_at", 100_000_000_000, "read"],
  ["paid_at", 4_102_444_799_999, "read"],
  ["paid_at", 4_102_444_800_000, "MR_CAST"],
])("field %s = %j is %s", (field, value, outcome) => {
  expect(codeOf({ ...good, [field]: value })).toBe(outcome);
});

test("a number too large for a double is MR_CAST, not infinity", () => {
  expect(() => read('{"id":"p","paid_at":1e12,"amount":1e999}')).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test.each([
  ["amount", "double", "2.5", 2.5],
  ["amount", "double", "-1e3", -1_000],
  ["n", "int", "12", 12],
  ["paid_at", "timestamp-millis", "2023-11-14T22:13:20Z", 1_700_000_000_000],
  ["paid_at", "timestamp-millis", 1_700_000_000_000, 1_700_000_000_000],
  ["id", "string", 7, "7"],
] as const)("cast lets %s as %s become a value from %j", (field, cast, given, expected) => {
  expect(reader({ casts: { [field]: cast } }).readValue({ ...good, [field]: given })[field]).toBe(expected);
});

test.each([
  ["amount", "double", "two"],
  ["amount", "double", ""],
  ["amount", "double", "0x10"],
  ["amount", "double", "1e999"],
  ["n", "int", "1.5"],
  ["n", "int", "9".repeat(10_000)],
  ["paid_at", "timestamp-millis", "yesterday"],
  ["paid_at", "timestamp-millis", "2200-01-01T00:00:00Z"],
] as const)("cast of %s to %s refuses what is none: %j", (field, cast, given) => {
  expect(codeOf({ ...good, [field]: given }, { casts: { [field]: cast } })).toBe("MR_CAST");
});

test("boolean casts take true, false, 1 and 0", () => {
  const flag = rowSchema({ name: "b", type: "boolean" });
  const json = createJsonReader({ schema: flag, casts: { b: "boolean" } });
  expect(["true", "false", 1, 0, true].map((b) => json.readValue({ b })["b"])).toEqual([
    true,
    false,
    true,
    false,
    true,
  ]);
  expect(() => json.readValue({ b: "yes" })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("an alias renames a field on the way in, event_id among them; the name itself wins", () => {
  const renamed = rowSchema(
    { name: "event_id", type: "string" },
    { name: "source_id", type: "string", aliases: ["event_id"] },
  );
  const json = createJsonReader({ schema: renamed, casts: {}, supplied: ["event_id"] });
  expect(json.readValue({ event_id: "theirs" })).toEqual({ event_id: "", source_id: "theirs" });
  expect(json.readValue({ event_id: "theirs", source_id: "own" })).toEqual({ event_id: "", source_id: "own" });
});

test("fields named like what every object has are absent unless they are there", () => {
  const odd = rowSchema(
    { name: "toString", type: ["null", "string"], default: null },
    { name: "constructor", type: "int" },
  );
  const json = createJsonReader({ schema: odd, casts: {} });
  expect(json.readValue({ constructor: 1 })).toEqual({ toString: null, constructor: 1 });
  expect(() => json.readValue({})).toThrow(expect.objectContaining({ code: "MR_REQUIRED" }));
});

test("nested types are read with their path in the message", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "x", type: "int" }] };
  const nested = rowSchema(
    { name: "list", type: { type: "array", items: inner } },
    { name: "map", type: { type: "map", values: ["null", "string"] } },
    { name: "e", type: { type: "enum", name: "E", symbols: ["A"] } },
    { name: "y", type: "bytes" },
  );
  const json = createJsonReader({ schema: nested, casts: {} });
  const value = { list: [{ x: 1 }], map: { a: null, b: "c" }, e: "A", y: "/v8=" };
  expect(json.readValue(value)).toEqual({ ...value, y: Buffer.from([0xfe, 0xff]) });
  expect(() => json.readValue({ ...value, list: [{ x: 1 }, { x: "2" }] })).toThrow(
    "field list[1].x: a string is no int",
  );
  expect(() => json.readValue({ ...value, e: "B" })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
  expect(() => json.readValue({ ...value, y: "no base64!" })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("base64 whose last character has bits that no byte takes is refused: another text means those bytes", () => {
  const json = createJsonReader({ schema: rowSchema({ name: "y", type: "bytes" }), casts: {} });
  // AAE= is 00 01; AAF= differs in the two bits behind the second byte, QQ== is 41, and QR== has four bits too many.
  expect(json.readValue({ y: "AAE=" })).toEqual({ y: Buffer.from([0, 1]) });
  expect(json.readValue({ y: "QQ==" })).toEqual({ y: Buffer.from([0x41]) });
  for (const y of ["AAF=", "QR==", "Q===", "=AAA"])
    expect(() => json.readValue({ y }), y).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("a map in JSON may have a key called __proto__, which changes no prototype", () => {
  const json = createJsonReader({ schema: rowSchema({ name: "m", type: { type: "map", values: "int" } }), casts: {} });
  const bytes = Buffer.from('{"m":{"__proto__":1}}');
  const map = json.read(bytes, 0, bytes.length)["m"] as object;
  expect(Object.keys(map)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
});

test("a million brackets end as an error of the record", () => {
  const node = rowSchema({ name: "next", type: ["null", "test.Row"], default: null });
  const json = createJsonReader({ schema: node, casts: {} });
  for (const text of ["[".repeat(1_000_000), `${'{"next":'.repeat(100_000)}null${"}".repeat(100_000)}`]) {
    const bytes = Buffer.from(text);
    expect(() => json.read(bytes, 0, bytes.length)).toThrow(expect.objectContaining({ disposition: "quarantine" }));
  }
});

test("messages name the field and the type, never the value", () => {
  const secret = rowSchema({ name: "pin", type: "int", sensitive: true });
  const json = createJsonReader({ schema: secret, casts: { pin: "int" } });
  for (const pin of ["4711x", 4711.5, { code: 4711 }, ["4711"]]) {
    expect(() => json.readValue({ pin })).toThrow(/^field pin: (?!.*4711)/);
  }
  const broken = Buffer.from('{"pin": 4711');
  expect(() => json.read(broken, 0, broken.length)).toThrow(/^(?!.*4711)/);
});

// They were dropped without being counted.
test("unknown fields of nested records count too, once each, and not those of a record that is refused", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "x", type: "int", aliases: ["y"] }] };
  const other = { type: "record", name: "Other", fields: [{ name: "z", type: "int" }] };
  const json = createJsonReader({
    schema: rowSchema(
      { name: "one", type: inner },
      { name: "list", type: { type: "array", items: "test.Inner" }, default: [] },
      { name: "map", type: { type: "map", values: "test.Inner" }, default: {} },
      { name: "either", type: ["null", "test.Inner", other], default: null },
    ),
    casts: {},
  });
  const countOf = (value: unknown): number => {
    const before = json.unknownFields;
    json.readValue(value);
    return json.unknownFields - before;
  };
  expect(countOf({ one: { x: 1 } })).toBe(0);
  expect(countOf({ one: { x: 1, a: 1, b: 2 }, c: 3 })).toBe(3);
  expect(countOf({ one: { y: 1, a: 1 }, list: [{ x: 1, a: 1 }, { x: 2 }], map: { k: { x: 1, a: 1 } } })).toBe(3);
  expect(() => json.readValue({ one: { x: "1", a: 1 } })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
  expect(countOf({ one: { x: 1 } })).toBe(0);
});

test("a byte order mark is taken", () => {
  expect(read(`\ufeff${JSON.stringify(good)}`)).toMatchObject({ id: "p1" });
});

// It was replaced by U+FFFD, so that two keys became one.
test.each([
  ['{"id":"\\ud800","paid_at":1e12}', "in a key"],
  ['{"id":"x\\uDC00y","paid_at":1e12}', "the second half"],
  ['{"id":"a","paid_at":1e12,"other":["\\ud83d"]}', "in a field that nobody takes"],
  ['{"id":"a","paid_at":1e12,"\\udead":1}', "in a name"],
])("half of a surrogate pair in %s is MR_PARSE: %s", (json) => {
  expect(() => read(json)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
});

test("a whole pair is text, and so is a backslash before ud800", () => {
  expect(read('{"id":"\\ud83d\\ude00 \\\\ud800","paid_at":1e12}')["id"]).toBe("\u{1f600} \\ud800");
});

const times = rowSchema(paid, { ...paid, name: "born" });
const timesOf = (value: unknown, options: Partial<JsonReaderOptions> = {}): unknown => {
  try {
    return createJsonReader({ schema: times, casts: {}, eventTime: "paid_at", ...options }).readValue(value);
  } catch (thrown) {
    return (thrown as Error).message;
  }
};

test("a bare number that looks like seconds is refused with a hint, unless timesFrom says otherwise", () => {
  const seconds = { paid_at: 1e12, born: 1_767_225_600 };
  expect(timesOf(seconds)).toMatch(/^field born: .*epoch-seconds.*timesFrom/);
  expect(timesOf(seconds, { timesFromMs: 0 })).toEqual(seconds);
  expect(timesOf({ paid_at: 1e12, born: -1 }, { timesFromMs: 0 })).toMatch("before timesFrom");
  expect(timesOf({ paid_at: 1e12, born: -1 }, { timesFromMs: -86_400_000 })).toEqual({ paid_at: 1e12, born: -1 });
  const text = { paid_at: 1e12, born: "1767225600" };
  expect(timesOf(text, { casts: { born: "timestamp-millis" } })).toMatch("seconds");
});

test("a time that says its unit lies within 0001 to 2100, the event time within 1970 to 2100", () => {
  const casts = { paid_at: "timestamp-millis", born: "timestamp-millis" } as const;
  const read = (paid_at: string, born: string): unknown => timesOf({ paid_at, born }, { casts, timesFromMs: -1e14 });
  expect(read("1970-01-01", "0001-01-01")).toEqual({ paid_at: 0, born: -62_135_596_800_000 });
  expect(read("1969-12-31T23:59:59.999Z", "2000-01-01")).toMatch("field paid_at: a time outside 1970-2100");
  expect(read("2000-01-01", "0000-12-31")).toMatch("field born");
  expect(read("2100-01-01", "2000-01-01")).toMatch("field paid_at");
  expect(timesOf({ paid_at: "1969-12-31", born: 0 }, { casts, timesFromMs: -1e14 })).toMatch("1970-2100");
});

test.each([
  ["epoch-seconds", "1767225600", 1_767_225_600_000],
  ["epoch-seconds", "1767225600.123", 1_767_225_600_123],
  ["epoch-seconds", "1767225600.0019999999999", 1_767_225_600_001],
  ["epoch-seconds", "-0.0001", -1],
  ["epoch-seconds", '"1767225600.5"', 1_767_225_600_500],
  ["epoch-seconds", "0", 0],
  ["epoch-millis", "5", 5],
  ["epoch-micros", "1767225600000999", 1_767_225_600_000],
  ["epoch-micros", "-1", -1],
  ["epoch-nanos", "1767225600000000001", 1_767_225_600_000],
  ["epoch-nanos", "1767225599999999999", 1_767_225_599_999],
  ["epoch-nanos", '"1767225599999999999"', 1_767_225_599_999],
  ["epoch-seconds", "1767225600000", "MR_CAST"],
  ["epoch-seconds", "true", "MR_CAST"],
  ["epoch-seconds", '"2026-01-01"', "MR_CAST"],
  ["utc", '"2026-01-01T00:00"', 1_767_225_600_000],
] as const)("cast to %s of %s is %s", (cast, source, expected) => {
  const json = createJsonReader({ schema: times, casts: { born: cast }, eventTime: "paid_at" });
  const bytes = Buffer.from(`{"paid_at":1e12,"born":${source}}`);
  const outcome = (): unknown => {
    try {
      return json.read(bytes, 0, bytes.length)["born"];
    } catch (thrown) {
      return (thrown as { code: string }).code;
    }
  };
  expect(outcome()).toBe(expected);
});

test("a boolean is read from text in any case, as in every other stage", () => {
  const json = createJsonReader({ schema: rowSchema({ name: "b", type: "boolean" }), casts: { b: "boolean" } });
  expect(["True", "0", "FALSE", "1"].map((b) => json.readValue({ b })["b"])).toEqual([true, false, false, true]);
});

test("what a pointer names is taken from there, read by the field's type, and counts as known", () => {
  const target = rowSchema(
    { name: "amount", type: "double" },
    { name: "user_id", type: ["null", "string"], default: null },
    { name: "first", type: "string", default: "none" },
    { name: "raw", type: ["null", { type: "map", values: "int" }], default: null },
  );
  const extract = { amount: "/data/amount", user_id: "/user-id", first: "/items/0/sku~1x", raw: "/data/m~0~01" };
  const json = createJsonReader({ schema: target, casts: { user_id: "string" }, extract });
  const event = {
    data: { amount: 2.5, "m~~1": { a: 1 } },
    "user-id": 7,
    items: [{ "sku/x": "s" }],
    amount: "no",
    x: 1,
  };
  expect(json.readValue(event)).toEqual({ amount: 2.5, user_id: "7", first: "s", raw: { a: 1 } });
  // `amount` of the event itself and `x`.
  expect(json.unknownFields).toBe(2);
  const bare = { data: { amount: 1 } };
  expect(json.readValue({ ...bare, items: null, "user-id": null })).toMatchObject({ user_id: null, first: "none" });
  expect(() => json.readValue({ data: null })).toThrow("field amount: required and missing");
  expect(() => json.readValue({ data: { amount: "1" } })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
  expect(json.readValue({ ...bare, items: ["a"] })).toMatchObject({ first: "none" });
  expect(json.readValue({ ...bare, items: { 0: { "sku/x": "key" } } })).toMatchObject({ first: "key" });
});
