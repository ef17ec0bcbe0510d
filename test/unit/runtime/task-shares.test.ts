import fc from "fast-check";
import { expect, test } from "vitest";
import { type MemberClaim, shareOut, shareTasks } from "../../../src/runtime/index.ts";

const claim = (
  memberId: string,
  owned: readonly number[] = [],
  onDisk: Readonly<Record<number, number>> = {},
  generation = 1,
): MemberClaim => ({
  memberId,
  topics: ["in"],
  owned,
  generation,
  onDisk: new Map(Object.entries(onDisk).map(([task, offset]) => [Number(task), offset])),
});
const shared = (taskCount: number, ...claims: readonly MemberClaim[]): Record<string, readonly number[]> =>
  Object.fromEntries(shareTasks(taskCount, claims));

test("a lone member gets every task, and a group without members shares nothing out", () => {
  expect(shared(3, claim("a"))).toEqual({ a: [0, 1, 2] });
  expect(shared(3)).toEqual({});
});

test("a newcomer gets its share, and the first member keeps its lowest tasks", () => {
  expect(shared(5, claim("a", [0, 1, 2, 3, 4]), claim("b"))).toEqual({ a: [0, 1, 2], b: [3, 4] });
});

test("the tasks of a member that is gone are shared out and no other task moves", () => {
  expect(shared(6, claim("a", [0, 3]), claim("c", [2, 5]))).toEqual({ a: [0, 1, 3], c: [2, 4, 5] });
});

test("more members than tasks leaves some without", () => {
  expect(shared(1, claim("a"), claim("b"), claim("c"))).toEqual({ a: [0], b: [], c: [] });
});

test("of two members that claim a task the one of the later generation holds it", () => {
  expect(shared(2, claim("slept", [0, 1], {}, 3), claim("awake", [0, 1], {}, 4))).toEqual({ awake: [0], slept: [1] });
});

test("the member that holds most keeps the larger share, whatever its name", () => {
  // Three tasks for two: the one with the larger share is "b", which holds two already; "a" would have to take one from it.
  expect(shared(3, claim("a", [2]), claim("b", [0, 1]))).toEqual({ b: [0, 1], a: [2] });
});

test("a task that nobody holds goes where most of it lies on disk", () => {
  expect(shared(4, claim("a", [], { 3: 9, 2: 9, 0: 1 }), claim("b", [], { 0: 5, 1: 5 }))).toEqual({
    a: [2, 3],
    b: [0, 1],
  });
  // The larger share, too.
  expect(shared(3, claim("a", [], { 0: 7 }), claim("b", [], { 1: 7, 2: 7 }))).toEqual({ a: [0], b: [1, 2] });
});

test("whoever comes back gets what it has on disk of that which must move, and nothing moves for the disk alone", () => {
  expect(shared(4, claim("a", [0, 1, 2, 3]), claim("b", [], { 0: 10, 1: 10 }))).toEqual({ a: [2, 3], b: [0, 1] });
  expect(shared(4, claim("a", [0, 1]), claim("b", [2, 3], { 0: 10, 1: 10 }))).toEqual({ a: [0, 1], b: [2, 3] });
});

test("the disk makes nobody's share larger by more than one, and the largest of what lies there counts most", () => {
  expect(shared(4, claim("a", [], { 0: 1, 1: 2, 2: 3, 3: 4 }), claim("b"))).toEqual({ a: [2, 3], b: [0, 1] });
});

test("what a member has on disk of tasks that are no more is of no use", () => {
  expect(shared(2, claim("a", [7], { 7: 9 }), claim("b", [], { 9: 9 }))).toEqual({ a: [0], b: [1] });
});

test("members that read another topic share its tasks among themselves, each set as many as its widest topic has", () => {
  const members = [
    { ...claim("old-1", [0, 1]), topics: ["before"] },
    { ...claim("old-2", [2]), topics: ["before"] },
    { ...claim("new-1"), topics: ["after", "side"] },
  ];
  const partitions = new Map([
    ["before", 3],
    ["after", 2],
    ["side", 1],
  ]);
  expect(shareOut(members, partitions).map(({ members: _, ...rest }) => rest)).toEqual([
    {
      topics: ["before"],
      taskCount: 3,
      shares: new Map([
        ["old-1", [0, 1]],
        ["old-2", [2]],
      ]),
    },
    { topics: ["after", "side"], taskCount: 2, shares: new Map([["new-1", [0, 1]]]) },
  ]);
});

test("of sets of topics that overlap the one with more members has the tasks, and a topic that is not there has none", () => {
  const members = [
    { ...claim("a"), topics: ["in"] },
    { ...claim("b"), topics: ["in", "side"] },
    // The same topics in another order are the same set.
    { ...claim("c"), topics: ["side", "in"] },
    { ...claim("d"), topics: ["gone"] },
  ];
  const sets = shareOut(members, new Map([["in", 2]]));
  expect(Object.fromEntries(sets.flatMap(({ shares }) => [...shares]))).toEqual({ b: [0], c: [1], a: [], d: [] });
  // A set that has nothing is in nobody's way.
  const chain = [["in"], ["in"], ["in"], ["in", "side"], ["in", "side"], ["side"]];
  const claims = chain.map((topics, i) => ({ ...claim(`m${i}`), topics }));
  const counts = new Map(["in", "side"].map((topic) => [topic, 3] as const));
  expect(shareOut(claims, counts).map(({ taskCount }) => taskCount)).toEqual([3, 0, 3]);
});

