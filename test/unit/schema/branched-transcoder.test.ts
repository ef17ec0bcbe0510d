import { expect, test } from "vitest";
import { RecordError } from "../../../src/kernel/index.ts";
import type { AvroType, RecordType, UnionType } from "../../../src/schema/avro-type.ts";
import { branchedTranscoder } from "../../../src/schema/branched-transcoder.ts";
import { parseType } from "../../../src/schema/parse-type.ts";
import type { Transcoder } from "../../../src/schema/transcoder.ts";
import { bytes } from "./build.ts";

function unionOf(...branches: unknown[]): UnionType {
  const { type } = parseType(branches, { strictDefaults: true }) as { type: AvroType };
  return type as UnionType;
}

const eventOf = (name: string) => ({ type: "record", name, fields: [{ name: "id", type: "int" }] });

/** A transcoder per branch that says which one it is and what it was given; branch `Bad` cannot be read. */
function branched(...branches: unknown[]) {
  const made: string[] = [];
  function* make(branch: RecordType): Generator<void, Transcoder> {
    made.push(branch.name);
    yield;
    if (branch.name === "Bad") throw new RecordError("MR_DECODE_BODY", "Bad cannot be read");
    if (branch.name === "Broken") throw new TypeError("a fault of the program");
    const decode = (source: Buffer, from: number, to: number) => ({
      by: branch.name,
      body: [...source.subarray(from, to)],
    });
    return { decode, unknownFields: branch.name.length } as unknown as Transcoder;
  }
  return { coder: branchedTranscoder(unionOf(...branches), make), made };
}

test("each body is read by the transcoder of its own branch, made when the first of it comes", () => {
  const { coder, made } = branched(eventOf("Order"), eventOf("Refund"));
  expect([coder.unknownFields, made]).toEqual([0, []]);
  const batch = bytes(9, 2, 7, 8, 0, 5);
  expect(coder.decode(batch, 1, 4)).toEqual({ by: "Refund", body: [7, 8] });
  expect([coder.unknownFields, made]).toEqual([6, ["Refund"]]);
  expect(coder.decode(batch, 4, 6)).toEqual({ by: "Order", body: [5] });
  expect(coder.unknownFields).toBe(5);
  expect(coder.decode(batch, 1, 3)).toEqual({ by: "Refund", body: [7] });
  expect(made).toEqual(["Refund", "Order"]);
});

test("a branch that cannot be read ends its records alone, each of them, and is tried once", () => {
  const { coder, made } = branched(eventOf("Order"), eventOf("Bad"), "string");
  for (let time = 0; time < 2; time++) {
    expect(() => coder.decode(bytes(2, 1), 0, 2)).toThrow(new RecordError("MR_DECODE_BODY", "Bad cannot be read"));
    expect(() => coder.decode(bytes(4, 0), 0, 2)).toThrow("a topic holds records, and this is string");
  }
  expect(coder.decode(bytes(0, 1), 0, 2)).toEqual({ by: "Order", body: [1] });
  expect(made).toEqual(["Bad", "Order"]);
});

test("a branch that the union does not have is damage, and a fault of the program is none of the record's", () => {
  const { coder } = branched(eventOf("Order"), eventOf("Broken"));
  expect(() => coder.decode(bytes(4, 1), 0, 2)).toThrow("a union has no such branch");
  expect(() => coder.decode(bytes(1, 1), 0, 2)).toThrow(RecordError);
  expect(() => coder.decode(bytes(2, 1), 0, 2)).toThrow(TypeError);
});
