import fc from "fast-check";
import { expect, test } from "vitest";
import { BufferBudget } from "../../../src/runtime/buffer-budget.ts";
import type { Room } from "../../../src/runtime/index.ts";

const budgetOf = (bytesMax: number, reservedBytesPerTask: number): BufferBudget =>
  new BufferBudget({ bytesMax, reservedBytesPerTask });

test("takes at once while there is room, and waits above it", async () => {
  const budget = budgetOf(100, 0);
  const share = budget.join();
  expect(share.take(60)).toBe(true);
  const waiting = share.take(60);
  expect(waiting).not.toBe(true);
  share.give(60);
  expect(await waiting).toBe(true);
  expect(budget.bytesHeld).toBe(60);
});

test("lets one batch of any size in when the task holds nothing", () => {
  const share = budgetOf(100, 10).join();
  expect(share.take(5_000)).toBe(true);
  expect(share.take(1)).not.toBe(true);
});

test("lets no task read further ahead than its maximum, however much room there is", async () => {
  const budget = new BufferBudget({ bytesMax: 1_000, reservedBytesPerTask: 10, bytesMaxPerTask: 100 });
  const share = budget.join();
  expect(share.take(60)).toBe(true);
  expect(share.take(40)).toBe(true);
  const waiting = share.take(60);
  expect(waiting).not.toBe(true);
  share.give(60);
  expect(await waiting).toBe(true);
  expect(budget.join().take(100)).toBe(true);
});

test("keeps the reserved minimum for each task, however much another one holds", () => {
  const budget = budgetOf(100, 30);
  const busy = budget.join();
  const quiet = budget.join();
  expect(busy.take(20)).toBe(true);
  // 30 of its own and the 40 that nobody reserved.
  expect(busy.take(50)).toBe(true);
  expect(busy.take(1)).not.toBe(true);
  expect(quiet.take(10)).toBe(true);
  expect(quiet.take(20)).toBe(true);
});

test("turns those who wait away when the share is closed, and gives its bytes to the others", async () => {
  const budget = budgetOf(100, 0);
  const first = budget.join();
  const second = budget.join();
  expect(first.take(90)).toBe(true);
  expect(second.take(10)).toBe(true);
  const own = first.take(10);
  const others = second.take(50);
  first.close();
  expect(await own).toBe(false);
  expect(await others).toBe(true);
  expect(budget.bytesHeld).toBe(60);
});

test("makes a batch wait behind one of the same task that waits, also where there is room for it", async () => {
  const share = budgetOf(100, 0).join();
  expect(share.take(50)).toBe(true);
  const large = share.take(80);
  const small = share.take(10);
  expect(small).not.toBe(true);
  share.give(50);
  expect(await Promise.all([large, small])).toEqual([true, true]);
});

test("lets a small batch not overtake a large one of the same task", async () => {
  const budget = budgetOf(100, 0);
  const share = budget.join();
  expect(share.take(50)).toBe(true);
  const order: string[] = [];
  const large = Promise.resolve(share.take(80)).then(() => order.push("large"));
  const small = Promise.resolve(share.take(60)).then(() => order.push("small"));
  share.give(50);
  await large;
  share.give(80);
  await small;
  expect(order).toEqual(["large", "small"]);
});

const mebibyte = 1024 * 1024;

test("room is given before a piece is there, and what the piece does not need comes back", async () => {
  const budget = budgetOf(4 * mebibyte, 0);
  const first = budget.join();
  const room = first.room() as Room;
  expect([room.bytes, budget.bytesHeld]).toEqual([2 * mebibyte, 2 * mebibyte]);
  expect(first.fill(room, mebibyte)).toBe(true);
  expect(budget.bytesHeld).toBe(mebibyte);
  // It is the batch's now.
  room.release();
  expect([first.fill(room, 5), budget.bytesHeld]).toEqual([false, mebibyte]);
  const second = budget.join();
  expect(second.take(3 * mebibyte)).toBe(true);
  first.give(mebibyte);
  expect(first.room()).toMatchObject({ bytes: mebibyte });
  const waiting = first.room();
  expect(waiting).toBeInstanceOf(Promise);
  second.close();
  expect(await waiting).toMatchObject({ bytes: mebibyte });
});

