import { type Clock, type Logger, messageOf, say, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import type { TroubledPartition } from "../../runtime/index.ts";
import { codeNameOf, KafkaAnswerError } from "./errors.ts";

/** How long a partition must fail on end before that is said. */
const saidAfterMs = 10_000;
/** How often it is looked whether there is something to say; what is found together is said in one line. */
const sweepMs = 1_000;
/** Nobody asks for the partition any more: its task has gone elsewhere. Far above any time limit of a request. */
const forgottenAfterMs = 60_000;

type Access = TroubledPartition["access"];

/** An attempt to read or to write a partition that did not succeed. */
export interface FailedAttempt {
  readonly error: unknown;
  /** Who was asked; undefined while there is no leader to ask. */
  readonly node: number | undefined;
  /** When the attempt began: whoever does not answer has been in trouble since then. */
  readonly startedMs: number;
}

interface Trouble extends Omit<TroubledPartition, "forMs"> {
  readonly sinceMs: number;
  readonly latestMs: number;
  isSaid: boolean;
}

/** A request that has no answer yet. */
interface Pending extends TopicPartition {
  readonly access: Access;
  readonly node: number;
  readonly startedMs: number;
  heldBackUntilMs(): number;
}

/** What is said in one line: partitions of one topic that are in the same trouble. */
interface Line {
  readonly trouble: Trouble;
  readonly partitions: number[];
}

/**
 * The partitions that one member cannot read, or cannot write to: how long, and why. After ten seconds on end that is
 * said once, with the reason, and when it is over that is said too.
 */
export class PartitionTroubles {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #troubles = new Map<string, Trouble>();
  /** Requests on their way, the first of each partition. */
  readonly #pending = new Map<string, Pending>();
  readonly #end = new AbortController();
  #recovered: Trouble[] = [];
  #isSweeping = false;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Those that have been in trouble for ten seconds or longer. */
  get lasting(): readonly TroubledPartition[] {
    const nowMs = this.#clock.monotonicMs();
    this.#noteSilence(nowMs);
    return [...this.#troubles.values()]
      .filter((trouble) => isLasting(trouble, nowMs))
      .map(({ topic, partition, access, node, reason, sinceMs }) => {
        return { topic, partition, access, node, reason, forMs: nowMs - sinceMs };
      });
  }

  /**
   * A request is on its way, which may last longer than anybody should wait without a word. It ends with
   * {@link answered}, whatever came of it. Time for which the broker holds the client back by a quota does not count.
   */
  asked({ topic, partition }: TopicPartition, access: Access, node: number, heldBackUntilMs: () => number): void {
    const key = keyOf({ topic, partition }, access);
    if (this.#end.signal.aborted || this.#pending.has(key)) return;
    const startedMs = this.#clock.monotonicMs();
    this.#pending.set(key, { topic, partition, access, node, startedMs, heldBackUntilMs });
    this.#sweep();
  }

  answered(at: TopicPartition, access: Access): void {
    this.#pending.delete(keyOf(at, access));
  }

  failed({ topic, partition }: TopicPartition, access: Access, { error, node, startedMs }: FailedAttempt): void {
    if (this.#end.signal.aborted) return;
    const key = keyOf({ topic, partition }, access);
    const before = this.#troubles.get(key);
    const latestMs = this.#clock.monotonicMs();
    const isAnswer = error instanceof KafkaAnswerError;
    const sinceMs = before?.sinceMs ?? (isAnswer ? latestMs : startedMs);
    const reason = isAnswer ? codeNameOf(error.code) : messageOf(error);
    this.#troubles.set(key, {
      topic,
      partition,
      access,
      sinceMs,
      node,
      reason,
      latestMs,
      isSaid: before?.isSaid ?? false,
    });
    this.#sweep();
  }

  /** The partition was read, or written to. Costs nothing while there is no trouble at all. */
  well(at: TopicPartition, access: Access): void {
    if (this.#troubles.size === 0) return;
    const key = keyOf(at, access);
    const trouble = this.#troubles.get(key);
    if (trouble === undefined) return;
    this.#troubles.delete(key);
    if (trouble.isSaid) this.#recovered.push(trouble);
  }

  /** The partition is somebody else's now. */
  forget(at: TopicPartition, access: Access): void {
    this.#troubles.delete(keyOf(at, access));
  }

  /** Nothing more is said, and nothing is in trouble any more. */
  close(): void {
    this.#end.abort(new Error("nobody watches the partitions any more"));
    this.#troubles.clear();
    this.#pending.clear();
  }

  /** Who keeps silent for ten seconds is in trouble before the time limit of the request says so. */
  #noteSilence(nowMs: number): void {
    for (const { topic, partition, access, node, startedMs, heldBackUntilMs } of this.#pending.values()) {
      const sinceMs = Math.max(startedMs, heldBackUntilMs());
      if (nowMs - sinceMs < saidAfterMs) continue;
      this.failed({ topic, partition }, access, { error: new Error("no answer yet"), node, startedMs: sinceMs });
    }
  }

  /** Looks now and then for as long as there is something to say. */
  #sweep(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#clock.sleep(sweepMs, this.#end.signal).then(
      () => {
        this.#isSweeping = false;
        this.#say();
        if (this.#troubles.size > 0 || this.#pending.size > 0) this.#sweep();
      },
      () => undefined,
    );
  }

  #say(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#noteSilence(nowMs);
    for (const [key, { latestMs }] of this.#troubles) {
      if (nowMs - latestMs >= forgottenAfterMs) this.#troubles.delete(key);
    }
    const due = [...this.#troubles.values()].filter((trouble) => !trouble.isSaid && isLasting(trouble, nowMs));
    for (const trouble of due) trouble.isSaid = true;
    for (const { trouble, partitions } of linesOf(due)) {
      const { topic, access, node, reason, sinceMs } = trouble;
      const forMs = Math.round(nowMs - sinceMs);
      say(this.#logger, said[access].ill, { topic, partitions: partitions.map(String), node, reason, forMs });
    }
    const recovered = this.#recovered;
    this.#recovered = [];
    for (const { trouble, partitions } of linesOf(recovered)) {
      const { topic, access, sinceMs } = trouble;
      const forMs = Math.round(nowMs - sinceMs);
      say(this.#logger, said[access].well, { topic, partitions: partitions.map(String), forMs });
    }
  }
}

const said = {
  read: { ill: "partitionsUnread", well: "partitionsReadAgain" },
  write: { ill: "partitionsUnwritten", well: "partitionsWrittenAgain" },
} as const satisfies Record<Access, object>;

function keyOf({ topic, partition }: TopicPartition, access: Access): string {
  return `${access} ${topicPartitionKey(topic, partition)}`;
}

function isLasting({ sinceMs }: Trouble, nowMs: number): boolean {
  return nowMs - sinceMs >= saidAfterMs;
}

function linesOf(troubles: readonly Trouble[]): Iterable<Line> {
  const lines = new Map<string, Line>();
  for (const trouble of troubles) {
    const { topic, access, node, reason, partition } = trouble;
    const key = JSON.stringify([topic, access, node, reason]);
    const line = lines.get(key) ?? { trouble, partitions: [] };
    lines.set(key, line);
    line.partitions.push(partition);
  }
  return lines.values();
}
