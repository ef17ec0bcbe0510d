import type { Clock } from "../kernel/index.ts";
import type { StoreCopy } from "../state/index.ts";
import type { Changelog } from "./changelog.ts";
import { SnapshotEncoder, type SnapshotHeader } from "./snapshot-format.ts";
import type { HeldShelf, SnapshotWriting } from "./snapshots.ts";

/** How long a piece may hold up the loop. */
const pieceMsMax = 4;
/** While a task is copied, at least so many times as long goes to other work as to pieces. */
const restShare = 9;

/** One store of a task and what its snapshot begins with. */
export interface StoreToCopy {
  readonly changelog: Changelog;
  readonly header: SnapshotHeader;
}

/** A snapshot that is written and not yet published. */
export interface WrittenSnapshot extends StoreToCopy {
  readonly writing: SnapshotWriting;
  readonly entryCount: number;
  readonly byteCount: number;
}

/**
 * Copies the stores of a task in pieces of a few milliseconds, each taken when its owner says that no chunk is in hand,
 * and writes them down in between. Ends with `written`, or with an error when they cannot be written.
 */
export class SnapshotCopying {
  /** How long the loop was held up, in all. */
  spentMs = 0;
  readonly #stores: readonly StoreToCopy[];
  readonly #shelf: HeldShelf;
  readonly #clock: Clock;
  readonly #written: WrittenSnapshot[] = [];
  #index = -1;
  #copy: StoreCopy | undefined;
  #encoder: SnapshotEncoder | undefined;
  #writing: SnapshotWriting | undefined;
  /** Something is being written, and the next piece waits for it. */
  #isBusy = false;
  #isOver = false;
  #underWay: Promise<void> = Promise.resolve();
  #nextPieceMs = Number.NEGATIVE_INFINITY;
  readonly #done: (written: readonly WrittenSnapshot[]) => void;
  readonly #failed: (error: unknown) => void;

  constructor(
    stores: readonly StoreToCopy[],
    shelf: HeldShelf,
    clock: Clock,
    done: (written: readonly WrittenSnapshot[]) => void,
    failed: (error: unknown) => void,
  ) {
    this.#stores = stores;
    this.#shelf = shelf;
    this.#clock = clock;
    this.#done = done;
    this.#failed = failed;
  }

  /** Takes a piece when it is time for one. Between chunks only. */
  step(): void {
    const beganMs = this.#clock.monotonicMs();
    if (this.#isBusy || this.#isOver || beganMs < this.#nextPieceMs) return;
    if (this.#copy === undefined) this.#beginNext();
    const isMore = this.#piece(beganMs + pieceMsMax);
    const tookMs = this.#clock.monotonicMs() - beganMs;
    this.spentMs += tookMs;
    this.#nextPieceMs = beganMs + tookMs * (1 + restShare);
    this.#underWay = this.#write(isMore);
  }

  /** Leaves nothing of what was not handed over. */
  async cancel(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#discard();
    await this.#underWay;
  }

  async #discard(): Promise<void> {
    await Promise.all([...this.#written, { writing: this.#writing }].map(({ writing }) => writing?.discard()));
  }

  #beginNext(): void {
    const store = this.#stores[++this.#index] as StoreToCopy;
    this.#copy = store.changelog.store.copy();
    this.#encoder = new SnapshotEncoder(store.header);
  }

  /** False when the store is copied. */
  #piece(untilMs: number): boolean {
    const { copy, encoder } = { copy: this.#copy as StoreCopy, encoder: this.#encoder as SnapshotEncoder };
    while (copy.next(encoder)) if (this.#clock.monotonicMs() >= untilMs) return true;
    encoder.end();
    return false;
  }

  async #write(isMore: boolean): Promise<void> {
    this.#isBusy = true;
    try {
      const { changelog, header } = this.#stores[this.#index] as StoreToCopy;
      const encoder = this.#encoder as SnapshotEncoder;
      const writing = this.#writing ?? (await this.#shelf.write(changelog.store.spec.name));
      this.#writing = writing;
      if (this.#isOver) return await writing.discard();
      for (const block of encoder.take()) await writing.append(block);
      if (isMore || this.#isOver) return;
      const { entryCount, byteCount } = encoder;
      this.#written.push({ changelog, header, writing, entryCount, byteCount });
      this.#writing = undefined;
      this.#copy = undefined;
      if (this.#index + 1 < this.#stores.length) return;
      this.#isOver = true;
      this.#done(this.#written);
    } catch (error) {
      if (this.#isOver) return;
      this.#isOver = true;
      await this.#discard().catch(() => undefined);
      this.#failed(error);
    } finally {
      this.#isBusy = false;
    }
  }
}
