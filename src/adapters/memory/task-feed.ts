import {
  type Logger,
  type Offset,
  type OffsetsNext,
  OperationError,
  say,
  topicPartitionKey,
} from "../../kernel/index.ts";
import type { Epoch, OwnedBatch, TaskId } from "../../runtime/index.ts";
import { fetchBatch } from "./fetch.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { TopicStore } from "./store.ts";
import type { TurnQueue } from "./turns.ts";

/** Stored bytes per delivery: small enough that a stage's time slice ends soon, large enough to be cheap. */
const deliveryBytesMax = 262_144;

/** What a feed needs from the membership it belongs to. */
export interface FeedOptions {
  readonly task: TaskId;
  readonly epoch: Epoch;
  /** The task's partition of every input topic. */
  readonly logs: readonly PartitionLog[];
  readonly store: TopicStore;
  readonly turns: TurnQueue;
  readonly logger: Logger;
  deliver(batch: OwnedBatch): Promise<void>;
  /** The feed cannot go on: a corrupt batch, an offset beyond the end, a sink that threw. */
  failed(error: Error): void;
}

/**
 * Brings a task its batches, one in flight at a time: the next is decoded when the sink has taken the last.
 *
 * It delivers while it is started, not paused, not held (a rebalance is on) and not closed. Several input
 * topics take turns.
 */
export class TaskFeed {
  readonly #options: FeedOptions;
  readonly #positions: Offset[];
  readonly #unwatch: (() => void)[];
  #logNext = 0;
  #isStarted = false;
  #isPaused = false;
  #isHeld = false;
  #isInFlight = false;
  #isQueued = false;
  #isClosed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#positions = options.logs.map((log) => log.endOffset);
    this.#unwatch = options.logs.map((log) => log.watch(() => this.#wake()));
  }

  /** Moves to `offsets` and delivers from there, unless paused; inputs that it does not name stay where they are. */
  start(offsets: OffsetsNext): void {
    for (const [index, log] of this.#options.logs.entries()) {
      const offset = offsets.get(topicPartitionKey(log.topic, log.partition));
      if (offset !== undefined) this.#positions[index] = offset;
    }
    this.#isStarted = true;
    this.#wake();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  /** No deliveries while the group rebalances. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    for (const unwatch of this.#unwatch) unwatch();
  }

  get #canDeliver(): boolean {
    return this.#isStarted && !this.#isPaused && !this.#isHeld && !this.#isInFlight && !this.#isClosed;
  }

  #wake(): void {
    if (this.#isQueued || !this.#canDeliver || !this.#hasWork()) return;
    this.#isQueued = true;
    this.#options.turns.push(() => {
      this.#isQueued = false;
      if (this.#canDeliver) void this.#deliverOne();
    });
  }

  /** Also true for a position beyond the end, so that it is found and told. */
  #hasWork(): boolean {
    return this.#options.logs.some((log, index) => this.#positions[index] !== log.endOffset);
  }

  async #deliverOne(): Promise<void> {
    const { task, epoch, deliver, failed } = this.#options;
    try {
      const batch = this.#fetchNext();
      if (batch === undefined) return;
      this.#isInFlight = true;
      await deliver({ task, epoch, batch });
      this.#isInFlight = false;
    } catch (error) {
      if (this.#isClosed) return;
      this.close();
      failed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#wake();
  }

  #tellLoss({ topic, partition, offsetAsked, logStartOffset }: OwnedBatch["batch"]): void {
    if (offsetAsked >= logStartOffset) return;
    say(this.#options.logger, "recordsDropped", { topic, partition, position: offsetAsked, first: logStartOffset });
  }

  #fetchNext(): OwnedBatch["batch"] | undefined {
    const { logs, store } = this.#options;
    for (let tried = 0; tried < logs.length; tried++) {
      const index = (this.#logNext + tried) % logs.length;
      const log = logs[index];
      const position = this.#positions[index];
      if (log === undefined || position === undefined) continue;
      if (position > log.endOffset) {
        const message = `reading ${log.topic}-${log.partition}: offset ${position} is beyond the end ${log.endOffset}`;
        throw new OperationError("MR_OFFSET_RANGE", message);
      }
      const batch = fetchBatch(log, position, deliveryBytesMax, store.codecs);
      if (batch === undefined) continue;
      // Moved before the sink is called: a `start` during the delivery wins over it.
      this.#positions[index] = batch.offsetNext;
      this.#logNext = (index + 1) % logs.length;
      this.#tellLoss(batch);
      return batch;
    }
    return undefined;
  }
}
