import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeClaim,
  decodeShared,
  encodeClaim,
  encodeShared,
  type MemberClaim,
  sharedNow,
  shareTasks,
} from "../../../src/adapters/kafkajs/assigner.ts";

const claim = (memberId: string, owned: number[] = [], generation = 1): MemberClaim => ({
  memberId,
  owned,
  generation,
});

test("a lone member gets every task", () => {
  expect(shareTasks(3, [claim("a")])).toEqual(new Map([["a", [0, 1, 2]]]));
});

test("a newcomer gets its share and the first member keeps what it may", () => {
  expect(shareTasks(5, [claim("a", [0, 1, 2, 3, 4]), claim("b")])).toEqual(
    new Map([
      ["a", [0, 1, 2]],
      ["b", [3, 4]],
    ]),
  );
});

test("the tasks of a member that is gone are shared out and no other task moves", () => {
  const shares = shareTasks(6, [claim("a", [0, 3]), claim("c", [2, 5])]);
  expect(shares).toEqual(
    new Map([
      ["a", [0, 1, 3]],
      ["c", [2, 4, 5]],
    ]),
  );
});

test("more members than tasks leaves some without", () => {
  expect([...shareTasks(1, [claim("a"), claim("b"), claim("c")]).values()].flat()).toEqual([0]);
});

test("of two members that claim a task the one of the later generation holds it", () => {
  const shares = shareTasks(2, [claim("slept", [0, 1], 3), claim("awake", [0, 1], 4)]);
  expect(shares).toEqual(
    new Map([
      ["awake", [0]],
      ["slept", [1]],
    ]),
  );
});

test("shares are complete, disjoint and even, do not depend on the order, and move no task without need", () => {
  const claims = fc
    .uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { minLength: 1 })
    .chain((ids) =>
      fc.tuple(
        fc.integer({ min: 0, max: 40 }),
        fc.array(fc.integer({ min: -1, max: ids.length - 1 }), { minLength: 40, maxLength: 40 }),
        fc.constant(ids),
      ),
    );
  fc.assert(
    fc.property(claims, ([taskCount, owners, ids]) => {
      const members = ids.map((id, i) =>
        claim(
          id,
          owners.flatMap((owner, task) => (owner === i ? [task] : [])),
        ),
      );
      const shares = shareTasks(taskCount, members);
      const all = [...shares.values()].flat().sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: taskCount }, (_, i) => i));
      const sizes = [...shares.values()].map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const reversed = shareTasks(taskCount, [...members].reverse());
      for (const id of ids) expect(reversed.get(id)).toEqual(shares.get(id));
      // A member loses tasks only down to the smaller share.
      for (const { memberId, owned } of members) {
        const held = owned.filter((task) => task < taskCount);
        const kept = held.filter((task) => shares.get(memberId)?.includes(task));
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(held.length, Math.floor(taskCount / ids.length)));
      }
    }),
  );
});

test("a claim survives its journey", () => {
  expect(decodeClaim("a", encodeClaim([3, 1], 7))).toEqual({ memberId: "a", owned: [3, 1], generation: 7 });
});

test("a claim that cannot be read claims nothing", () => {
  const nothing = { memberId: "a", owned: [], generation: -1 };
  for (const text of ["", "{", "null", "[]", '{"owned":1,"generation":1}', '{"owned":[],"generation":"x"}']) {
    expect(decodeClaim("a", Buffer.from(text))).toEqual(nothing);
  }
  expect(decodeClaim("a", null)).toEqual(nothing);
  expect(decodeClaim("a", Buffer.from('{"owned":[1,-2,"x",2.5],"generation":1}')).owned).toEqual([1]);
});

test("the member that holds most keeps the larger share, whatever its name", () => {
  // Three tasks for two: the one with the larger share is "b", which holds two already; "a" would have to take one from it.
  expect(shareTasks(3, [claim("a", [2]), claim("b", [0, 1])])).toEqual(
    new Map([
      ["b", [0, 1]],
      ["a", [2]],
    ]),
  );
});

test("what any member remembers of the fewest tasks is told to all of them", () => {
  const claims = [claim("new"), { ...claim("old"), tasksAtFirst: 2 }, { ...claim("other"), tasksAtFirst: 4 }];
  expect(sharedNow(6, claims)).toEqual({ tasks: 6, tasksAtFirst: 2 });
  expect(sharedNow(6, [claim("new")])).toEqual({ tasks: 6, tasksAtFirst: 6 });
  // A topic that was made anew with fewer partitions has not gained any.
  expect(sharedNow(1, claims)).toEqual({ tasks: 1, tasksAtFirst: 1 });
  expect(decodeShared(encodeShared({ tasks: 6, tasksAtFirst: 2 }))).toEqual({ tasks: 6, tasksAtFirst: 2 });
  expect(decodeClaim("m", encodeClaim([1], 3, 2))).toEqual({
    memberId: "m",
    owned: [1],
    generation: 3,
    tasksAtFirst: 2,
  });
});

test("an assignment of an older version says nothing, and neither do bytes that are no JSON", () => {
  for (const bytes of [null, Buffer.alloc(0), Buffer.from("{"), Buffer.from("3"), Buffer.from('{"tasks":"1"}')])
    expect(decodeShared(bytes)).toBeUndefined();
});