test("room that is given back, forgotten or turned away is of no account", async () => {
  const budget = budgetOf(4 * mebibyte, 0);
  const share = budget.join();
  (share.room() as Room).release();
  expect(budget.bytesHeld).toBe(0);
  const room = share.room() as Room;
  const stored = room.store(mebibyte);
  share.reset();
  expect(budget.bytesHeld).toBe(0);
  room.release();
  stored.release();
  room.store(mebibyte).release();
  expect([share.fill(room, 5), budget.bytesHeld]).toEqual([false, 0]);
  expect(share.take(4 * mebibyte)).toBe(true);
  const waiting = share.room();
  expect(share.turnAway()).toBe(true);
  expect(await waiting).toBeUndefined();
});

test("a batch as stored counts beside its pieces and makes them smaller, and does not keep the next one out", () => {
  const budget = budgetOf(4 * mebibyte, 0);
  const share = budget.join();
  const room = share.room() as Room;
  const stored = room.store(1.25 * mebibyte);
  expect([room.bytes, budget.bytesHeld]).toEqual([0.75 * mebibyte, 2 * mebibyte]);
  share.fill(room, 100);
  share.give(100);
  expect(share.room()).toMatchObject({ bytes: 0.75 * mebibyte });
  expect(budget.bytesHeld).toBe(2 * mebibyte);
  stored.release();
  expect(budget.bytesHeld).toBe(0.75 * mebibyte);
  expect((budget.join().room() as Room).store(9 * mebibyte)).toBeDefined();
});

test("64 tasks that cut pieces from batches of 1 MiB stay within the budget, piece after piece, and read ahead", () => {
  const budget = budgetOf(128 * mebibyte, mebibyte / 2);
  const shares = Array.from({ length: 64 }, () => budget.join());
  for (const share of shares) {
    const first = share.room() as Room;
    expect(first.bytes).toBe(mebibyte);
    first.store(mebibyte);
    share.fill(first, mebibyte / 4);
  }
  expect(budget.bytesHeld).toBe(80 * mebibyte);
  for (const share of shares) expect(share.room()).toMatchObject({ bytes: mebibyte / 4 });
  expect(budget.bytesHeld).toBe(96 * mebibyte);
});

test("the smallest piece of a large batch is a quarter of a piece", () => {
  const budget = budgetOf(128 * mebibyte, 0);
  const share = budget.join();
  const room = share.room() as Room;
  room.store(9 * mebibyte);
  expect(room.bytes).toBe(mebibyte / 2);
  share.fill(room, 0);
  expect(share.room()).toMatchObject({ bytes: mebibyte / 2 });
});

test.each([
  [1, 2 * mebibyte],
  [32, 2 * mebibyte],
  [50, Math.floor((64 * mebibyte) / 50)],
  [64, mebibyte],
  [128, mebibyte / 2],
  [800, mebibyte / 2],
])("the first pieces of %i tasks take half of the budget, with 0.5 to 2 MiB each", (tasks, bytes) => {
  const budget = budgetOf(128 * mebibyte, 0);
  expect(budget.pieceBytes).toBe(2 * mebibyte);
  const shares = Array.from({ length: tasks }, () => budget.join());
  expect(budget.pieceBytes).toBe(bytes);
  expect(shares[0]?.room()).toMatchObject({ bytes });
});

test("a task that holds half a piece is given room for the next, and waits with more", () => {
  const budget = budgetOf(128 * mebibyte, 512 * 1024);
  const share = budget.join();
  share.fill(share.room() as Room, mebibyte);
  const next = share.room();
  expect(next).not.toBeInstanceOf(Promise);
  share.fill(next as Room, mebibyte);
  expect(share.room()).toBeInstanceOf(Promise);
});

test("bytes that come back to the shared rest let others in, in the order in which they came", async () => {
  const budget = budgetOf(100, 10);
  const [busy, second, third] = [budget.join(), budget.join(), budget.join()];
  expect([busy.take(60), second.take(5), third.take(5)]).toEqual([true, true, true]);
  const order: string[] = [];
  const waits = (name: string, share: typeof busy, bytes: number) =>
    Promise.resolve(share.take(bytes)).then((taken) => order.push(`${name} ${taken}`));
  const all = [waits("second", second, 45), waits("third", third, 35), waits("second again", second, 30)];
  // Of the 70 that nobody reserved 10 stay with the busy one and 40 go to the second: the third would need 30.
  busy.give(40);
  await all[0];
  expect([order, budget.bytesHeld]).toEqual([["second true"], 75]);
  second.give(50);
  await Promise.all(all);
  expect(order).toEqual(["second true", "third true", "second again true"]);
  expect(budget.bytesHeld).toBe(90);
});

