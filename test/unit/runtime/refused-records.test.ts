import { expect, test } from "vitest";
import type { Offset } from "../../../src/kernel/index.ts";
import { OutputBatches } from "../../../src/runtime/output-batches.ts";
import { RecordRefusedError, type Refusal } from "../../../src/runtime/port.ts";
import { RefusedRecords } from "../../../src/runtime/refused-records.ts";
import type { Outgoing } from "../../../src/wire/index.ts";

const bytes = (size: number): Buffer => Buffer.alloc(size, 1);

/** A chunk's batches for one topic; each record's value is as large as its second number. */
function batchesOf(topic: string, ...batches: readonly (readonly (readonly [Offset, number])[])[]) {
  const outputs = new OutputBatches({ topic, partitions: 1, messageBytesMax: 1_000_000 }, "output", undefined);
  for (const batch of batches) {
    for (const [offset, size] of batch) outputs.appendWithHeaders(offset, 0, 1, null, bytes(size), []);
    outputs.sealAll();
  }
  const outgoing: Outgoing[] = [];
  outputs.take(outgoing);
  return { outputs, outgoing };
}

function refused(refusal: Partial<Refusal>, topic = "out"): RecordRefusedError {
  const whole: Refusal = { code: "MR_REFUSED", reason: "no key", batch: undefined, indices: [], ...refusal };
  return new RecordRefusedError({ topic, partition: 0 }, whole.indices[0] ?? -1, "refused", { refusal: whole });
}

const marked = (records: RefusedRecords): Offset[] =>
  Array.from({ length: 50 }, (_, offset) => offset).filter((offset) => records.reasonOf(0, offset) !== undefined);

test("the inputs of the records that the broker named, in the batch that it named, are set aside with its reason", () => {
  const { outputs, outgoing } = batchesOf(
    "out",
    [
      [10, 5],
      [11, 90],
    ],
    [
      [12, 5],
      [13, 6],
      [14, 7],
    ],
  );
  const records = new RefusedRecords(1);
  expect(records.mark(refused({ batch: outgoing[1]!, indices: [0, 2] }), outputs)).toBe(true);
  expect(marked(records)).toEqual([12, 14]);
  expect(records.reasonOf(0, 12)).toEqual({ code: "MR_REFUSED", reason: "no key" });
});

test("a named record of the only batch is found without the batch", () => {
  const { outputs } = batchesOf("out", [
    [10, 5],
    [11, 90],
  ]);
  const records = new RefusedRecords(1);
  expect(records.mark(refused({ indices: [0] }), outputs)).toBe(true);
  expect(marked(records)).toEqual([10]);
});

test("a guess is let go when the refusal repeats and names another record", () => {
  const records = new RefusedRecords(1);
  const first = batchesOf(
    "out",
    [
      [10, 5],
      [11, 90],
    ],
    [[12, 5]],
  );
  // The batch is not known: the largest record is taken.
  expect(records.mark(refused({ indices: [0] }), first.outputs)).toBe(true);
  expect(marked(records)).toEqual([11]);
  const second = batchesOf("out", [[10, 5]], [[12, 5]]);
  expect(records.mark(refused({ batch: second.outgoing[1]!, indices: [0] }), second.outputs)).toBe(true);
  expect(marked(records)).toEqual([12]);
});

test("a guess that did not help is followed by another one, and never made again; when none is left the offset stops", () => {
  const records = new RefusedRecords(1);
  const chunk = (): OutputBatches => {
    const left = (
      [
        [10, 5],
        [11, 90],
        [12, 50],
      ] as const
    ).filter(([offset]) => records.reasonOf(0, offset) === undefined);
    return batchesOf("out", left).outputs;
  };
  const guesses: Offset[][] = [];
  while (records.mark(refused({}), chunk())) guesses.push(marked(records));
  expect(guesses).toEqual([[11], [12], [10]]);
  expect(marked(records)).toEqual([]);
});

test("what the broker named stays set aside when it names another record the next time", () => {
  const records = new RefusedRecords(1);
  const first = batchesOf("out", [
    [10, 5],
    [11, 90],
  ]);
  records.mark(refused({ batch: first.outgoing[0]!, indices: [0] }), first.outputs);
  const second = batchesOf("out", [[11, 90]]);
  records.mark(refused({ batch: second.outgoing[0]!, indices: [0] }), second.outputs);
  expect(marked(records)).toEqual([10, 11]);
});

test("a record that is refused although its input was marked is not marked twice", () => {
  const { outputs, outgoing } = batchesOf("letters", [[20, 90]]);
  const records = new RefusedRecords(1);
  const error = refused({ batch: outgoing[0]!, indices: [0] }, "letters");
  expect([records.mark(error, outputs), records.mark(error, outputs)]).toEqual([true, false]);
});

test("what is committed is forgotten, and what comes later is not", () => {
  const records = new RefusedRecords(1);
  const { outputs, outgoing } = batchesOf("out", [
    [10, 5],
    [11, 90],
  ]);
  records.mark(refused({ batch: outgoing[0]!, indices: [0, 1] }), outputs);
  records.forgetBelow([11]);
  expect(marked(records)).toEqual([11]);
  records.clear();
  expect(records.isEmpty).toBe(true);
});
