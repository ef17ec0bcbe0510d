import { describe, expect, test } from "vitest";
import {
  createDecoder,
  createEncoder,
  createJsonReader,
  fromJsonText,
  type RecordSchema,
  toJsonText,
  UnionValue,
} from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";

const shop = (name: string, ...fields: unknown[]): unknown => ({ type: "record", name, namespace: "shop", fields });
const view = shop("View", { name: "url", type: "string" });
const click = shop("Click", { name: "url", type: "string" }, { name: "element", type: "string" });
const ping = shop("Ping", { name: "n", type: ["null", "int"], default: null });
const color = { type: "enum", name: "Color", namespace: "shop", symbols: ["red", "true"] };
const size = { type: "enum", name: "Size", namespace: "shop", symbols: ["XL", "AAAA"] };
const two = { type: "fixed", name: "Two", namespace: "shop", size: 2 };
const time = { type: "long", logicalType: "timestamp-millis" };

function schemaWith(...branches: unknown[]): RecordSchema {
  return rowSchema({ name: "u", type: branches });
}

/** The branch by its index and the value, null, or the message of what is wrong. */
function read(branches: unknown[], json: string): unknown {
  const bytes = Buffer.from(`{"u":${json}}`);
  try {
    const { u } = createJsonReader({ schema: schemaWith(...branches), casts: {} }).read(bytes, 0, bytes.length);
    return u instanceof UnionValue ? [u.branch, u.value] : u;
  } catch (thrown) {
    return `${(thrown as { code: string }).code} ${(thrown as Error).message}`;
  }
}

describe("JSON is read as the only branch that fits", () => {
  test.each<[unknown[], string, unknown]>([
    [[view, click], '{"url":"/x","element":"b"}', [1, { url: "/x", element: "b" }]],
    [[click, view], '{"url":"/x"}', [1, { url: "/x" }]],
    [["null", view, click], "null", null],
    [[shop("A", { name: "v", type: "string" }), shop("B", { name: "v", type: "int" })], '{"v":3}', [1, { v: 3 }]],
    [["string", view], '{"url":"/x","more":1}', [1, { url: "/x" }]],
    [["int", "long", "float", "double"], "1", [0, 1]],
    [["int", "long", "float", "double"], "2147483648", [1, 2147483648]],
    [["int", "long", "float", "double"], "9007199254740993", [1, 9007199254740993n]],
    [["int", "long", "float", "double"], "0.5", [2, 0.5]],
    [["int", "long", "float", "double"], "0.1", [3, 0.1]],
    [["int", "long", "float", "double"], "-0.0", [2, -0]],
    [["int", "string"], "-0", [0, 0]],
    [["int", "double"], "9007199254740992", [1, 9007199254740992]],
    [["double", "string"], "3", [0, 3]],
    [["float", "string"], "0.1", [0, Math.fround(0.1)]],
    [["bytes", color, "string"], '"red"', [2, "red"]],
    [["bytes", size], '"AAAA"', [1, "AAAA"]],
    [[two, "bytes"], '"AAA="', [1, Buffer.from([0, 0])]],
    [["int", two], '"AAA="', [1, Buffer.from([0, 0])]],
    [["boolean", color], "true", [0, true]],
    [["string", { type: "array", items: "int" }], "[1]", [1, [1]]],
    [["string", { type: "map", values: "int" }], '{"a":1}', [1, { a: 1 }]],
  ])("case %#", (branches, json, expected) => {
    expect(read(branches, json)).toEqual(expected);
  });
});

describe("Avro's own JSON form names the branch", () => {
  test.each<[unknown[], string, unknown]>([
    [[view, ping, { type: "map", values: "string" }], '{"shop.View":{"url":"/x"}}', [0, { url: "/x" }]],
    [[view, { type: "map", values: "string" }], '{"map":{"url":"/x"}}', [1, { url: "/x" }]],
    [["int", "double"], '{"double":1}', [1, 1]],
    [["int", "double"], '{"int":1.5}', "MR_CAST"],
    [["string", color], '{"shop.Color":"red"}', [1, "red"]],
    [["bytes", "string"], '{"bytes":"AAAA"}', [0, Buffer.from([0, 0, 0])]],
    [["string", { type: "array", items: "int" }], '{"array":[1]}', [1, [1]]],
    // Two keys are no wrapper.
    [["string", { type: "map", values: "int" }], '{"string":1,"b":2}', [1, { string: 1, b: 2 }]],
  ])("case %#", (branches, json, expected) => {
    const got = read(branches, json);
    if (typeof expected === "string") expect(got).toMatch(expected);
    else expect(got).toEqual(expected);
  });
});

