import { describe, expect, test } from "vitest";
import type { ArtefactFiles, ArtefactStore } from "../../src/model/index.ts";

const { signal } = new AbortController();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const files: ArtefactFiles = new Map([
  ["SHA256SUMS", text("sums")],
  ["weights.json", text("{}")],
]);
const unchecked = async (): Promise<void> => undefined;
const textsOf = (read: ArtefactFiles | undefined) =>
  [...(read ?? [])].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]).sort();

/** What every store of model versions promises. `open` answers one that is empty. */
export function artefactStoreContract(name: string, open: () => ArtefactStore): void {
  describe(`${name} as a store of model versions`, () => {
    test("numbers versions from 1 and reads back the bytes", async () => {
      const store = open();
      expect(await store.versions("card-fraud", signal)).toEqual([]);
      expect(await store.write("card-fraud", files, unchecked, signal)).toBe(1);
      expect(await store.write("card-fraud", files, unchecked, signal)).toBe(2);
      expect(await store.versions("card-fraud", signal)).toEqual([1, 2]);
      expect(textsOf(await store.read("card-fraud", 2, signal))).toEqual([
        ["SHA256SUMS", "sums"],
        ["weights.json", "{}"],
      ]);
      expect(await store.read("card-fraud", 3, signal)).toBeUndefined();
      expect(await store.read("other", 1, signal)).toBeUndefined();
    });

    test("a version that is removed is not there, and the others keep their numbers", async () => {
      const store = open();
      for (let i = 0; i < 3; i++) await store.write("m", files, unchecked, signal);
      await store.remove("m", 2, signal);
      await store.remove("m", 2, signal);
      expect(await store.versions("m", signal)).toEqual([1, 3]);
      expect(await store.read("m", 2, signal)).toBeUndefined();
      expect(textsOf(await store.read("m", 3, signal))).toEqual(textsOf(files));
      expect(await store.write("m", files, unchecked, signal)).toBe(4);
    });

    test("gives each of many writers at once a number of its own", async () => {
      const store = open();
      const taken = await Promise.all(Array.from({ length: 8 }, () => store.write("m", files, unchecked, signal)));
      expect([...taken].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    test("shows the check what it has written, under no number yet", async () => {
      const store = open();
      const seen: unknown[] = [];
      const check = async (readBack: ArtefactFiles): Promise<void> => {
        seen.push(textsOf(readBack), await store.versions("m", signal));
      };
      expect(await store.write("m", files, check, signal)).toBe(1);
      expect(seen).toEqual([textsOf(files), []]);
    });

    test("a version that its check refuses is not there, and its number is not used up", async () => {
      const store = open();
      const refused = store.write("m", files, () => Promise.reject(new RangeError("no score")), signal);
      await expect(refused).rejects.toThrow("no score");
      expect(await store.versions("m", signal)).toEqual([]);
      expect(await store.write("m", files, unchecked, signal)).toBe(1);
    });

    test("a write that is stopped leaves no version", async () => {
      const store = open();
      const stop = new AbortController();
      const stopped = store.write("m", files, async () => stop.abort(new Error("stopped")), stop.signal);
      await expect(stopped).rejects.toThrow("stopped");
      expect(await store.versions("m", signal)).toEqual([]);
    });

    test("prepares as often as it is asked to, and changes nothing", async () => {
      const store = open();
      await store.prepare("m", signal);
      await store.write("m", files, unchecked, signal);
      await store.prepare("m", signal);
      expect(await store.versions("m", signal)).toEqual([1]);
    });

    test("refuses names that are none", async () => {
      const store = open();
      await expect(store.prepare("../m", signal)).rejects.toMatchObject({ code: "MR_MODEL" });
      await expect(store.write("../m", files, unchecked, signal)).rejects.toMatchObject({ code: "MR_MODEL" });
      await expect(store.write("m", new Map([["../x", text("")]]), unchecked, signal)).rejects.toThrow(
        "is no file name",
      );
    });
  });
}
