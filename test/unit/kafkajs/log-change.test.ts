import { expect, test } from "vitest";
import {
  EpochTrail,
  logChanged,
  noteIn,
  offsetMetadata,
  tasksAtFirstIn,
  topicIdIn,
} from "../../../src/adapters/kafkajs/log-change.ts";

test("a position is known by the epoch of the record before it", () => {
  const trail = new EpochTrail();
  expect(trail.before(0)).toBe(-1);
  trail.note({ offset: 10, leaderEpoch: 1 });
  trail.note({ offset: 20, leaderEpoch: 1 });
  trail.note({ offset: 30, leaderEpoch: 4 });
  expect([10, 11, 30, 31, 99].map((offset) => trail.before(offset))).toEqual([-1, 1, 1, 4, 4]);
});

test("a part that is read again replaces what was known of it", () => {
  const trail = new EpochTrail();
  trail.note({ offset: 10, leaderEpoch: 1 });
  trail.note({ offset: 30, leaderEpoch: 4 });
  trail.note({ offset: 20, leaderEpoch: 2 });
  expect([11, 21, 99].map((offset) => trail.before(offset))).toEqual([1, 2, 2]);
});

test("an offset says which topic it belongs to, and one that was committed by somebody else says nothing", () => {
  const id = "AAECAwQFBgcICQoLDA0ODw";
  expect(topicIdIn(offsetMetadata(id))).toBe(id);
  for (const metadata of ["", offsetMetadata(undefined), "topic=short", `x topic=${id}`, `topic=${id} `])
    expect(topicIdIn(metadata)).toBeUndefined();
});

test("an offset carries the note of its task beside the topic, and neither is read out of what others have left", () => {
  const id = "AAECAwQFBgcICQoLDA0ODw";
  expect(offsetMetadata(id, "A-z_9")).toBe(`topic=${id} note=A-z_9`);
  for (const [topicId, note] of [
    [id, "A-z_9"],
    [id, undefined],
    [undefined, "B"],
    [undefined, undefined],
  ] as const) {
    const metadata = offsetMetadata(topicId, note);
    expect([topicIdIn(metadata), noteIn(metadata)]).toEqual([topicId, note]);
  }
  for (const metadata of ["note", "A-z_9", "note=A b", `topic=${id}note=A`, "topic=short note=A"])
    expect(noteIn(metadata)).toBeUndefined();
});

test("an offset says with how few tasks its group has begun, beside all else", () => {
  const id = "AAECAwQFBgcICQoLDA0ODw";
  const metadata = offsetMetadata(id, "A-z_9", 12);
  expect(metadata).toBe(`topic=${id} tasks=12 note=A-z_9`);
  expect([topicIdIn(metadata), tasksAtFirstIn(metadata), noteIn(metadata)]).toEqual([id, 12, "A-z_9"]);
  expect(tasksAtFirstIn(offsetMetadata(undefined, undefined, 3))).toBe(3);
  for (const other of ["", offsetMetadata(id, "B"), "tasks=", "tasks=x", "tasks=3 topic=short", "tasks=1234567890"])
    expect(tasksAtFirstIn(other)).toBeUndefined();
});

test("a log that has changed is said with the command that goes on", () => {
  const at = { topic: "in", partition: 2 };
  expect(logChanged(at, 80, { kind: "truncated", at: 30 }, "g").message).toMatch(
    /^reading in-2: the log of in-2 was cut back to 30 .* read up to 80; .* --topic in:2 --reset-offsets --to-offset 30 --execute$/,
  );
  expect(logChanged(at, 80, { kind: "remade" }, "g").message).toMatch(/made anew.*--to-earliest --execute$/);
});
