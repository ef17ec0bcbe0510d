import type { RecordError } from "../kernel/index.ts";
import type { Row } from "../schema/index.ts";
import type { RawBatch } from "../wire/index.ts";

/**
 * The records of a piece that wait for their scores, in the order of the input.
 *
 * Entry i has a row, or null and the error that it ended with; dead letters wait too, so that they keep that order.
 */
export class ScoringPiece {
  /** The batch that the indices belong to; undefined between pieces. */
  batch: RawBatch | undefined;
  readonly indices: number[] = [];
  readonly rows: (Row | null)[] = [];
  /** Whether there was a row to score: one that is null afterwards failed there. */
  readonly hadRows: boolean[] = [];
  readonly errors: (RecordError | null)[] = [];
  readonly eventIds: string[] = [];

  add(index: number, row: Row | null, error: RecordError | null, eventId: string): void {
    this.indices.push(index);
    this.rows.push(row);
    this.hadRows.push(row !== null);
    this.errors.push(error);
    this.eventIds.push(eventId);
  }

  clear(): void {
    this.batch = undefined;
    this.indices.length = 0;
    this.rows.length = 0;
    this.hadRows.length = 0;
    this.errors.length = 0;
    this.eventIds.length = 0;
  }
}
