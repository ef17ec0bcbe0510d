import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { atOnce } from "../../../src/kernel/index.ts";
import {
  createDecoder,
  createEncoder,
  type Reads,
  type RecordSchema,
  type Row,
  type Transcoder,
  transcoderParts,
} from "../../../src/schema/index.ts";
import { avroSample, changedSchema } from "../../support/avro-samples.ts";
import { bytes, rowSchema, schemaOf } from "./build.ts";

interface Options {
  readonly output?: RecordSchema;
  readonly reads?: ReadonlyMap<string, Reads>;
  readonly values?: readonly string[];
  readonly copies?: boolean;
  readonly keepsRows?: boolean;
  readonly reader?: RecordSchema;
}

function transcoder(writer: RecordSchema, options: Options = {}): Transcoder {
  const { output = writer, reader = output } = options;
  return atOnce(
    transcoderParts({
      writer: writer.type,
      reader: reader.type,
      reads: options.reads ?? new Map(),
      output: output.type,
      values: new Set(options.values ?? []),
      copies: options.copies ?? true,
      checksText: true,
      ingest: undefined,
      keepsRows: options.keepsRows ?? false,
      later: ["event_id", "at"],
    }),
  );
}

function encoded(schema: RecordSchema, row: Row): Buffer {
  const into = Buffer.alloc(20_000);
  return into.subarray(0, createEncoder(schema).encode(row, into, 0));
}

/** What leaves when `body` comes in and steps assign `values`. */
function through(coder: Transcoder, body: Buffer, values: Row = {}): Buffer {
  // The body lies somewhere in a batch.
  const batch = Buffer.concat([bytes(9, 9, 9), body, bytes(7, 7)]);
  const source = coder.decode(batch, 3, 3 + body.length);
  const into = Buffer.alloc(40_000);
  return into.subarray(5, coder.encode({ ...values, "#source": source }, into, 5));
}

const sample = fc.integer({ min: 0, max: 2 ** 31 - 1 }).map(avroSample);
const runs = { numRuns: 250 };

