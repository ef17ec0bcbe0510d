import { AssertionError, type EpochMs, messageOf, type Offset } from "../kernel/index.ts";
import type { Store } from "../state/index.ts";
import { EntryCursor, SnapshotDecoder, type SnapshotHeader, SnapshotUselessError } from "./snapshot-format.ts";
import type { TimeSlices } from "./time-slices.ts";

/** What a snapshot has to be of. */
export type SnapshotOrigin = Omit<SnapshotHeader, "offset" | "takenMs">;

/** What a snapshot has to agree with so that the rest of the changelog completes it. */
export interface SnapshotNeeds {
  readonly origin: SnapshotOrigin;
  /** First offset and end of the changelog. */
  readonly low: Offset;
  readonly end: Offset;
  /** How long the changelog holds on to what says that an entry is gone. */
  readonly deleteRetentionMs: number;
  readonly nowMs: EpochMs;
}

export interface LoadedSnapshot {
  readonly entries: number;
  /** The changelog is to be read from here on. */
  readonly offset: Offset;
}

const hourMs = 3_600_000;

/**
 * Fills a store, which is empty, with a snapshot; undefined when there is none.
 *
 * @throws SnapshotUselessError with the reason, and the store is empty again; the signal's reason
 */
export async function loadSnapshot(
  pieces: AsyncIterable<Uint8Array>,
  store: Store,
  needs: SnapshotNeeds,
  slices: TimeSlices,
  signal: AbortSignal,
): Promise<LoadedSnapshot | undefined> {
  const decoder = new SnapshotDecoder(pieces);
  try {
    const header = await decoder.header();
    if (header === undefined) return undefined;
    const reason = uselessBecause(header, needs);
    if (reason !== undefined) throw new SnapshotUselessError(reason);
    let entries = 0;
    for await (const block of decoder.blocks()) {
      const cursor = new EntryCursor(block);
      while (cursor.next()) {
        if (slices.isOver()) await slices.next(signal);
        if (cursor.value === null) store.owe(cursor.key);
        else store.apply(cursor.key, cursor.value);
        entries++;
      }
    }
    return { entries, offset: header.offset };
  } catch (thrown) {
    store.clear();
    signal.throwIfAborted();
    if (thrown instanceof SnapshotUselessError) throw thrown;
    const isEntry = thrown instanceof AssertionError;
    throw new SnapshotUselessError(isEntry ? thrown.message : `it cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    await decoder.close();
  }
}

function uselessBecause(header: SnapshotHeader, needs: SnapshotNeeds): string | undefined {
  const { origin, low, end, deleteRetentionMs, nowMs } = needs;
  if (header.cluster !== origin.cluster) return "it is of another cluster";
  if (header.task !== origin.task) return `it is of task ${header.task}`;
  if (header.inputId !== origin.inputId) return "it is of another input topic: that was deleted and made anew";
  if (header.changelogId !== origin.changelogId) return "it is of another changelog: that was deleted and made anew";
  if (header.form !== origin.form) return "the store has another form now";
  if (header.offset < low)
    return `it reaches to offset ${header.offset}, and its changelog begins at ${low} only: what lies between is not known`;
  if (header.offset > end)
    return `it reaches to offset ${header.offset}, and its changelog ends at ${end}: entries are lost`;
  // Of an entry that went since, nothing may be left that says so. Half of the time is left for reading and wrong clocks.
  const ageMs = Math.abs(nowMs - header.takenMs);
  if (ageMs > deleteRetentionMs / 2)
    return `it is ${Math.round(ageMs / hourMs)} h old, and delete.retention.ms of its changelog allows ${Math.round(deleteRetentionMs / 2 / hourMs)} h`;
  return undefined;
}
