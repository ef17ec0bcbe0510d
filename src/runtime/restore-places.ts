import type { Clock, Facts } from "../kernel/index.ts";
import type { TaskId } from "./port.ts";

/** A restore that has got nothing for so long is said to stand still. */
const saidAfterMs = 10_000;
/** And after so long it lets another one read in its place. */
const givenUpAfterMs = 60_000;

/** The places of those that read at once: each holds what it has fetched. */
export class RestorePlaces {
  readonly #placesMax: number;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #taken = new Set<RestorePlace>();
  readonly #waiting: (() => void)[] = [];
  #readers = 0;

  constructor(placesMax: number, clock: Clock, facts: Facts) {
    this.#placesMax = placesMax;
    this.#clock = clock;
    this.#facts = facts;
  }

  /** Resolves when there is a place for the task. @throws the signal's reason */
  async take(task: TaskId, signal: AbortSignal): Promise<RestorePlace> {
    await this.#turn(signal);
    const place = new RestorePlace(task, this.#clock, this.#facts, {
      leave: () => this.#free(),
      back: () => this.#turn(signal),
      end: () => void this.#taken.delete(place),
    });
    this.#taken.add(place);
    return place;
  }

  /** Looks who stands still. @param nowMs monotonic */
  tick(nowMs: number): void {
    for (const place of this.#taken) place.tick(nowMs);
  }

  #free(): void {
    this.#readers--;
    this.#waiting.shift()?.();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#readers < this.#placesMax) {
      this.#readers++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const cut = (): void => {
        const index = this.#waiting.indexOf(taken);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal.reason);
      };
      const taken = (): void => {
        signal.removeEventListener("abort", cut);
        this.#readers++;
        resolve();
      };
      this.#waiting.push(taken);
      signal.addEventListener("abort", cut, { once: true });
    });
  }
}

/**
 * A place of one task. Whoever has it says each time that it got on; one that waits too long, such as for a partition
 * without a leader, loses it meanwhile.
 */
export class RestorePlace {
  readonly #task: TaskId;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #places: { leave(): void; back(): Promise<void>; end(): void };
  #movedMs: number;
  #isSaid = false;
  #isLeft = false;
  /** What is waited for, for whoever is told. */
  waitsFor = "";

  constructor(task: TaskId, clock: Clock, facts: Facts, places: { leave(): void; back(): Promise<void>; end(): void }) {
    this.#task = task;
    this.#clock = clock;
    this.#facts = facts;
    this.#places = places;
    this.#movedMs = clock.monotonicMs();
  }

  tick(nowMs: number): void {
    const waitedMs = nowMs - this.#movedMs;
    if (waitedMs >= saidAfterMs && !this.#isSaid) {
      this.#isSaid = true;
      const waitedSeconds = Math.floor(waitedMs / 1_000);
      this.#facts.emit("restoreStalled", { task: this.#task, waitsFor: this.waitsFor, waitedSeconds });
    }
    if (waitedMs >= givenUpAfterMs && !this.#isLeft) {
      this.#isLeft = true;
      this.#places.leave();
    }
  }

  /** Something came; resolves at once, or when there is a place again. @throws the signal's reason */
  moved(): Promise<void> | undefined {
    this.#movedMs = this.#clock.monotonicMs();
    this.#isSaid = false;
    return this.#isLeft ? this.#back() : undefined;
  }

  /** Gives it to the next. */
  end(): void {
    this.#places.end();
    if (!this.#isLeft) this.#places.leave();
    this.#isLeft = true;
  }

  async #back(): Promise<void> {
    await this.#places.back();
    this.#isLeft = false;
    this.#movedMs = this.#clock.monotonicMs();
  }
}