describe("what fits several branches or none is MR_CAST with the names of the branches", () => {
  test.each<[unknown[], string, string]>([
    [[view, { type: "map", values: "string" }], '{"url":"/x"}', "an object fits shop.View and map of its union"],
    [[ping, shop("Pong", { name: "n", type: "int", default: 1 })], "{}", "shop.Ping and shop.Pong"],
    [[view, click], '{"url":"/x","element":"b","more":1}', "fits no branch of its union [shop.View, shop.Click]"],
    [[view, click], '{"url":7}', "required|no branch|no string"],
    [["int", "string"], "1.5", "a fraction fits no branch of its union [int, string]"],
    [["int", "string"], "true", "no branch"],
    [["int", "double"], "9007199254740993", "no branch"],
    [["long", "string"], "1e400", "no branch"],
    [[color, { ...size, symbols: ["red"] }], '"red"', "shop.Color and shop.Size"],
    [["string", "int"], '{"a":1}', "no branch"],
  ])("case %#", (branches, json, words) => {
    const message = read(branches, json);
    expect(message).toMatch(/^MR_CAST field u/);
    expect(words.split("|").some((word) => String(message).includes(word))).toBe(true);
  });

  test("the hint is an example that is read", () => {
    expect(read([view, { type: "map", values: "string" }], '{"url":"/x"}')).toContain('as {"shop.View": ...}');
  });
});

test("unions inside unions cost no more than once per object, however deep", () => {
  const link = (name: string): unknown =>
    shop(name, {
      name: "next",
      type: name === "A" ? ["null", "shop.A", shop("B", { name: "next", type: ["null", "shop.A", "shop.B"] })] : [],
    });
  const schema = rowSchema({ name: "u", type: ["null", link("A"), "shop.B"] });
  const json = `{"u":${'{"next":'.repeat(100)}null${"}".repeat(100)}}`;
  const bytes = Buffer.from(json);
  expect(() => createJsonReader({ schema, casts: {} }).read(bytes, 0, bytes.length)).toThrow("no branch");
});

describe("printed without wrappers, except what would be read back as something else", () => {
  test.each<[unknown[], UnionValue, string]>([
    [[view, click], new UnionValue(1, { url: "/x", element: "b" }), '{"url":"/x","element":"b"}'],
    [["int", "double"], new UnionValue(1, 0.5), "0.5"],
    [["int", "double"], new UnionValue(1, 1), '{"double":1}'],
    [["int", "double"], new UnionValue(1, -0), "-0.0"],
    [["int", "long"], new UnionValue(1, 1), '{"long":1}'],
    [["int", "long"], new UnionValue(1, 9007199254740993n), "9007199254740993"],
    [["string", color], new UnionValue(1, "red"), '{"shop.Color":"red"}'],
    [[color, "bytes"], new UnionValue(0, "red"), '"red"'],
    [["string", "bytes"], new UnionValue(1, Buffer.from("a")), '{"bytes":"YQ=="}'],
    [[view, { type: "map", values: "string" }], new UnionValue(0, { url: "/x" }), '{"shop.View":{"url":"/x"}}'],
    [[view, { type: "map", values: "string" }], new UnionValue(1, { string: "/x" }), '{"string":"/x"}'],
    [["string", { type: "map", values: "string" }], new UnionValue(1, { string: "/x" }), '{"map":{"string":"/x"}}'],
    [[time, "string"], new UnionValue(0, 0), '{"long":"1970-01-01T00:00:00.000Z"}'],
    [[time, "int"], new UnionValue(0, 0), '"1970-01-01T00:00:00.000Z"'],
    [["bytes", "double"], new UnionValue(1, Number.POSITIVE_INFINITY), '{"double":"Infinity"}'],
    [["float", "double"], new UnionValue(1, Number.NaN), '{"double":"NaN"}'],
  ])("case %#", (branches, value, text) => {
    const schema = schemaWith(...branches);
    expect(toJsonText(schema, { u: value })).toBe(`{"u":${text}}`);
    expect(fromJsonText(schema, `{"u":${text}}`)).toEqual({ u: value });
  });
});

test("a branch that JSON named is the branch in Avro", () => {
  const schema = schemaWith("null", view, click, "long", "double");
  const encoder = createEncoder(schema);
  const decoder = createDecoder(schema, schema);
  const into = Buffer.alloc(100);
  for (const json of ['{"url":"/x"}', '{"url":"/x","element":"b"}', "9007199254740993", '{"double":1}', "null"]) {
    const row = fromJsonText(schema, `{"u":${json}}`);
    const end = encoder.encode(row, into, 0);
    expect(toJsonText(schema, decoder.decode(into, 0, end))).toBe(`{"u":${json}}`);
  }
});
