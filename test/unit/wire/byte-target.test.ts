import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteTarget } from "../../../src/wire/byte-target.ts";

const memoryBytes = 700;

test("runs are copied as they stand, out of whichever views of whichever memory, though these change in between", () => {
  const memories = [1, 2, 3].map((salt) =>
    Uint8Array.from({ length: memoryBytes }, (_, i) => (i * 31 + salt * 7) % 251),
  );
  // Few lengths and starts, so that the same view comes again, beside others of its memory.
  const run = fc.record({
    memory: fc.nat(memories.length - 1),
    start: fc.constantFrom(0, 1, 8),
    isSameView: fc.boolean(),
    from: fc.constantFrom(0, 3),
    length: fc.constantFrom(0, 5, 16, 17, 40, 255, 256, 257, 300),
    released: fc.integer({ min: 0, max: 9 }),
    changed: fc.nat(memoryBytes - 1),
  });
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 40 }), (runs) => {
      const target = new ByteTarget();
      target.grow(20_000, 0);
      const views = new Map<string, Uint8Array>();
      let at = 0;
      let expected: number[] = [];
      for (const { memory, start, isSameView, from, length, released, changed } of runs) {
        const own = memories[memory]!;
        own[changed] = (own[changed]! + 1) % 251;
        const key = `${memory}/${start}`;
        const view = (isSameView ? views.get(key) : undefined) ?? own.subarray(start, start + 400);
        views.set(key, view);
        at = target.copy(view, from, from + length, at);
        expected.push(...own.subarray(start + from, start + from + length));
        expect([...target.bytes.subarray(0, at)]).toEqual(expected);
        if (released > 0) continue;
        target.release();
        target.grow(20_000, 0);
        at = 0;
        expected = [];
      }
    }),
  );
});
