import { expect, test } from "vitest";
import { AssertionError, Facts, RecordError, silentLogger } from "../../../src/kernel/index.ts";
import type { RowSource } from "../../../src/runtime/stage-transcoders.ts";
import { WriterSchemas } from "../../../src/runtime/writer-schemas.ts";
import type { RegisteredSchema, SchemaRegistry } from "../../../src/schema/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";

const { signal } = new AbortController();

/** Schemas of a registry that knows ids below 100; `read` makes what reads one. */
function schemasOf(read: (text: string) => RowSource) {
  const clock = new FakeClock(0);
  const asked: number[] = [];
  const said: object[] = [];
  const byId = async (id: number): Promise<RegisteredSchema | undefined> => {
    asked.push(id);
    return id < 100 ? { id, version: 1, subject: "", text: `text ${id}` } : undefined;
  };
  const schemas = new WriterSchemas({
    *make(text) {
      yield;
      return read(text);
    },
    yieldToLoop: async () => undefined,
    registry: { byId } as unknown as SchemaRegistry,
    clock,
    facts: new Facts({
      ...silentLogger,
      error: (fields) => void said.push(fields),
      warn: (fields) => void said.push(fields),
    }),
    onLongWait: () => undefined,
  });
  return { schemas, clock, asked, said };
}

test("a schema that cannot be read ends its records with MR_DECODE_BODY, names its id, and is said", async () => {
  const { schemas, said } = schemasOf(() => {
    throw new Error("no field id");
  });
  await schemas.resolve(7, signal);
  const refusal = "schema id 7 cannot be read as the input of this stage: no field id";
  expect(() => schemas.sourceOf(7)).toThrow(new RecordError("MR_DECODE_BODY", refusal));
  expect(said).toEqual([expect.objectContaining({ schemaId: 7, reason: "no field id" })]);
});

test("a fault of the program is none of the schema's: it ends the stage", async () => {
  const { schemas, said } = schemasOf(() => {
    throw new AssertionError("a plan without a field");
  });
  await expect(schemas.resolve(7, signal)).rejects.toThrow(AssertionError);
  expect(said).toEqual([]);
});

test("an id that the registry does not know is asked for again after 10 s, and a known one never", async () => {
  const source = {} as RowSource;
  const { schemas, clock, asked } = schemasOf(() => source);
  for (const id of [7, 100]) await schemas.resolve(id, signal);
  clock.advance(9_999);
  expect(() => schemas.sourceOf(100)).toThrow("the registry does not know schema id 100");
  clock.advance(1);
  expect([schemas.sourceOf(7), schemas.sourceOf(100)]).toEqual([source, undefined]);
  expect(asked).toEqual([7, 100]);
});