/** Up to seven members: tasks are held by some of them or nobody, and disks hold anything. */
const groups = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { minLength: 1 }).chain((ids) =>
  fc.record({
    taskCount: fc.integer({ min: 0, max: 24 }),
    claims: fc
      .tuple(
        fc.array(fc.integer({ min: -1, max: ids.length - 1 }), { minLength: 30, maxLength: 30 }),
        fc.array(
          fc.dictionary(fc.integer({ min: 0, max: 29 }).map(String), fc.integer({ min: 1, max: 5 }), { maxKeys: 12 }),
          { minLength: ids.length, maxLength: ids.length },
        ),
      )
      .map(([owners, disks]) =>
        ids.map((id, i) =>
          claim(
            id,
            owners.flatMap((owner, task) => (owner === i ? [task] : [])),
            disks[i],
          ),
        ),
      ),
  }),
);

test("shares are complete, disjoint and even, and do not depend on the order of the members", () => {
  fc.assert(
    fc.property(groups, ({ taskCount, claims }) => {
      const shares = shareTasks(taskCount, claims);
      const all = [...shares.values()].flat().sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: taskCount }, (_, task) => task));
      const sizes = claims.map(({ memberId }) => shares.get(memberId)?.length ?? -1);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(shared(taskCount, ...[...claims].reverse())).toEqual(Object.fromEntries(shares));
    }),
  );
});

test("as few tasks move as even shares need, whatever lies on disk", () => {
  fc.assert(
    fc.property(groups, ({ taskCount, claims }) => {
      const shares = shareTasks(taskCount, claims);
      const held = claims.map(({ owned }) => owned.filter((task) => task < taskCount).length);
      const kept = claims.reduce(
        (sum, { memberId, owned }) => sum + owned.filter((task) => shares.get(memberId)?.includes(task)).length,
        0,
      );
      // Everybody keeps a share, and as many as there are larger ones keep one more.
      const share = Math.floor(taskCount / claims.length);
      const larger = Math.min(taskCount - share * claims.length, held.filter((count) => count > share).length);
      expect(kept).toBe(held.reduce((sum, count) => sum + Math.min(count, share), larger));
    }),
  );
});

test("a second round moves nothing: what was shared out is what is held", () => {
  fc.assert(
    fc.property(groups, ({ taskCount, claims }) => {
      const shares = shareTasks(taskCount, claims);
      const next = claims.map((one) => ({ ...one, owned: shares.get(one.memberId) ?? [], generation: 2 }));
      expect(shareTasks(taskCount, next)).toEqual(shares);
    }),
  );
});

test("who has more of a task that moved than who got it is full, of tasks that it held or has as much of", () => {
  fc.assert(
    fc.property(groups, ({ taskCount, claims }) => {
      const shares = shareTasks(taskCount, claims);
      const fewest = Math.min(...[...shares.values()].map(({ length }) => length));
      const gained = ({ memberId, owned }: MemberClaim) =>
        shares.get(memberId)?.filter((t) => !owned.includes(t)) ?? [];
      const has = ({ onDisk }: MemberClaim, task: number) => onDisk.get(task) ?? 0;
      for (const getter of claims) {
        for (const task of gained(getter)) {
          const better = claims.filter((one) => !one.owned.includes(task) && has(one, task) > has(getter, task));
          for (const one of better) {
            expect(shares.get(one.memberId)?.length).toBeGreaterThanOrEqual(Math.max(1, fewest));
            for (const other of gained(one)) expect(has(one, other)).toBeGreaterThanOrEqual(has(one, task));
          }
        }
      }
    }),
  );
});

test("members that say nothing of their disks are shared to as ever, beside those that do", () => {
  fc.assert(
    fc.property(groups, ({ taskCount, claims }) => {
      const silent = claims.map((one) => ({ ...one, onDisk: new Map() }));
      const counts = (shares: Map<string, number[]>) => [...shares.values()].map(({ length }) => length).sort();
      expect(counts(shareTasks(taskCount, silent))).toEqual(counts(shareTasks(taskCount, claims)));
      // One member's word moves nothing away from those that hold it, beyond what moves without it.
      const [first, ...others] = silent;
      const one = first === undefined ? [] : [{ ...first, onDisk: claims[0]?.onDisk ?? new Map() }];
      const said = shareTasks(taskCount, [...one, ...others]);
      for (const { memberId, owned } of others) {
        const keeps = (shares: Map<string, number[]>): number =>
          owned.filter((task) => shares.get(memberId)?.includes(task)).length;
        expect(keeps(said)).toBe(keeps(shareTasks(taskCount, silent)));
      }
    }),
  );
});
