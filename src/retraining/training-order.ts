import type { GateCheck, RetrainCause, RetrainSettings } from "../training/index.ts";

/** What is to be trained, and why. */
export interface TrainingOrder {
  readonly model: string;
  readonly request: string;
  readonly cause: RetrainCause;
  readonly incident: string | undefined;
  /** The version in service. */
  readonly champion: number | undefined;
  /** So many of the newest rows; all when left out. */
  readonly rows: number | undefined;
  readonly mode: RetrainSettings["mode"];
}

/** What a training came to. A version that was not accepted is written nowhere. */
export interface TrainingEnd {
  readonly kind: "accepted" | "rejected" | "undecided";
  readonly reason: string;
  readonly version: number | undefined;
  readonly checks: readonly GateCheck[];
}
