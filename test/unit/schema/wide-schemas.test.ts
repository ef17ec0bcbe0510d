import { expect, test } from "vitest";
import { createEncoder, transcoderParts, UnionValue, writerTypeParts } from "../../../src/schema/index.ts";
import { schemaOf } from "./build.ts";

const fieldCount = 9_000;
const branchCount = 3_000;

/** What is done between two breaths is bounded by counts, which no slow machine changes. */
function planned(json: unknown, copies = true) {
  const schema = schemaOf(json);
  const effort = { parts: 0, comparisons: 0 };
  const parts = transcoderParts(
    {
      writer: schema.type,
      // Another tree: equal by what it says, not by identity.
      reader: schemaOf(json).type,
      reads: new Map(),
      output: schemaOf(json).type,
      values: new Set(),
      copies,
      checksText: true,
      ingest: undefined,
      keepsRows: false,
      later: [],
    },
    effort,
  );
  for (;;) {
    const next = parts.next();
    if (next.done) return { coder: next.value, schema, effort };
  }
}

const wide = {
  type: "record",
  name: "Wide",
  fields: Array.from({ length: fieldCount }, (_, i) => ({ name: `f${i}`, type: i % 2 === 0 ? "int" : "string" })),
};

test.each([true, false])(
  "a record of 9,000 fields is planned in parts of 200, each type compared once (copies: %s)",
  (copies) => {
    const { coder, schema, effort } = planned(wide, copies);
    // Five passes: what is read, what is written, the steps, the decoder; the encoder only where it is not one copy.
    expect(effort.parts).toBeGreaterThanOrEqual(4 * (fieldCount / 200));
    expect(effort.comparisons).toBe(copies ? fieldCount : 0);
    const row = Object.fromEntries(schema.type.fields.map(({ name }, i) => [name, i % 2 === 0 ? i : `t${i}`]));
    const body = Buffer.alloc(100_000);
    const end = createEncoder(schema).encode(row, body, 0);
    const into = Buffer.alloc(100_000);
    const out = coder.encode({ "#source": coder.decode(body, 0, end) }, into, 0);
    expect(into.subarray(0, out).equals(body.subarray(0, end))).toBe(true);
  },
);

const many = {
  type: "record",
  name: "Many",
  fields: [
    {
      name: "u",
      type: [
        "null",
        ...Array.from({ length: branchCount }, (_, i) => ({
          type: "record",
          name: `B${i}`,
          fields: [{ name: "v", type: "int" }],
        })),
      ],
    },
  ],
};

test.each([true, false])(
  "a union of 3,000 records is planned in parts of 200 branches, compared by name, not each with each (copies: %s)",
  (copies) => {
    const { coder, effort } = planned(many, copies);
    expect(coder.output).toMatchObject([copies ? { op: "copy", from: 0, to: 1 } : { op: "value", of: "source" }]);
    // The union, its null, and for each branch the record and its one field.
    expect(effort.comparisons).toBe(copies ? 2 + 2 * branchCount : 0);
    // Copied: compared, and stepped over. Else branches are chosen, readers made, and skippers too.
    expect(effort.parts).toBeGreaterThanOrEqual((copies ? 2 : 3) * (branchCount / 200));
  },
);

test.each([true, false])("a record in the last of 3,000 branches leaves as it came (copies: %s)", (copies) => {
  const { coder, schema } = planned(many, copies);
  const body = Buffer.alloc(16);
  const end = createEncoder(schema).encode({ u: new UnionValue(branchCount, { v: -7 }) }, body, 0);
  const into = Buffer.alloc(16);
  const out = coder.encode({ "#source": coder.decode(body, 0, end) }, into, 0);
  expect(into.toString("hex", 0, out)).toBe(body.toString("hex", 0, end));
});

test("a branch of 3,000 that differs is not copied", () => {
  const other = structuredClone(many);
  const last = other.fields[0]?.type[branchCount] as { fields: { name: string; type: string }[] };
  last.fields = [{ name: "v", type: "long" }];
  const parts = transcoderParts({
    writer: schemaOf(many).type,
    reader: schemaOf(other).type,
    reads: new Map(),
    output: schemaOf(other).type,
    values: new Set(),
    copies: true,
    checksText: true,
    ingest: undefined,
    keepsRows: false,
    later: [],
  });
  let next = parts.next();
  while (!next.done) next = parts.next();
  expect(next.value.output).toMatchObject([{ op: "value", of: "source" }]);
});

test("a writer's schema is parsed in steps, and need not be a record", () => {
  const parts = writerTypeParts(JSON.stringify(["null", wide]));
  expect(parts.next().done).toBe(false);
  expect(parts.next().done).toBe(false);
  expect(parts.next()).toMatchObject({ done: true, value: { kind: "union" } });
  expect(() => [...writerTypeParts("{")]).toThrow("not JSON");
});
