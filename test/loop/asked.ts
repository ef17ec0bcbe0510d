import { parseArgs } from "node:util";

/** What may be spoilt in what a run has left before it is judged, to see that the judge says so. */
export const spoils = ["switch-offsets", "versions"] as const;
export type Spoil = (typeof spoils)[number];

/** What the command line asks for. */
export interface Asked {
  /** One run each, one after the other on the same broker; at least one. */
  readonly seeds: readonly number[];
  readonly spoil: Spoil | undefined;
  /** File for what CI counts. */
  readonly report: string | undefined;
}

/** @throws Error with the flag that is wrong, and what it takes */
export function readFlags(args: readonly string[]): Asked {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", multiple: true, default: ["1"] },
      spoil: { type: "string" },
      report: { type: "string" },
    },
  });
  const spoil = spoils.find((name) => name === values.spoil);
  if (values.spoil !== undefined && spoil === undefined)
    throw new Error(`--spoil: one of ${spoils.join(", ")}, not ${values.spoil}`);
  return { seeds: values.seed.map(wholeSeed), spoil, report: values.report };
}

function wholeSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`--seed: a whole number of at least 0, not ${text}`);
  return seed;
}
