import { type Offset, OperationError, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import { resetCommand } from "../../runtime/index.ts";
import type { EpochStart } from "../../wire/index.ts";

/**
 * A log that is no longer the one that was read.
 *
 * - `truncated`: records from an offset on were lost by the cluster (a leader was elected that did not have them), and
 *   others stand in their place.
 * - `remade`: the topic was deleted and made anew.
 */
export type LogChange = { readonly kind: "truncated"; readonly at: Offset } | { readonly kind: "remade" };

/** What is done about it: stop and say so, or go on from where the log differs. */
export type LogChangePolicy = "halt" | "restart";

/** Which log a position belongs to. */
export interface LogOrigin {
  /** Undefined where nobody has said. */
  readonly topicId: string | undefined;
  /** Epoch under which the record before the position was written; -1 when unknown. */
  readonly leaderEpoch: number;
}

/** The error that ends the reading of a log that has changed, with the command that lets it go on. */
export function logChanged(at: TopicPartition, position: Offset, change: LogChange, group: string): OperationError {
  const name = topicPartitionKey(at.topic, at.partition);
  const what =
    change.kind === "remade"
      ? `topic ${at.topic} was deleted and made anew, and offset ${position} of group ${group} belongs to the one before`
      : `the log of ${name} was cut back to ${change.at} and went on from there, and group ${group} had read up to ${position}`;
  const command = resetCommand(group, at, change.kind === "remade" ? "--to-earliest" : `--to-offset ${change.at}`);
  return new OperationError(
    "MR_LOG_CHANGED",
    `reading ${name}: ${what}; to go on with what is there now, run: ${command}`,
  );
}

const startsMax = 64;

/** The leader epochs of what was read of one partition, so that each position is known by the epoch before it. */
export class EpochTrail {
  #starts: EpochStart[] = [];

  note(start: EpochStart): void {
    // A part that is read again replaces what was known of it.
    while ((this.#starts.at(-1)?.offset ?? -1) >= start.offset) this.#starts.pop();
    if (this.#starts.at(-1)?.leaderEpoch === start.leaderEpoch) return;
    this.#starts.push(start);
    if (this.#starts.length > startsMax) this.#starts.shift();
  }

  /** Epoch under which the record before `offset` was written; -1 when unknown. */
  before(offset: Offset): number {
    return this.#starts.findLast((start) => start.offset < offset)?.leaderEpoch ?? -1;
  }
}

const metadataForm = /^(?:topic=([\w-]{22}))?(?:(?:^| )tasks=(\d{1,9}))?(?:(?:^| )note=([\w-]+))?$/;

/**
 * The metadata of a committed offset: which topic it belongs to, the fewest tasks that the group has ever shared out, and
 * the note that its task leaves with it.
 */
export function offsetMetadata(topicId: string | undefined, note?: string, tasksAtFirst?: number): string {
  return [
    ...(topicId === undefined ? [] : [`topic=${topicId}`]),
    ...(tasksAtFirst === undefined ? [] : [`tasks=${tasksAtFirst}`]),
    ...(note === undefined ? [] : [`note=${note}`]),
  ].join(" ");
}

/** The id of the topic that a committed offset belongs to; undefined where its metadata says nothing about it. */
export function topicIdIn(metadata: string): string | undefined {
  return metadataForm.exec(metadata)?.[1];
}

/** With how few tasks the group that committed an offset has begun; undefined where that is not said. */
export function tasksAtFirstIn(metadata: string): number | undefined {
  const tasks = metadataForm.exec(metadata)?.[2];
  return tasks === undefined ? undefined : Number(tasks);
}

/** The note that was left with a committed offset; undefined where there is none. */
export function noteIn(metadata: string): string | undefined {
  return metadataForm.exec(metadata)?.[3];
}
