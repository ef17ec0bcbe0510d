import type { Offset } from "../kernel/index.ts";
import type { RecordSchema, Row } from "../schema/index.ts";

/** A topic whose rows are learned from. */
export interface TrainingTopic {
  /** As the topology calls it, for messages. */
  readonly name: string;
  readonly clusterName: string;
  readonly format: string;
  /** The field that holds the event time. */
  readonly time?: string | undefined;
  readonly schema?: RecordSchema | undefined;
}

export interface TopicRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
}

export interface RowVisitor {
  /** Called before the first row with the most that there can be. */
  begin?(total: number): void;
  /** @param timestampMs of the record, by Kafka; -1 for none */
  row(row: Row, timestampMs: number): void;
  /** Called after so many rows that others should have their turn; the reading goes on when it is through. */
  pause?(): Promise<void>;
  /** Called after each fetched batch with the offsets passed so far and their total; the last call says total of total. */
  progress?(read: number, total: number): void;
}

export interface TopicRowsResult {
  readonly ranges: readonly TopicRange[];
  /** Registry ids of the writer schemas met, ascending. */
  readonly schemaIds: readonly number[];
  /** Records that could not be decoded and were passed over; each offset of a damaged batch counts. */
  readonly undecodable: number;
  /** Offsets before the ranges, which were left out; 0 when absent. */
  readonly older?: number;
}

/**
 * Reads a topic of the cluster once, from its beginning to its end as it is now, as rows of one schema.
 *
 * @param newest at most so many offsets from the end, the same share of every partition; all when left out
 */
export type RowSource = (
  clusterName: string,
  reader: RecordSchema,
  visitor: RowVisitor,
  signal: AbortSignal,
  newest?: number,
) => Promise<TopicRowsResult>;
