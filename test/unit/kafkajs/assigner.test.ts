import { expect, test } from "vitest";
import {
  decodeClaim,
  decodeShared,
  encodeClaim,
  encodeShared,
  type KafkaClaim,
  sharedNow,
} from "../../../src/adapters/kafkajs/assigner.ts";

const claim = (memberId: string): KafkaClaim => ({
  memberId,
  topics: ["in"],
  owned: [],
  generation: 1,
  onDisk: new Map(),
});

test("a claim survives its journey", () => {
  const sent = { owned: [3, 1], generation: 7, tasksAtFirst: 2, onDisk: new Map([[4, 1_000]]) };
  expect(decodeClaim("a", ["in"], encodeClaim(sent))).toEqual({ memberId: "a", topics: ["in"], ...sent });
});

// Members of two versions are in one group while it is upgraded, and any of them may lead.
test("a claim of a version that said less is read as far as it goes, and what a later one adds is passed over", () => {
  const read = (text: string) => decodeClaim("a", ["in"], Buffer.from(text));
  const claimed = { ...claim("a"), owned: [3, 1], generation: 7, tasksAtFirst: undefined };
  expect(read('{"owned":[3,1],"generation":7}')).toEqual(claimed);
  expect(read('{"owned":[3,1],"generation":7,"tasksAtFirst":2}')).toEqual({ ...claimed, tasksAtFirst: 2 });
  expect(read('{"owned":[3,1],"generation":7,"onDisk":[[1,5]],"more":{}}').onDisk).toEqual(new Map([[1, 5]]));
});

test("what a version that knows less reads in a claim is where it was", () => {
  const bytes = encodeClaim({ owned: [3, 1], generation: 7, tasksAtFirst: 2, onDisk: new Map([[4, 1_000]]) });
  expect(JSON.parse(bytes.toString())).toMatchObject({ owned: [3, 1], generation: 7, tasksAtFirst: 2 });
});

test("a claim that cannot be read claims nothing", () => {
  const nothing = { ...claim("a"), generation: -1, tasksAtFirst: undefined };
  for (const text of ["", "{", "null", "[]", '{"owned":1,"generation":1}', '{"owned":[],"generation":"x"}']) {
    expect(decodeClaim("a", ["in"], Buffer.from(text))).toEqual(nothing);
  }
  expect(decodeClaim("a", ["in"], null)).toEqual(nothing);
  const odd = decodeClaim(
    "a",
    [],
    Buffer.from('{"owned":[1,-2,"x",2.5],"generation":1,"onDisk":[[1],[2,0],[3,"x"],7,[-1,4],[5,6]]}'),
  );
  expect(odd.owned).toEqual([1]);
  expect(odd.onDisk).toEqual(new Map([[5, 6]]));
  expect(decodeClaim("a", [], Buffer.from('{"owned":[],"generation":1,"onDisk":{"1":2}}')).onDisk.size).toBe(0);
});

test("what any member remembers of the fewest tasks is told to all of them", () => {
  const claims = [claim("new"), { ...claim("old"), tasksAtFirst: 2 }, { ...claim("other"), tasksAtFirst: 4 }];
  expect(sharedNow(6, claims)).toEqual({ tasks: 6, tasksAtFirst: 2 });
  expect(sharedNow(6, [claim("new")])).toEqual({ tasks: 6, tasksAtFirst: 6 });
  // A topic that was made anew with fewer partitions has not gained any.
  expect(sharedNow(1, claims)).toEqual({ tasks: 1, tasksAtFirst: 1 });
  expect(decodeShared(encodeShared({ tasks: 6, tasksAtFirst: 2 }))).toEqual({ tasks: 6, tasksAtFirst: 2 });
});

test("an assignment of an older version says nothing, and neither do bytes that are no JSON", () => {
  for (const bytes of [null, Buffer.alloc(0), Buffer.from("{"), Buffer.from("3"), Buffer.from('{"tasks":"1"}')])
    expect(decodeShared(bytes)).toBeUndefined();
});
