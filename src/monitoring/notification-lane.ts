import { BackOff, type Clock, type Facts, messageOf, type Offset } from "../kernel/index.ts";
import type { AlertEvent } from "../monitor/index.ts";
import {
  isTold,
  type Notification,
  NotificationPace,
  type NotifyKind,
  type TestAlert,
} from "../monitor/telling/index.ts";
import { Wake } from "../runtime/index.ts";

/** Notifications that wait for one target at most; beyond it the oldest goes. */
const queuedMax = 1_000;
const attemptsMax = 5;
const pauses = { firstMs: 1_000, lastMs: 30_000 };
/** Longest pause that a target may ask for. */
const askedMsMax = 60_000;
/** Events that are known as told. */
const toldMax = 10_000;

/** What came of one attempt to tell somebody. Reasons name neither addresses nor keys. */
export type SendOutcome =
  | { readonly kind: "sent" }
  /** Trying again may help. `afterMs`: the pause that was asked for. */
  | { readonly kind: "failed"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "refused"; readonly reason: string };

/** Tells one target, one attempt at a time. */
export interface NotificationSender {
  readonly kind: NotifyKind;
  /** Does not throw, but for the signal's reason. */
  send(notification: Notification, signal: AbortSignal): Promise<SendOutcome>;
  /** Ends what a test has begun; left out where that ends by itself. Does not throw, but for the signal's reason. */
  readonly endTest?: (test: TestAlert, signal: AbortSignal) => Promise<SendOutcome>;
}

type Attempt = (signal: AbortSignal) => Promise<SendOutcome>;

export interface NotificationLaneOptions {
  /** In logs: `notify[0] slack`. */
  readonly name: string;
  readonly sender: NotificationSender;
  readonly perMinute: number;
  readonly clock: Clock;
  readonly facts: Facts;
  /** Numbers from 0 to 1. */
  readonly jitter: () => number;
}

interface Queued {
  readonly id: string;
  readonly what:
    | { readonly kind: "event"; readonly event: AlertEvent }
    | { readonly kind: "test"; readonly test: TestAlert; readonly answered: (outcome: SendOutcome) => void };
  /** Of its record. */
  readonly offset: Offset;
}