describe("the identity", () => {
  test("holds when everything is copied: any record leaves as the bytes that came", () => {
    fc.assert(
      fc.property(sample, ({ schema: json, rows }) => {
        const schema = schemaOf(json);
        const coder = transcoder(schema);
        expect(coder.output.every(({ op }) => op === "copy")).toBe(true);
        expect(coder.output).toHaveLength(1);
        for (const row of rows) {
          const body = encoded(schema, row);
          expect(through(coder, body).equals(body)).toBe(true);
        }
      }),
      runs,
    );
  });

  test("holds when every field is decoded and encoded", () => {
    fc.assert(
      fc.property(sample, ({ schema: json, rows }) => {
        const schema = schemaOf(json);
        const coder = transcoder(schema, { copies: false });
        expect(coder.output.some(({ op }) => op === "copy")).toBe(false);
        for (const row of rows) {
          const body = encoded(schema, row);
          expect(through(coder, body).equals(body)).toBe(true);
          expect(createDecoder(schema, schema).decode(body, 0, body.length)).toEqual(row);
        }
      }),
      runs,
    );
  });

  test("holds where fields are moved, renamed, promoted, turned round and filled in: copied as decoded", () => {
    fc.assert(
      fc.property(sample, (made) => {
        const [writer, output] = [schemaOf(made.schema), schemaOf(changedSchema(made))];
        const [coder, oracle] = [transcoder(writer, { output }), transcoder(writer, { output, copies: false })];
        for (const row of made.rows) {
          const body = encoded(writer, row);
          const out = through(coder, body);
          expect(out.equals(through(oracle, body))).toBe(true);
          const wanted = createDecoder(writer, output).decode(body, 0, body.length);
          expect(createDecoder(output, output).decode(out, 0, out.length)).toEqual(wanted);
        }
      }),
      runs,
    );
  });

  test("holds whatever is read, and however little room there is", () => {
    fc.assert(
      fc.property(sample, fc.nat(), ({ schema: json, rows }, mask) => {
        const schema = schemaOf(json);
        const read = schema.type.fields.filter((_, i) => ((mask >> i) & 1) === 1);
        const coder = transcoder(schema, { reads: new Map(read.map(({ name }) => [name, "whole"])) });
        for (const row of rows) {
          const body = encoded(schema, row);
          const source = coder.decode(body, 0, body.length);
          for (const { name } of read) expect(source[name]).toEqual(row[name]);
          // Behind three bytes of another value.
          const exact = Buffer.alloc(3 + body.length, 7);
          expect(coder.encode({ "#source": source }, exact, 3)).toBe(exact.length);
          expect(exact.equals(Buffer.concat([bytes(7, 7, 7), body]))).toBe(true);
          if (body.length > 0) expect(coder.encode({ "#source": source }, exact, 4)).toBe(-1);
        }
      }),
      runs,
    );
  });

  test("skipping refuses exactly what decoding refuses", () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (made, place, byte, cut) => {
        const schema = schemaOf(made.schema);
        const [coder, decoder] = [transcoder(schema), createDecoder(schema, schema)];
        for (const row of made.rows) {
          const body = Buffer.from(encoded(schema, row));
          if (body.length === 0) continue;
          body[place % body.length] = byte;
          const to = cut ? place % body.length : body.length;
          const outcome = (read: () => unknown): unknown => {
            try {
              read();
              return "read";
            } catch (thrown) {
              return (thrown as { code?: string }).code;
            }
          };
          expect(outcome(() => coder.decode(body, 0, to))).toBe(outcome(() => decoder.decode(body, 0, to)));
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("NaN keeps its payload, and a padded branch index its padding", () => {
  const schema = rowSchema({ name: "d", type: "double" }, { name: "o", type: ["null", "int"] });
  const body = bytes(1, 0, 0, 0, 0, 0, 0xf4, 0x7f, 0x82, 0, 14);
  expect(through(transcoder(schema), body).equals(body)).toBe(true);
});

test("[T, null] leaves as [null, T] with its bytes and the other index, padded or not", () => {
  const writer = rowSchema({ name: "o", type: ["int", "null"] });
  const coder = transcoder(writer, { output: rowSchema({ name: "o", type: ["null", "int"] }) });
  expect(coder.output[0]?.op).toBe("swap");
  expect(through(coder, bytes(0, 14))).toEqual(bytes(2, 14));
  expect(through(coder, bytes(2))).toEqual(bytes(0));
  expect(through(coder, bytes(0x80, 0, 14))).toEqual(bytes(2, 14));
  expect(through(coder, bytes(0x82, 0))).toEqual(bytes(0));
  const source = coder.decode(bytes(0, 14), 0, 2);
  expect(coder.encode({ "#source": source }, Buffer.alloc(1), 0)).toBe(-1);
});

test("an assigned value fits into just the bytes that it takes, and says how many are missing", () => {
  const schema = rowSchema({ name: "n", type: "long" });
  const coder = transcoder(schema, { values: ["n"] });
  const source = coder.decode(bytes(4), 0, 1);
  const room = Buffer.alloc(3, 9);
  expect(coder.encode({ n: 64, "#source": source }, room, 1)).toBe(3);
  expect(room).toEqual(bytes(9, 0x80, 0x01));
  expect(coder.encode({ n: 64, "#source": source }, room, 2)).toBe(-1);
});

const a = { type: "record", name: "A", fields: [{ name: "v", type: "int" }] };
const b = { type: "record", name: "B", fields: [{ name: "v", type: "int" }] };

test("branches of records with the same fields are told apart by name, also in another order", () => {
  const writer = rowSchema({ name: "u", type: [a, b] });
  const coder = transcoder(writer, { output: rowSchema({ name: "u", type: [b, a] }) });
  expect(through(coder, bytes(0, 14))).toEqual(bytes(2, 14));
  expect(through(coder, bytes(2, 14))).toEqual(bytes(0, 14));
});

test("a branch of the same full name is taken before one of the same name elsewhere", () => {
  const [x, y] = ["x", "y"].map((namespace) => ({ ...a, namespace }));
  const writer = rowSchema({ name: "u", type: ["null", y] });
  const reader = rowSchema({ name: "u", type: ["null", x, y] });
  expect(createDecoder(writer, reader).decode(bytes(2, 14), 0, 2)).toEqual({
    u: expect.objectContaining({ branch: 2, value: { v: 7 } }),
  });
});

test.each([
  [
    "another logical type",
    { type: "long", logicalType: "timestamp-micros" },
    { type: "long", logicalType: "timestamp-millis" },
    "value",
  ],
  ["another scale", decimal(9, 2), decimal(9, 3), "value"],
  ["another precision", decimal(9, 2), decimal(8, 2), "value"],
  [
    "another size",
    { type: "enum", name: "E", symbols: ["x", "y"] },
    { type: "enum", name: "E", symbols: ["y", "x"] },
    "value",
  ],
  [
    "a further symbol",
    { type: "enum", name: "E", symbols: ["x"] },
    { type: "enum", name: "E", symbols: ["x", "y"] },
    "copy",
  ],
  ["another doc", { ...a, doc: "one" }, { ...a, doc: "two" }, "copy"],
  ["an unknown attribute", { type: "long", unit: "s" }, "long", "copy"],
])("what has %s is a %s", (_, written, wanted, op) => {
  const coder = transcoder(rowSchema({ name: "f", type: written }), { output: rowSchema({ name: "f", type: wanted }) });
  expect(coder.output.map((each) => each.op)).toEqual([op]);
});

function decimal(precision: number, scale: number): unknown {
  return { type: "bytes", logicalType: "decimal", precision, scale };
}

test("neighbours are one copy, values go between, and what nobody wrote is its default, encoded once", () => {
  const writer = rowSchema(...["p", "q", "r", "s"].map((name) => ({ name, type: "int" })));
  const output = rowSchema(
    { name: "p", type: "int" },
    { name: "q", type: "int" },
    { name: "made", type: "string" },
    { name: "fresh", type: { type: "array", items: "int" }, default: [1] },
    { name: "also", type: "int", default: 3 },
    { name: "s", type: "long" },
  );
  const coder = transcoder(writer, { output, values: ["made"] });
  expect(coder.output.map(({ op }) => op)).toEqual(["copy", "value", "constant", "value"]);
  expect(through(coder, bytes(2, 4, 6, 8), { made: "x" })).toEqual(bytes(2, 4, 2, "x", 2, 2, 0, 6, 8));
});

test("the topic's schema in between gives its defaults, as the output has them", () => {
  const writer = rowSchema({ name: "p", type: "int" });
  const reader = rowSchema({ name: "p", type: "int" }, { name: "n", type: "int", default: 5 });
  const output = rowSchema({ name: "n", type: ["null", "double"], default: null }, { name: "p", type: "int" });
  const coder = transcoder(writer, { reader, output });
  // 5.0 is 00 00 00 00 00 00 14 40.
  expect(through(coder, bytes(2))).toEqual(bytes(2, 0, 0, 0, 0, 0, 0, 0x14, 0x40, 2));
});

test("a record is read in part, and its null is seen without reading it", () => {
  const after = {
    type: "record",
    name: "After",
    fields: [
      { name: "id", type: "string" },
      { name: "amount", type: "int" },
    ],
  };
  const schema = rowSchema({ name: "after", type: ["null", after] }, { name: "op", type: ["null", "string"] });
  const reads = new Map<string, Reads>([
    ["after", new Map([["amount", "whole" as const]])],
    ["op", new Map()],
  ]);
  const coder = transcoder(schema, { reads });
  expect(coder.decode(bytes(2, 2, "i", 14, 2, 2, "u"), 0, 7)).toMatchObject({ after: { amount: 7 }, op: true });
  expect(coder.decode(bytes(0, 0), 0, 2)).toMatchObject({ after: null, op: null });
  expect(() => coder.decode(bytes(2, 40, "i", 14, 0), 0, 5)).toThrow(
    expect.objectContaining({ code: "MR_DECODE_BODY" }),
  );
});

test("rows that are kept have positions of their own, those of one plan share a hidden class's keys", () => {
  const schema = rowSchema({ name: "p", type: "string" }, { name: "q", type: "string" });
  const output = rowSchema({ name: "q", type: "string" }, { name: "p", type: "string" });
  const coder = transcoder(schema, { output, keepsRows: true });
  const bodies = [bytes(2, "a", 4, "bb"), bytes(6, "ccc", 0)];
  const rows = bodies.map((body) => coder.decode(body, 0, body.length));
  expect(Object.keys(rows[0] ?? {})).toEqual(Object.keys(rows[1] ?? {}));
  const out = rows.map((source) => {
    const into = Buffer.alloc(20);
    return into.subarray(0, coder.encode({ "#source": source }, into, 0));
  });
  expect(out).toEqual([bytes(4, "bb", 2, "a"), bytes(0, 6, "ccc")]);
});

test("a long beyond 2^53 passes unread, and is exact where it is read", () => {
  const schema = rowSchema({ name: "id", type: "long" }, { name: "q", type: "int" });
  const body = Buffer.concat([Buffer.from("feffffffffffffffff01", "hex"), bytes(2)]);
  expect(through(transcoder(schema), body).equals(body)).toBe(true);
  const coder = transcoder(schema, { reads: new Map([["id", "whole"]]) });
  expect(coder.decode(body, 0, body.length)).toMatchObject({ id: 2n ** 63n - 1n });
});

test("the event id is read when it is asked for", () => {
  const schema = rowSchema({ name: "n", type: "int" }, { name: "event_id", type: "string" });
  const coder = transcoder(schema);
  const row = coder.decode(bytes(2, 6, "in-"), 0, 5);
  expect("event_id" in row).toBe(false);
  expect(coder.laterOf(row, "event_id")).toBe("in-");
});

test("several fields are read when they are asked for, and none that was not named or is not there", () => {
  const at = { name: "at", type: { type: "long", logicalType: "timestamp-millis" } };
  const schema = rowSchema({ name: "n", type: "int" }, { name: "event_id", type: "string" }, at);
  const coder = transcoder(schema);
  const row = coder.decode(bytes(2, 6, "in-", 14), 0, 6);
  expect(["event_id", "at", "n"].map((name) => coder.laterOf(row, name))).toEqual(["in-", 7, undefined]);
});

test.each([4, 40])(
  "rows of %i copied fields in another order live beside each other until they are encoded",
  (count) => {
    const fields = Array.from({ length: count }, (_, i) => ({ name: `f${i}`, type: "string" }));
    const writer = rowSchema(...fields);
    // Turned round, no two fields are neighbours: each is a span of its own.
    const output = rowSchema(...[...fields].reverse());
    const coder = transcoder(writer, { output, keepsRows: true });
    const rowOf = (letter: string): Row =>
      Object.fromEntries(fields.map(({ name }, i) => [name, letter.repeat(i + 1)]));
    const bodies = ["a", "b"].map((letter) => encoded(writer, rowOf(letter)));
    const sources = bodies.map((body) => coder.decode(body, 0, body.length));
    const into = Buffer.alloc(20_000);
    const out = sources.map((source) => Buffer.from(into.subarray(0, coder.encode({ "#source": source }, into, 0))));
    expect(out).toEqual(["a", "b"].map((letter) => Buffer.from(encoded(output, rowOf(letter)))));
  },
);
