/** What the parent tells a contestant, and what it answers; JSON in both directions. */

import type { ChainVariant } from "./bench-plan.ts";

export const contestantNames = ["millrace", "loop", "consume", "produce", "codec"] as const;
export type ContestantName = (typeof contestantNames)[number];

export interface Job {
  readonly bootstrap: string;
  /** Folder of this run: `registry` and `models` are in it. */
  readonly folder: string;
  readonly inputTopic: string;
  readonly outputTopic: string;
  readonly group: string;
  /** Records in the input topic: the contestant ends when it has done them all. */
  readonly records: number;
}

/** What a process that runs a variant of the stage is told. */
export interface VariantJob {
  readonly bootstrap: string;
  readonly folder: string;
  readonly variant: ChainVariant;
  readonly records: number;
}

/** Processor time of the whole process, all its threads, between two moments, and the records done in between. */
export interface WindowResult {
  readonly records: number;
  readonly cpuMicros: number;
  readonly wallMicros: number;
  /** Monotonic clock in µs, as the profiler's. */
  readonly fromMicros: number;
  readonly toMicros: number;
}

export interface JobResult {
  /** Input records done, and what became of them. */
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly deadLetters: number;
  readonly window: WindowResult;
  /** Chunks that were committed, where it has chunks. */
  readonly commits?: number;
  readonly rssPeakBytes: number;
}
