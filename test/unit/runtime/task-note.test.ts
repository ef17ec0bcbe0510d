import fc from "fast-check";
import { expect, test } from "vitest";
import { noCounts } from "../../../src/runtime/counts.ts";
import type { StageTask } from "../../../src/runtime/index.ts";
import { RunningNote, readNote, type TaskNote, writeNote } from "../../../src/runtime/task-note.ts";

const largest = Number.MAX_SAFE_INTEGER;

test("a note says what was left in it: stream time, since when, and counts that balance", () => {
  const number = fc.oneof(
    fc.nat(300),
    fc.maxSafeNat().map((n) => Math.floor(n / 8)),
  );
  fc.assert(
    fc.property(
      fc.double({ noNaN: true }),
      fc.maxSafeNat(),
      fc.tuple(number, number, number, number),
      (time, since, fates) => {
        const [out, filtered, late, deadLetters] = fates;
        const counts = { in: out + filtered + late + deadLetters, out, filtered, late, deadLetters };
        const note: TaskNote = { streamTimeMs: time, since, counts };
        const text = writeNote(note);
        expect(readNote(text)).toEqual(note);
        expect(text).toMatch(/^[\w-]{1,76}$/);
      },
    ),
  );
});

test("its form is fixed: others of the same version read it", () => {
  const counts = { in: 300, out: 200, filtered: 99, late: 1, deadLetters: 0 };
  // Version, 1.7e12 as a double, then 5, 300, 200, 99, 1 and 0 in sevens of bits, the lowest first.
  const bytes = Buffer.from("01 4278bcfe56800000 05 ac02 c801 63 01 00".replaceAll(" ", ""), "hex");
  expect(writeNote({ streamTimeMs: 1_700_000_000_000, since: 5, counts })).toBe(bytes.toString("base64url"));
});

test("a note says of each store that is written down whether it ever had anything to write", () => {
  const counts = { in: 1, out: 1, filtered: 0, late: 0, deadLetters: 0 };
  const stores = new Map([
    [0xffffff, "filled" as const],
    [3, "unfilled" as const],
  ]);
  // Twice the key, and one more where it is filled: 33554431 and 6 in sevens of bits.
  const bytes = Buffer.from("02 4278bcfe56800000 05 01 01 00 00 00 ffffff0f 06".replaceAll(" ", ""), "hex");
  const text = writeNote({ streamTimeMs: 1_700_000_000_000, since: 5, counts, stores });
  expect(text).toBe(bytes.toString("base64url"));
  expect(readNote(text)).toEqual({ streamTimeMs: 1_700_000_000_000, since: 5, counts, stores });
});

test("a note is never longer than an offset may carry: of too many stores it says nothing", () => {
  const counts = { in: largest, out: largest, filtered: 0, late: 0, deadLetters: 0 };
  const noteOf = (count: number) => ({
    streamTimeMs: 1,
    since: largest,
    counts,
    stores: new Map(Array.from({ length: count }, (_, i) => [0xffffff - i, "filled" as const])),
  });
  expect(writeNote(noteOf(22)).length).toBeLessThanOrEqual(200);
  expect(readNote(writeNote(noteOf(22)))).toEqual(noteOf(22));
  expect(readNote(writeNote(noteOf(23)))).toEqual({ streamTimeMs: 1, since: largest, counts });
});

test("the longest note of no store is one of the largest numbers, and short", () => {
  const counts = { in: largest, out: largest, filtered: 0, late: 0, deadLetters: 0 };
  const note = { streamTimeMs: Number.NEGATIVE_INFINITY, since: largest, counts };
  expect(writeNote(note).length).toBeLessThanOrEqual(76);
  expect(readNote(writeNote(note))).toEqual(note);
});

test("what does not read as a note in every respect is none", () => {
  const text = writeNote({ streamTimeMs: 1, since: 2, counts: { ...noCounts, in: 3, out: 3 } });
  const bytes = Buffer.from(text, "base64url");
  const changed = (at: number, to: number): string => {
    const copy = Buffer.from(bytes);
    copy[at] = to;
    return copy.toString("base64url");
  };
  expect(readNote(text)).toBeDefined();
  const foreign = {
    absent: undefined,
    empty: "",
    "somebody's own text": "reset by hand",
    "of another version": changed(0, 2),
    "of a time that is none": Buffer.concat([
      bytes.subarray(0, 1),
      Buffer.from("7ff8000000000000", "hex"),
      bytes.subarray(9),
    ]).toString("base64url"),
    "with counts that do not balance (R4)": changed(10, 4),
    "cut short": bytes.subarray(0, -1).toString("base64url"),
    "cut behind its time": bytes.subarray(0, 9).toString("base64url"),
    "with more behind it": Buffer.concat([bytes, Buffer.from([0])]).toString("base64url"),
    "with a number that does not end": changed(bytes.length - 1, 0x80),
  };
  for (const [what, metadata] of Object.entries(foreign)) expect(readNote(metadata), what).toBeUndefined();
});

// The latest event may have been dropped behind the judging of lateness: then no store has it.
test("a task goes on from the stream time of its note, and without one from the latest time in its stores", () => {
  const stage = { stores: [{ latestTimeMs: 40 }, { latestTimeMs: 70 }] } as unknown as StageTask;
  const note = new RunningNote();
  note.found(writeNote({ streamTimeMs: 90, since: 2, counts: noCounts }));
  expect([note.isFound, note.streamTimeOf(stage), note.begin(5)?.since]).toEqual([true, 90, 2]);
  note.found(undefined);
  expect([note.isFound, note.streamTimeOf(stage), note.begin(5)]).toEqual([false, 70, undefined]);
  expect(note.streamTimeOf({ stores: [] } as unknown as StageTask)).toBe(Number.NEGATIVE_INFINITY);
});
