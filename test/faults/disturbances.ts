import type { Rng } from "../../src/kernel/index.ts";

/**
 * What is done to the chain or its cluster.
 *
 * - `kill`: a worker dies and is started again in its place.
 * - `kill-in-commit`: the same between its offsets and the end of its commit.
 * - `freeze`: a worker does nothing until its groups have taken it for dead, and goes on as if nothing had been.
 * - `cut`: every connection of a worker is cut.
 * - `lose-answer`: a worker's commit arrives, its answer does not.
 * - `move`: a leader of every topic moves, those of the cluster's own topics too.
 * - `broker-kill`, `broker-freeze`: a broker dies, or does nothing for some seconds, and comes back.
 * - `rescale`: a worker leaves by itself, and comes back later.
 */
export const disturbanceKinds = [
  "kill",
  "kill-in-commit",
  "freeze",
  "cut",
  "lose-answer",
  "move",
  "broker-kill",
  "broker-freeze",
  "rescale",
] as const;
export type DisturbanceKind = (typeof disturbanceKinds)[number];

export interface Disturbance {
  readonly kind: DisturbanceKind;
  /** Which worker or broker, uniform in [0, 1). */
  readonly whom: number;
  /** How long nothing is disturbed after it. */
  readonly pauseMs: number;
}

/** For every kill, how often the others happen: with 200 kills 60 moves, and 10 each of what is rare. */
const perKill: Readonly<Record<Exclude<DisturbanceKind, "kill" | "kill-in-commit">, number>> = {
  freeze: 0.05,
  cut: 0.1,
  "lose-answer": 0.1,
  move: 0.3,
  "broker-kill": 0.05,
  "broker-freeze": 0.05,
  rescale: 0.05,
};

/** A third of the kills are in the middle of a commit; the order and the pauses come from the seed alone. */
export function planDisturbances(rng: Rng, kills: number): Disturbance[] {
  const inCommit = Math.floor(kills / 3);
  const kinds: DisturbanceKind[] = [
    ...repeat("kill", kills - inCommit),
    ...repeat("kill-in-commit", inCommit),
    ...Object.entries(perKill).flatMap(([kind, share]) => repeat(kind as DisturbanceKind, Math.round(kills * share))),
  ];
  for (let i = kinds.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [kinds[i], kinds[j]] = [kinds[j] as DisturbanceKind, kinds[i] as DisturbanceKind];
  }
  return kinds.map((kind) => ({ kind, whom: rng.uniform(), pauseMs: 200 + rng.below(1_300) }));
}

function repeat(kind: DisturbanceKind, count: number): DisturbanceKind[] {
  return Array.from({ length: count }, () => kind);
}
