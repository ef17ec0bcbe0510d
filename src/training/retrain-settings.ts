/** What makes a model be trained again without anybody asking. */
export type RetrainTrigger =
  | { readonly kind: "drift" | "performance" | "estimate" | "quality" }
  /** An alert of somebody else, told over HTTP. */
  | { readonly kind: "webhook" }
  /** So much event time after the version in service was put there. */
  | { readonly kind: "age"; readonly ageMs: number }
  /** So many labels since the last training. */
  | { readonly kind: "labels"; readonly count: number }
  /** Five fields of cron, in UTC. */
  | { readonly kind: "schedule"; readonly cron: string };

/** When a model is trained again, and what holds that back. Durations are event time. */
export interface RetrainSettings {
  readonly on: readonly RetrainTrigger[];
  /** `warm` goes on from the version in service. */
  readonly mode: "full" | "warm";
  /** So many of the newest rows are learned from. */
  readonly rows: number;
  /** After a request, none is made for so long. */
  readonly cooldownMs: number;
  /** Requests a day, at most. */
  readonly perDay: number;
  /** Labels since the last training without which none is asked for. */
  readonly labelsMin: number;
  /** After so many rejections in a row within one incident nothing but age asks again. */
  readonly breaker: number;
  /** A version that passed the gate waits for a person. */
  readonly approve: boolean;
}

/** What a version that passed the gate goes through before it serves: scoring beside the champion, both bounds reached. */
export interface RolloutSettings {
  readonly shadow: { readonly forMs: number; readonly recordsMin: number };
}
