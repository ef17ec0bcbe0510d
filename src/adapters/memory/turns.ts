/** Resolves in a later turn of the event loop, so that a long run of work lets timers and sockets in. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Runs queued work one piece per turn of the event loop, first come first served: whoever wants more queues
 * again behind the others, so that several stages share the loop fairly.
 */
export class TurnQueue {
  #waiting: (() => void)[] = [];
  #next = 0;
  #isScheduled = false;

  push(work: () => void): void {
    this.#waiting.push(work);
    this.#schedule();
  }

  clear(): void {
    this.#waiting = [];
    this.#next = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#runOne();
    });
  }

  #runOne(): void {
    const work = this.#waiting[this.#next];
    if (work === undefined) return;
    this.#next++;
    if (this.#next === this.#waiting.length) this.clear();
    else this.#schedule();
    work();
  }
}
