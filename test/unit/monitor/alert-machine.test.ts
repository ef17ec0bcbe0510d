import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AlertState,
  defaultRules,
  type Evaluation,
  newAlert,
  nextAlert,
} from "../../../src/monitor/alert-machine.ts";

const hourMs = 3_600_000;

/** One letter per window: d drift, o well below, h below the threshold and not clear of it, i insufficient, n no data, s suppressed. */
function windowOf(letter: string, i: number): Evaluation {
  const kinds = { d: "drift", o: "ok", h: "ok", i: "insufficient", n: "no-data", s: "suppressed" } as const;
  const ratio = { d: 1.5, o: 0.1, h: 0.9 }[letter] ?? Number.NaN;
  return { atMs: (i + 1) * hourMs, kind: kinds[letter as keyof typeof kinds], ratio };
}

/** The first letter of the phase behind each window, and a capital where something happened. */
function life(letters: string, rules = defaultRules): string {
  let state: AlertState = newAlert;
  return [...letters]
    .map((letter, i) => {
      const step = nextAlert(state, windowOf(letter, i), rules);
      state = step.state;
      const short = {
        learning: "l",
        ok: "o",
        suspect: "s",
        firing: "f",
        recovering: "r",
        insufficient: "i",
        "no-data": "n",
      };
      if (step.event === "quiet") return "q";
      const phase = short[state.phase];
      return step.event === undefined ? phase : phase.toUpperCase();
    })
    .join("");
}

describe("an alert", () => {
  test("learns until the first window that says something", () => {
    expect(life("sss")).toBe("lll");
    expect(life("iio")).toBe("iio");
  });

  test("fires at the third of five, wherever they lie among them, and not at two", () => {
    expect(life("ddd")).toBe("ssF");
    expect(life("dodod")).toBe("ssssF");
    expect(life("ddoood")).toBe("ssssss");
    expect(life("doooo" + "o")).toBe("ssssso");
  });

  test("fires once, however long it lasts", () => {
    expect(life("dddddd")).toBe("ssFfff");
  });

  test("ends after three windows in a row that are clear of the threshold, and a near one begins them anew", () => {
    expect(life("dddooo")).toBe("ssFrrO");
    expect(life("dddoohooo")).toBe("ssFrrrrrO");
    expect(life("dddoodooo")).toBe("ssFrrfrrO");
  });

  test("a window clear of the threshold is one below 0.8 of it, not at it", () => {
    const state: AlertState = { ...newAlert, phase: "recovering", behind: "recovering", clear: 2 };
    const at = (ratio: number) => nextAlert(state, { atMs: 0, kind: "ok", ratio }, defaultRules).event;
    expect([at(0.8), at(0.799_999)]).toEqual([undefined, "resolved"]);
  });

  test("that comes again within the cool-down is quiet, and behind it fires again", () => {
    const rules = { ...defaultRules, cooldownMs: 4 * hourMs };
    expect(life("dddoooddd", rules)).toBe("ssFrrOssq");
    expect(life("dddoooodddd", rules)).toBe("ssFrrOossFf");
    // The end of the alert is at 6 h: the first is 3 h behind it, the other 4 h.
  });

  test("of which nothing can be said for a while goes on where it was, also while it fires", () => {
    expect(life("ddidd")).toBe("ssiFf");
    expect(life("dddinooo")).toBe("ssFinrrO");
    expect(life("dddoiioo")).toBe("ssFriirO");
  });

  test("a suppressed window counts for nothing", () => {
    expect(life("ddsd")).toBe("sssF");
    expect(life("dddosoo")).toBe("ssFrrrO");
  });
});

test("whatever comes: fired and resolved take turns, and nothing begins without a window of drift", () => {
  const letters = fc.stringMatching(/^[dohins]{0,60}$/);
  fc.assert(
    fc.property(letters, (windows) => {
      let state: AlertState = newAlert;
      let isOpen = false;
      for (const [i, letter] of [...windows].entries()) {
        const { state: next, event } = nextAlert(state, windowOf(letter, i), defaultRules);
        if (event === "fired" || event === "quiet") {
          expect([isOpen, letter]).toEqual([false, "d"]);
          isOpen = true;
        }
        if (event === "resolved") {
          expect([isOpen, letter]).toEqual([true, "o"]);
          isOpen = false;
        }
        expect(next.recent.length).toBeLessThanOrEqual(defaultRules.fire.of);
        expect(["firing", "recovering"].includes(next.behind)).toBe(isOpen);
        state = next;
      }
    }),
  );
});
