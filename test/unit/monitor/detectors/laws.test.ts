import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectorCatalogue } from "../../../../src/monitor/detectors/catalogue.ts";
import type { Detector, DetectorDefinition } from "../../../../src/monitor/detectors/detector.ts";

const definitions = Object.entries(detectorCatalogue) as unknown as [string, DetectorDefinition<unknown>][];

/** Up to four stretches, each with a level of its own, long enough that every detector has something to say. */
function values(of: "zero-or-one" | "any"): fc.Arbitrary<number[]> {
  const number =
    of === "any" ? fc.double({ min: -1, max: 1, noNaN: true }) : fc.double({ min: 0, max: 1, noNaN: true });
  const stretch = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.array(number, { minLength: 50, maxLength: 300 }));
  return fc
    .array(stretch, { minLength: 1, maxLength: 4 })
    .map((stretches) =>
      stretches.flatMap(([level, numbers]) =>
        numbers.map((x) => (of === "any" ? x + 3 * level : x * 10 < level ? 1 : 0)),
      ),
    );
}

const signals = (detector: Detector, of: readonly number[]): string[] => of.map((value) => detector.add(value));

for (const [name, definition] of definitions) {
  const configs = [{}, definition.example].map((config) => definition.config.parse(config));

  describe(name, () => {
    test("is listed under its kind, and refuses what its config does not know", () => {
      expect(definition.kind).toBe(name);
      expect(definition.config.safeParse({ unknown: 1 }).success).toBe(false);
      expect(configs[0]).not.toEqual(configs[1]);
    });

    test("takes one bound for warning and drift, and none in the wrong order", () => {
      const { warning, drift, ...rest } = configs[0] as { readonly warning?: number; readonly drift?: number };
      if (warning === undefined || drift === undefined) return;
      const accepts = (given: object): boolean => definition.config.safeParse({ ...rest, ...given }).success;
      expect([accepts({ warning, drift }), accepts({ warning: drift, drift })]).toEqual([true, true]);
      expect(accepts({ warning: drift, drift: warning })).toBe(false);
    });

    test("goes on from what it saved as if nothing had happened", () => {
      fc.assert(
        fc.property(values(definition.values), fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
          for (const config of configs) {
            const straight = signals(definition.create(config), all);
            const cut = Math.floor(share * all.length);
            const before = definition.create(config);
            const first = signals(before, all.slice(0, cut));
            const saved = before.save();
            expect(saved.some((x) => Number.isNaN(x))).toBe(false);
            const after = definition.create(config, saved);
            expect([...first, ...signals(after, all.slice(cut))]).toEqual(straight);
          }
        }),
        { numRuns: 20 },
      );
    });

    test("begins anew with the value behind a drift", () => {
      fc.assert(
        fc.property(values(definition.values), (all) => {
          for (const config of configs) {
            const detector = definition.create(config);
            const at = all.findIndex((value) => detector.add(value) === "drift");
            if (at < 0) continue;
            expect(detector.save()).toEqual(definition.create(config).save());
          }
        }),
        { numRuns: 20 },
      );
    });

    test("is steady while nothing changes, and says drift of a change from all of one value to all of another", () => {
      for (const config of configs) {
        const detector = definition.create(config);
        // Errors that come at the same distance, where distances are what is looked at.
        const even = Array.from({ length: 2_000 }, (_, i) =>
          definition.values === "any" ? 0.5 : i % 10 === 9 ? 1 : 0,
        );
        expect(signals(detector, even).filter((signal) => signal === "drift")).toEqual([]);
        const changed = Array.from({ length: 2_000 }, () => (definition.values === "any" ? 50 : 1));
        expect(signals(detector, changed)).toContain("drift");
      }
    });
  });
}

test("kswin compares with at least as many values as are recent", () => {
  const { config } = detectorCatalogue.kswin;
  const accepts = (recentSamples: number): boolean => config.safeParse({ recentSamples, windowSamples: 60 }).success;
  expect([accepts(30), accepts(31)]).toEqual([true, false]);
});
