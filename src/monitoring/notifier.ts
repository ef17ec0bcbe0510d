import { Facts, type Offset } from "../kernel/index.ts";
import { turnOf } from "../monitor/index.ts";
import { Follower, type FollowerOptions, type FollowerTurn, type FollowerWork } from "../runtime/index.ts";
import type { RawBatch } from "../wire/index.ts";
import { alertEventsIn } from "./judge-work.ts";
import { NotificationLane, type NotificationSender } from "./notification-lane.ts";

/** How often summaries are looked for, and how far the telling is. */
const everyMs = 1_000;

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
    work: new NotifierWork(options, new Facts(logger, { stage: name })),
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(decidingGroup === undefined ? {} : { decidingGroup }),
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

  constructor(options: NotifierOptions, facts: Facts) {
    const { senders, perMinute, clock, jitter } = options;
    this.#options = options;
    this.#facts = facts;
    this.#lanes = senders.map(
      (sender, i) =>
        new NotificationLane({ name: `notify[${i}] ${sender.kind}`, sender, perMinute, clock, facts, jitter }),
    );
  }

  async restore(): Promise<void> {
    await this.release();
    for (const lane of this.#lanes) lane.begin();
  }

  async take(batch: RawBatch, from: number): Promise<void> {
    const { clock, ageMaxMs } = this.#options;
    const nowMs = clock.now();
    let old = 0;
    for (const [i, event] of alertEventsIn(batch, from)) {
      // However late: whoever was called out has to hear that it is over.
      const isOld = turnOf(event) !== "closes" && nowMs - (batch.timestampsMs[i] ?? nowMs) > ageMaxMs;
      if (isOld) old++;
      else for (const lane of this.#lanes) lane.offer(event, batch.offsets[i] ?? batch.offsetAsked);
    }
    if (old > 0) this.#facts.emit("notificationsOld", { count: old });
  }

  async turn(): Promise<FollowerTurn> {
    let offsetNext: Offset | undefined;
    for (const lane of this.#lanes) {
      lane.tick();
      const offset = lane.offsetUntold;
      if (offset !== undefined && (offsetNext === undefined || offset < offsetNext)) offsetNext = offset;
    }
    return offsetNext === undefined ? { outgoing: [] } : { outgoing: [], offsetNext };
  }

  async release(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
  }
}
