import { type EpochMs, Facts, formatIsoTime, type Offset } from "../kernel/index.ts";
import { type AlertEvent, readAlertEvent } from "../monitor/index.ts";
import { readTestAlert, type TestAlert, testAnswerRecord, turnOf } from "../monitor/telling/index.ts";
import {
  Follower,
  type FollowerOptions,
  type FollowerTurn,
  type FollowerWork,
  type GaugeReading,
  OutputBatches,
} from "../runtime/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import { onePartition, textsIn } from "./alerts-topic.ts";
import { NotificationLane, type NotificationSender, type SendOutcome } from "./notification-lane.ts";

/** How often summaries are looked for, and how far the telling is. */
const everyMs = 1_000;
/** Whoever asked for a test that is older has gone, and a page that nobody asked for any more is false. */
const testAgeMsMax = 60_000;

export interface NotifierOptions
  extends Pick<FollowerOptions, "group" | "broker" | "clock" | "logger" | "instanceId" | "decidingGroup"> {
  /** Topic of the alert events. */
  readonly topic: string;
  readonly senders: readonly NotificationSender[];
  /** Notifications per target and minute. */
  readonly perMinute: number;
  /** An event that was written so long ago is told nobody. */
  readonly ageMaxMs: number;
  /** Numbers from 0 to 1. */
  readonly jitter: () => number;
}

/** Tells what comes to the alerts topic; one of the processes that run it does, the others stand by. */
export function createNotifier(options: NotifierOptions): Follower {
  const { group, topic, broker, clock, logger, instanceId, decidingGroup } = options;
  const name = "notifier";
  const facts = new Facts(logger, { stage: name });
  return new Follower({
    name,
    group,
    topic,
    needs: [],
    delivery: "at-least-once",
    broker,
    clock,
    logger,
    everyMs,
    facts,
    work: new NotifierWork(options, facts),
    instanceId,
    decidingGroup,
  });
}

/**
 * Hands each event to the targets that it is for. An offset is committed when every target was told of what lies before it,
 * or was given up: after a crash an event is told again rather than not at all.
 */
class NotifierWork implements FollowerWork {
  readonly #options: NotifierOptions;
  readonly #facts: Facts;
  readonly #lanes: readonly NotificationLane[];
  /** Answers to tests, which go out with the next offset. */
  readonly #answersOut: OutputBatches;

  constructor(options: NotifierOptions, facts: Facts) {
    const { senders, perMinute, clock, jitter } = options;
    this.#options = options;
    this.#facts = facts;
    this.#answersOut = new OutputBatches(onePartition(options.topic), "output", undefined);
    this.#lanes = senders.map(
      (sender, i) =>
        new NotificationLane({ name: targetName(i, sender.kind), sender, perMinute, clock, facts, jitter }),
    );
  }

  async restore(): Promise<void> {
    await this.release();
    this.#answersOut.reset();
    for (const lane of this.#lanes) lane.begin();
  }

  async take(batch: RawBatch, from: number): Promise<void> {
    const nowMs = this.#options.clock.now();
    let old = 0;
    for (const [i, text] of textsIn(batch, from)) {
      const offset = batch.offsets[i] ?? batch.offsetAsked;
      const ageMs = nowMs - (batch.timestampsMs[i] ?? nowMs);
      const event = readAlertEvent(text);
      const test = event === undefined ? readTestAlert(text) : undefined;
      const isOffered =
        event !== undefined ? this.#offer(event, ageMs, offset) : test === undefined || this.#test(test, ageMs, offset);
      if (!isOffered) old++;
    }
    if (old > 0) this.#facts.emit("notificationsOld", { topic: this.#options.topic, count: old });
  }

  async turn(): Promise<FollowerTurn> {
    let offsetNext: Offset | undefined;
    for (const lane of this.#lanes) {
      lane.tick();
      const offset = lane.offsetUntold;
      if (offset !== undefined && (offsetNext === undefined || offset < offsetNext)) offsetNext = offset;
    }
    const outgoing: Outgoing[] = [];
    this.#answersOut.sealAll();
    this.#answersOut.take(outgoing);
    this.#answersOut.reset();
    return offsetNext === undefined ? { outgoing } : { outgoing, offsetNext };
  }

  readings(): readonly GaugeReading[] {
    return this.#lanes.map((lane, i) => {
      const target = targetName(i, this.#options.senders[i]?.kind ?? "");
      return { metric: "millrace_notifications_waiting", labels: { target }, value: lane.waiting };
    });
  }

  async release(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
  }

  /** @returns false for what is too old to be told */
  #offer(event: AlertEvent, ageMs: number, offset: Offset): boolean {
    // However late: whoever was called out has to hear that it is over.
    if (turnOf(event) !== "closes" && ageMs > this.#options.ageMaxMs) return false;
    for (const lane of this.#lanes) lane.offer(event, offset);
    return true;
  }

  #test(test: TestAlert, ageMs: number, offset: Offset): boolean {
    if (ageMs > testAgeMsMax) return false;
    for (const [i, lane] of this.#lanes.entries()) {
      const target = targetName(i, this.#options.senders[i]?.kind ?? "");
      lane.offerTest(test, offset, (outcome) => this.#answer(test, target, outcome, this.#options.clock.now()));
    }
    return true;
  }

  #answer({ id, topology }: TestAlert, target: string, outcome: SendOutcome, atMs: EpochMs): void {
    const reason = outcome.kind === "sent" ? "" : outcome.reason;
    const answer = { id, topology, at: formatIsoTime(atMs), target, outcome: outcome.kind, reason };
    const { key, value, headers } = testAnswerRecord(answer);
    this.#answersOut.appendWithHeaders(-1, 0, atMs, key, value, headers);
  }
}

/** Who is told, as logs and answers name it: the places of a file have no names, and their addresses are secrets. */
export function targetName(index: number, kind: string): string {
  return `notify[${index}] ${kind}`;
}
