/** What a stage's group has committed, and what its input holds that a reader may see. */
export interface StageProgress {
  readonly stage: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly end: number;
    /** Undefined where nothing is committed. */
    readonly committed: number | undefined;
  }[];
}

/** Whether every stage has committed all that its input holds. */
export function isWorkedOff(stages: readonly StageProgress[]): boolean {
  return stages.every(({ partitions }) => partitions.every(({ end, committed }) => committed === end));
}

/** What each group has not read yet, a line per stage. */
export function backlogLines(stages: readonly StageProgress[]): string[] {
  return stages.map(({ stage, partitions }) => {
    const behind = partitions.filter(({ end, committed }) => committed !== end);
    const said = behind.map(({ partition, end, committed }) => `partition ${partition} at ${committed} of ${end}`);
    return `${stage}: ${said.length === 0 ? "done" : said.join(", ")}`;
  });
}

/** Whether anything moved between two looks. */
export function isSame(before: readonly StageProgress[], after: readonly StageProgress[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

export interface Waited {
  /** Called again and again. */
  readonly look: () => Promise<readonly StageProgress[]>;
  readonly pause: () => Promise<unknown>;
  readonly monotonicMs: () => number;
  /** So long nothing may move before it is called a standstill: slowness is none. */
  readonly stillMsMax: number;
}

/**
 * Waits until everything is worked off, for as long as anything moves.
 * @returns the last look when nothing has moved for too long, undefined when all is done
 */
export async function untilWorkedOff(waited: Waited): Promise<readonly StageProgress[] | undefined> {
  let [before, movedMs] = [await waited.look(), waited.monotonicMs()];
  while (!isWorkedOff(before)) {
    await waited.pause();
    const after = await waited.look();
    if (!isSame(before, after)) movedMs = waited.monotonicMs();
    else if (waited.monotonicMs() - movedMs > waited.stillMsMax) return after;
    before = after;
  }
  return undefined;
}