test("a task that has left takes no room from the others", () => {
  const budget = budgetOf(100, 10);
  const [gone, stays] = [budget.join(), budget.join()];
  expect(gone.take(50)).toBe(true);
  gone.close();
  expect(gone.take(80)).toBe(true);
  expect(budget.bytesHeld).toBe(0);
  expect(stays.take(10)).toBe(true);
  expect(stays.take(90)).toBe(true);
  gone.give(80);
  expect(stays.take(1)).not.toBe(true);
});

/** The rules of a budget as they are said, added up anew each time; who waits is looked at after every change. */
class PlainBudget {
  readonly tasks = new Map<number, number>();
  waiting: { readonly name: number; readonly task: number; readonly bytes: number }[] = [];
  readonly reserved: number;
  readonly bytesMax: number;
  readonly bytesMaxPerTask = 70;

  constructor(bytesMax: number, reserved: number) {
    this.bytesMax = bytesMax;
    this.reserved = reserved;
  }

  take(name: number, task: number, bytes: number): boolean {
    const isBehind = this.waiting.some((each) => each.task === task);
    if (!isBehind && this.#fits(task, bytes)) return true;
    this.waiting.push({ name, task, bytes });
    return false;
  }

  #fits(task: number, bytes: number): boolean {
    const [held, after] = [this.tasks.get(task) ?? 0, (this.tasks.get(task) ?? 0) + bytes];
    const over = [...this.tasks].map(([other, own]) => Math.max(0, (other === task ? after : own) - this.reserved));
    const shared = this.bytesMax - this.tasks.size * this.reserved;
    const hasRoom = after <= this.reserved || over.reduce((sum, each) => sum + each, 0) <= shared;
    if (held > 0 && (after > this.bytesMaxPerTask || !hasRoom)) return false;
    this.tasks.set(task, after);
    return true;
  }

  /** Who is let in now. */
  admitted(): number[] {
    const [names, blocked] = [[] as number[], new Set<number>()];
    this.waiting = this.waiting.filter(({ name, task, bytes }) => {
      if (!blocked.has(task) && this.#fits(task, bytes)) return !names.push(name);
      blocked.add(task);
      return true;
    });
    return names;
  }
}

test("whatever is taken, given back and turned away, the same are let in, in the same order, as by plain addition", async () => {
  const step = fc.record({
    kind: fc.constantFrom("take", "take", "give", "give", "turnAway"),
    task: fc.nat(2),
    bytes: fc.nat(80),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 40 }),
      fc.nat(40),
      fc.nat(60),
      async (steps, reserved, spare) => {
        const plain = new PlainBudget(3 * reserved + spare, reserved);
        const options = { bytesMax: 3 * reserved + spare, reservedBytesPerTask: reserved, bytesMaxPerTask: 70 };
        const budget = new BufferBudget(options);
        const shares = Array.from({ length: 3 }, () => budget.join());
        for (let task = 0; task < 3; task++) plain.tasks.set(task, 0);
        const [letIn, expected]: [number[], number[]] = [[], []];
        for (const [name, { kind, task, bytes }] of steps.entries()) {
          const held = plain.tasks.get(task) ?? 0;
          if (kind === "take") {
            const taking = shares[task]!.take(bytes);
            expect(taking === true).toBe(plain.take(name, task, bytes));
            if (taking !== true) void taking.then((taken) => taken && letIn.push(name));
          } else if (kind === "give") {
            shares[task]!.give(Math.min(bytes, held));
            plain.tasks.set(task, held - Math.min(bytes, held));
          } else {
            shares[task]!.turnAway();
            plain.waiting = plain.waiting.filter((each) => each.task !== task);
          }
          expected.push(...plain.admitted());
          await Promise.resolve().then(() => undefined);
          expect(letIn).toEqual(expected);
          expect(budget.bytesHeld).toBe([...plain.tasks.values()].reduce((sum, each) => sum + each, 0));
          expect(budget.waitingCount).toBe(plain.waiting.length);
        }
        for (const share of shares) share.close();
        expect(budget.waitingCount).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});
