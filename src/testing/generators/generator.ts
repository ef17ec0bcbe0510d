import type { EpochMs } from "../../kernel/index.ts";

/** An event that a stock generator makes, ready to be sent. */
export interface SampleEvent {
  /** Topic by its name in the file; always an external one. */
  readonly topic: string;
  readonly key: string;
  /** The value's text; JSON, or what is left of it when `kind` says broken. */
  readonly value: string;
  /** Event time. */
  readonly atMs: EpochMs;
  /** What the generator made on purpose, for tests that keep its list: a word of the generator's own. */
  readonly kind: string;
}

/** A seeded stream of events without end: same seed, start and rate, same events, in event-time order. */
export interface SampleGenerator {
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** Topics it feeds; a topology that names the generator must have them, external. */
  readonly topics: readonly string[];
  events(options: SampleOptions): Generator<SampleEvent, never>;
}

export interface SampleOptions {
  readonly seed: number;
  /** Event time of the first event. */
  readonly startMs: EpochMs;
  /** Events per second of event time, above 0. */
  readonly perSecond: number;
}
