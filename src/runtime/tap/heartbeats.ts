import { type Clock, codeOf, type Facts, messageOf, type RecordOut } from "../../kernel/index.ts";
import { encodeHeartbeat, type HeartbeatRecord, heartbeatKey } from "../../monitor/index.ts";
import type { Broker, TaskId } from "../port.ts";
import type { TaskTap } from "./task-tap.ts";

/** How often a task says how far it is. */
const everyMs = 5_000;

/** A task that runs, as far as its heartbeat needs it. */
export interface BeatingTask {
  readonly task: TaskId;
  readonly tap: Pick<TaskTap, "keptTimeMs" | "isBehind" | "lastRowMs">;
  /** Nothing is in hand, and its input can be read. */
  readonly isAtRest: boolean;
}

export interface HeartbeatsOptions {
  readonly broker: Pick<Broker, "append">;
  /** Topic of the partials. */
  readonly topic: string;
  readonly schemaId: number;
  readonly stage: string;
  /** A task is idle when no row has come for so long. */
  readonly idleAfterMs: number;
  readonly clock: Clock;
  readonly facts: Facts;
  /** The stage stops. */
  readonly signal: AbortSignal;
}

/**
 * Says of the tasks of a stage that they run and how far their rows have come, so that the judge of the monitors knows which
 * windows are over, also where nothing comes. It goes out beside their commits and says of committed rows only: what it
 * promises has been told by partials that lie before it.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #sinceMs = new Map<TaskId, number>();
  #dueMs = Number.NEGATIVE_INFINITY;
  #isSending = false;
  #isSaid = false;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** Sends them when it is time. @param nowMs monotonic @param tasks those that run now */
  tick(nowMs: number, tasks: () => readonly BeatingTask[]): void {
    if (this.#isSending || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + everyMs;
    const running = tasks();
    for (const task of this.#sinceMs.keys()) if (!running.some((one) => one.task === task)) this.#sinceMs.delete(task);
    if (running.length > 0) void this.#send(running.map((one) => this.#beatOf(one, nowMs)));
  }

  #beatOf({ task, tap, isAtRest }: BeatingTask, nowMs: number): HeartbeatRecord {
    const { stage, idleAfterMs } = this.#options;
    const sinceMs = this.#sinceMs.get(task) ?? nowMs;
    this.#sinceMs.set(task, sinceMs);
    // Rows that no partial tells of yet would be missed by a window that closes without the task.
    const isIdle = isAtRest && !tap.isBehind && nowMs - Math.max(sinceMs, tap.lastRowMs) >= idleAfterMs;
    return { stage, partition: task, streamTimeMs: tap.keptTimeMs, isIdle };
  }

  async #send(beats: readonly HeartbeatRecord[]): Promise<void> {
    const { broker, clock, facts, topic, schemaId, signal } = this.#options;
    const timestampMs = clock.now();
    const records = beats.map((beat): RecordOut => {
      const [key, value] = [Buffer.from(heartbeatKey(beat)), encodeHeartbeat(beat, schemaId)];
      return { topic, partition: 0, timestampMs, key, value };
    });
    this.#isSending = true;
    try {
      await broker.append(records, signal);
      this.#isSaid = false;
    } catch (thrown) {
      if (signal.aborted || this.#isSaid) return;
      this.#isSaid = true;
      facts.emit("heartbeatsUnsent", { code: codeOf(thrown, "MR_BROKER"), topic, reason: messageOf(thrown) });
    } finally {
      this.#isSending = false;
    }
  }
}
