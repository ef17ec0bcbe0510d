/** Copying may take this share of the process's time, over time. */
const shareMax = 0.04;

/**
 * Lets one task of the process at a time copy its stores, and keeps what that costs a small share of its time: whoever was
 * long at it makes the next one wait for long.
 */
export class SnapshotTurns {
  #isTaken = false;
  #freeFromMs = Number.NEGATIVE_INFINITY;

  /** True when the turn is the caller's until `giveBack`. @param nowMs monotonic */
  take(nowMs: number): boolean {
    if (this.#isTaken || nowMs < this.#freeFromMs) return false;
    this.#isTaken = true;
    return true;
  }

  /** @param spentMs how long the process did nothing else */
  giveBack(nowMs: number, spentMs: number): void {
    this.#isTaken = false;
    this.#freeFromMs = nowMs + spentMs / shareMax;
  }
}
