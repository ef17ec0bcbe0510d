import { BackOff, type Clock, type Offset } from "../kernel/index.ts";

const pauses = { firstMs: 1_000, lastMs: 60_000 };

/**
 * Promotions that something is still to follow from: of one model one at a time and in their order, and a model whose turn
 * fails holds up no other. Their offsets are held until it is done, so that whoever comes after a crash does it.
 */
export class PromotionsDue {
  readonly #follow: (model: string, signal: AbortSignal) => Promise<void>;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #due = new Set<Offset>();
  #cut = new AbortController();
  /** What is done last, by model. */
  readonly #last = new Map<string, Promise<void>>();

  /** @param follow says itself what went wrong; where it rejects it is tried again */
  constructor(follow: (model: string, signal: AbortSignal) => Promise<void>, clock: Pick<Clock, "sleep">) {
    this.#follow = follow;
    this.#clock = clock;
  }

  take(model: string, offset: Offset): void {
    const { signal } = this.#cut;
    this.#due.add(offset);
    const before = this.#last.get(model) ?? Promise.resolve();
    this.#last.set(
      model,
      before.then(() => this.#done(model, offset, signal)),
    );
  }

  async #done(model: string, offset: Offset, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(pauses);
    while (!signal.aborted) {
      try {
        await this.#follow(model, signal);
        if (!signal.aborted) this.#due.delete(offset);
        return;
      } catch {
        await this.#clock.sleep(backOff.next(), signal).catch(() => undefined);
      }
    }
  }

  /** Where the events stand that are not done with. */
  get offsets(): readonly Offset[] {
    return [...this.#due];
  }

  /** Gives up what is due: it is for who comes next. */
  async release(): Promise<void> {
    this.#cut.abort(new Error("the trainer gives its partition up"));
    await Promise.all(this.#last.values());
    this.#last.clear();
    this.#due.clear();
    this.#cut = new AbortController();
  }
}
