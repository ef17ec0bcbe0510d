import { getEventListeners } from "node:events";
import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Line, linesOf } from "../../../src/app/lines.ts";

async function split(chunks: readonly (Buffer | string)[]): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(Readable.from(chunks), new AbortController().signal)) lines.push(line);
  return lines;
}

const textsOf = async (text: string): Promise<string[]> => (await split([Buffer.from(text)])).map((line) => line.text);

test.each<[string, string[]]>([
  ["", []],
  ["a", ["a"]],
  ["a\nb\r\nc\n", ["a", "b", "c"]],
  ["a\n\nb", ["a", "", "b"]],
  ["a\rb\n", ["a\rb"]],
  ["a\r", ["a\r"]],
  // Node 24's own reader ends lines at these as well.
  ["x\u2028y\u2029z\u0085w\n", ["x\u2028y\u2029z\u0085w"]],
  ["\ufeffa\n\ufeffb", ["a", "\ufeffb"]],
])("%j has the lines %j", async (text, lines) => {
  expect(await textsOf(text)).toEqual(lines);
});

test("however the bytes arrive, the lines are the same", async () => {
  const text = fc.array(fc.constantFrom("a", "ö", "\u{1f600}", "\n", "\r\n", "\r", "\u2028"), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), async (parts, sizes) => {
      const bytes = Buffer.from(parts.join(""));
      const chunks: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(await split(chunks)).toEqual(await split([bytes]));
    }),
    { numRuns: 200 },
  );
});

test("bytes that are not UTF-8 are told by their offset in the stream, a byte order mark counted", async () => {
  const latin1 = Buffer.from('{"k":"K\u00f6ln"}', "latin1");
  const bytes = Buffer.concat([Buffer.from("\ufeffok\r\n"), latin1]);
  expect((await split([bytes])).map((line) => line.badAt)).toEqual([undefined, 7 + 7]);
  expect((await split([Buffer.concat([Buffer.from("\ufeff"), latin1])])).map((line) => line.badAt)).toEqual([3 + 7]);
  expect((await split([Buffer.from("\ufffd")])).map((line) => line.badAt)).toEqual([undefined]);
});

test("a stop ends the lines, and the one that was under way is left out", async () => {
  const stop = new AbortController();
  const endless = Readable.from(
    (async function* () {
      yield "a\nb";
      await new Promise(() => undefined);
    })(),
  );
  const seen: string[] = [];
  for await (const line of linesOf(endless, stop.signal)) {
    seen.push(line.text);
    stop.abort();
  }
  expect(seen).toEqual(["a"]);
});

test("a stop ends the wait for what a source does not say", async () => {
  const stop = new AbortController();
  const silent = new Readable({ read: () => undefined });
  const next = linesOf(silent, stop.signal).next();
  stop.abort();
  expect((await next).done).toBe(true);
});

// Each file that was produced under one stop left a listener behind: the eleventh was warned of on standard error.
test("what ends, be it by itself, by its reader or by an error, leaves no listener at the stop", async () => {
  const { signal } = new AbortController();
  const listeners = () => getEventListeners(signal, "abort").length;
  const lines = linesOf(Readable.from(["a\nb"]), signal);
  await lines.next();
  expect(listeners()).toBe(1);
  expect([(await lines.next()).value?.text, (await lines.next()).done]).toEqual(["b", true]);
  expect(listeners()).toBe(0);
  for await (const line of linesOf(Readable.from(["a\nb"]), signal)) if (line.text === "a") break;
  expect(listeners()).toBe(0);
  const broken = new Readable({ read: () => broken.destroy(new Error("the disk is gone")) });
  await expect(linesOf(broken, signal).next()).rejects.toThrow("the disk is gone");
  expect(listeners()).toBe(0);
});
