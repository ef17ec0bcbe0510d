/** Lets one loop wait until somebody has something for it. A call of `wake` is never lost. */
export class Wake {
  #isDue = false;
  #go: (() => void) | undefined;

  wake(): void {
    this.#isDue = true;
    this.#go?.();
  }

  /** Resolves at the next `wake`, or at once when there was one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#isDue)
      await new Promise<void>((resolve) => {
        this.#go = resolve;
      });
    this.#go = undefined;
    this.#isDue = false;
  }
}