/** What is told one target: in order, at its own pace, so that one that is away does not hold up the others. */
export class NotificationLane {
  readonly #options: NotificationLaneOptions;
  #pace: NotificationPace;
  readonly #wake = new Wake();
  readonly #told = new Set<string>();
  #queue: Queued[] = [];
  /** Events that a summary is yet to tell of. */
  readonly #gathered = new Set<string>();
  /** Offset of the first record that a summary is yet to tell of. */
  #offsetGathered: Offset | undefined;
  #over = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: NotificationLaneOptions) {
    this.#options = options;
    this.#pace = new NotificationPace(options.perMinute);
  }

  /** Begins to tell. */
  begin(): void {
    this.#over = new AbortController();
    this.#loop = this.#run(this.#over.signal);
  }

  /** Forgets what is queued, which comes again, and resolves when nothing is being told. */
  async end(): Promise<void> {
    this.#over.abort(new Error("notifying is over"));
    this.#wake.wake();
    await this.#loop;
    this.#queue = [];
    this.#gathered.clear();
    this.#offsetGathered = undefined;
    // What is gathered comes again, and is told at once as far as the pace of a new minute lets it.
    this.#pace = new NotificationPace(this.#options.perMinute);
  }

  /**
   * Offset of the first record that this target was not told of, in its own words or in a summary; undefined when there is
   * none.
   */
  get offsetUntold(): Offset | undefined {
    return this.#offsetGathered ?? this.#queue[0]?.offset;
  }

  /** Notifications that wait here, those that a summary will tell of not among them. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Queues an event, when it is for this target and was not told before. */
  offer(event: AlertEvent, offset: Offset): void {
    if (isTold(this.#options.sender.kind, event)) this.#push({ id: event.id, what: { kind: "event", event }, offset });
  }

  /** Queues a test, whatever the target is told otherwise. @param answered with what came of its one attempt */
  offerTest(test: TestAlert, offset: Offset, answered: (outcome: SendOutcome) => void): void {
    this.#push({ id: `test/${test.id}`, what: { kind: "test", test, answered }, offset });
  }

  #push(queued: Queued): void {
    const { facts, name } = this.#options;
    const { id } = queued;
    if (this.#told.has(id) || this.#gathered.has(id) || this.#queue.some((other) => other.id === id)) return;
    if (this.#queue.length >= queuedMax) {
      // The head may be under way; whoever tells it finds it gone and goes on.
      this.#queue.shift();
      facts.emit("notificationsDropped", { target: name, count: 1, reason: `more than ${queuedMax} wait` });
    }
    this.#queue.push(queued);
    this.#wake.wake();
  }

  /** Looks whether a summary is due. */
  tick(): void {
    this.#wake.wake();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const summary = this.#pace.summary(clock.monotonicMs(), clock.now());
      const [head] = this.#queue;
      try {
        if (summary !== undefined) {
          await this.#tell(summary, summary.kind === "summary" ? summary.id : "", signal);
          this.#forgetGathered();
        } else if (head !== undefined) await this.#tellHead(head, signal);
        else await this.#wake.wait();
      } catch (thrown) {
        // What is queued comes again.
        if (signal.aborted) return;
        this.#giveUp(summary === undefined ? head : undefined, thrown);
      }
    }
  }

  /** Goes on behind what nobody can be told of for a fault of ours, which would be met again and again. */
  #giveUp(head: Queued | undefined, thrown: unknown): void {
    const { facts, name } = this.#options;
    facts.emit("notificationFailed", {
      target: name,
      id: head?.id ?? "",
      attempts: 1,
      reason: messageOf(thrown),
    });
    if (head === undefined) this.#forgetGathered();
    else if (this.#queue[0] === head) this.#queue.shift();
  }

  async #tellHead(head: Queued, signal: AbortSignal): Promise<void> {
    const { what, id, offset } = head;
    if (what.kind === "event" && !this.#pace.admits(what.event, this.#options.clock.monotonicMs())) {
      this.#offsetGathered ??= offset;
      this.#gathered.add(id);
    } else {
      if (what.kind === "test") await this.#tellTest(what, id, signal);
      else await this.#tell({ kind: "event", event: what.event }, id, signal);
      this.#remember(id);
    }
    if (this.#queue[0] === head) this.#queue.shift();
  }

  /** A summary has told of them, or was given up. */
  #forgetGathered(): void {
    for (const id of this.#gathered) this.#remember(id);
    this.#gathered.clear();
    this.#offsetGathered = undefined;
  }

  #remember(id: string): void {
    this.#told.add(id);
    const [oldest] = this.#told;
    if (this.#told.size > toldMax && oldest !== undefined) this.#told.delete(oldest);
  }

  /** Once, for whoever asked waits. Its end is no test: what nobody closes stays open, and is looked at by people. */
  async #tellTest(
    { test, answered }: Extract<Queued["what"], { kind: "test" }>,
    id: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { sender } = this.#options;
    const outcome = await this.#attempt((over) => sender.send({ kind: "test", test }, over), signal);
    answered(outcome);
    // What was not answered may have come.
    if (outcome.kind === "refused" || sender.endTest === undefined) return;
    const { endTest } = sender;
    await this.#untilSent((over) => endTest(test, over), `${id}/end`, signal);
  }

  async #tell(notification: Notification, id: string, signal: AbortSignal): Promise<void> {
    await this.#untilSent((over) => this.#options.sender.send(notification, over), id, signal);
  }

  /** @throws the signal's reason alone */
  async #untilSent(send: Attempt, id: string, signal: AbortSignal): Promise<void> {
    const { clock, facts, name, jitter } = this.#options;
    const backOff = new BackOff({ ...pauses, jitter });
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(send, signal);
      if (outcome.kind === "sent") {
        facts.emit("notificationSent", { target: name, id, attempt });
        return;
      }
      const { reason } = outcome;
      if (outcome.kind === "refused" || attempt >= attemptsMax) {
        facts.emit("notificationFailed", { target: name, id, attempts: attempt, reason });
        return;
      }
      facts.emit("notificationRepeated", { target: name, id, attempt, reason });
      await clock.sleep(Math.max(backOff.next(), Math.min(outcome.afterMs ?? 0, askedMsMax)), signal);
    }
  }

  async #attempt(send: Attempt, signal: AbortSignal): Promise<SendOutcome> {
    try {
      return await send(signal);
    } catch (thrown) {
      signal.throwIfAborted();
      return { kind: "failed", reason: messageOf(thrown) };
    }
  }
}
