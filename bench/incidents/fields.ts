/** The fields of the second set, and what can befall their values. */
import type { Rng } from "../../src/kernel/index.ts";
import type { MonitoredField, MonitoredValue } from "../../src/monitor/index.ts";
import { between, signed } from "./planted.ts";

/** What a value becomes. */
export type Effect = (value: MonitoredValue, source: Rng) => MonitoredValue;

export interface PlantedField extends MonitoredField {
  /** A value of an hour as any other of the hour. @param hour since the epoch */
  draw(source: Rng, hour: number): MonitoredValue;
  /** Each makes one of its own size. */
  readonly effects: readonly ((rng: Rng) => Effect)[];
}

/** The hours of a day in which the fields with a season are otherwise. */
export const night = { from: 1, to: 5 };

function isNight(hour: number): boolean {
  const at = hour % 24;
  return at >= night.from && at < night.to;
}

function onNumbers(change: (value: number, source: Rng) => number): Effect {
  return (value, source) => (typeof value === "number" ? change(value, source) : value);
}

/** Of this share of the rows. */
export function some(share: number, effect: Effect): Effect {
  return (value, source) => (source.uniform() < share ? effect(value, source) : value);
}

export function becomes(to: MonitoredValue): Effect {
  return () => to;
}

/** From 0.2 to 1.5 standard deviations to either side. */
function shiftOf(deviation: number): (rng: Rng) => Effect {
  return (rng) => {
    const by = signed(rng, deviation * between(rng, 0.2, 1.5));
    return onNumbers((value) => value + by);
  };
}

/** Up to 2.2 times as far from the middle, or so much nearer to it. */
function spreadAbout(middle: number): (rng: Rng) => Effect {
  return (rng) => {
    const wider = between(rng, 1.3, 2.2);
    const by = rng.uniform() < 0.5 ? wider : 1 / wider;
    return onNumbers((value) => middle + (value - middle) * by);
  };
}

/** A share of the rows, from 5 to 50 %, has the one value. */
function stuckAt(to: MonitoredValue): (rng: Rng) => Effect {
  return (rng) => some(between(rng, 0.05, 0.5), (value) => (value === null ? null : to));
}

/** From 10 to 60 % of the rows with the one text have the other. */
function swapOf(from: string, to: string): (rng: Rng) => Effect {
  return (rng) => some(between(rng, 0.1, 0.6), (value) => (value === from ? to : value));
}

function poisson(source: Rng, mean: number): number {
  const end = Math.exp(-mean);
  let count = 0;
  for (let left = source.uniform(); left > end; left *= source.uniform()) count++;
  return count;
}

/** The text whose turn a number in [0, 1) is. @param weights adding up to 1 */
function pick(texts: readonly string[], weights: readonly number[], at: number): string {
  let left = at;
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return texts[i] ?? "";
  }
  return texts.at(-1) ?? "";
}

/** Ten frequent countries, each two thirds as frequent as the one before, and eight that one row in 500 has each. */
const countries = [
  "DE",
  "FR",
  "IT",
  "ES",
  "PL",
  "NL",
  "BE",
  "AT",
  "CZ",
  "PT",
  "MT",
  "CY",
  "LU",
  "IS",
  "LI",
  "AD",
  "MC",
  "SM",
];
const rare = { count: 8, share: 0.002 };
const countryWeights = countries.map((_, i) => {
  const frequent = countries.length - rare.count;
  if (i >= frequent) return rare.share;
  return ((1 - rare.count * rare.share) * (2 / 3) ** i) / (3 * (1 - (2 / 3) ** frequent));
});
const channels = ["web", "app", "phone", "batch"];
const channelWeights = { day: [0.5, 0.3, 0.15, 0.05], night: [0.25, 0.2, 0.1, 0.45] };

/** Those that the stage's input has too come first. */
export const plantedFields: readonly PlantedField[] = [
  {
    name: "amount",
    kind: "numbers",
    isSensitive: false,
    draw: (source) => Math.exp(3.2 + 0.8 * source.normal()),
    effects: [
      (rng) => {
        const by = Math.exp(signed(rng, 0.8 * between(rng, 0.2, 1.5)));
        return onNumbers((value) => value * by);
      },
      // Some writers count in cents.
      (rng) =>
        some(
          between(rng, 0.05, 0.5),
          onNumbers((value) => value * 100),
        ),
      (rng) => {
        const power = between(rng, 1.3, 2);
        return onNumbers((value) => Math.exp(3.2 + (Math.log(value) - 3.2) * power));
      },
    ],
  },
  {
    // Student's t with three degrees of freedom.
    name: "delay",
    kind: "numbers",
    isSensitive: false,
    draw: (source) => {
      const chi2 = source.normal() ** 2 + source.normal() ** 2 + source.normal() ** 2;
      return 40 + (12 * source.normal()) / Math.sqrt(chi2 / 3);
    },
    effects: [shiftOf(12), spreadAbout(40), stuckAt(0)],
  },
  {
    name: "country",
    kind: "categories",
    isSensitive: false,
    draw: (source) => pick(countries, countryWeights, source.uniform()),
    effects: [swapOf("DE", "IT"), swapOf("FR", "LU"), stuckAt("XX")],
  },
  {
    name: "items",
    kind: "numbers",
    isSensitive: false,
    draw: (source) => 1 + poisson(source, 2.4),
    effects: [
      (rng) => {
        const more = between(rng, 0.3, 2);
        return onNumbers((value, source) => value + poisson(source, more));
      },
      stuckAt(1),
    ],
  },
  {
    // Six of a hundred rows have none.
    name: "age",
    kind: "numbers",
    isSensitive: false,
    draw: (source) => (source.uniform() < 0.06 ? null : 18 + 30 * (source.uniform() + source.uniform())),
    effects: [shiftOf(12.2), spreadAbout(48)],
  },
  {
    name: "load",
    kind: "numbers",
    isSensitive: false,
    draw: (source, hour) => source.normal() + (isNight(hour) ? 1.2 : 0),
    effects: [shiftOf(1), spreadAbout(0)],
  },
  {
    name: "channel",
    kind: "categories",
    isSensitive: false,
    draw: (source, hour) => pick(channels, channelWeights[isNight(hour) ? "night" : "day"], source.uniform()),
    effects: [swapOf("web", "phone"), stuckAt("kiosk")],
  },
];
export const inputFields = plantedFields.slice(0, 5);
/** Index of the first field with a season. */
export const seasonalFrom = 5;
