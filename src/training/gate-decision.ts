/** What one check of the gate came to. */
export interface GateCheck {
  readonly name: "recent" | "before" | "slice" | "latency" | "size";
  /** A check that could not be made is skipped, and its text says why; only one that failed stops a challenger. */
  readonly outcome: "passed" | "failed" | "skipped";
  /** One sentence for people. No value of a field that is marked sensitive stands in it. */
  readonly text: string;
  /** What the check measured; finite numbers only. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** Whether a challenger may take the champion's place, and by what that was decided. */
export interface GateDecision {
  /** `undecided`: there is too little to go by; nothing was found against the challenger, and nothing for it. */
  readonly kind: "accepted" | "rejected" | "undecided";
  readonly reason: string;
  readonly checks: readonly GateCheck[];
}
