import type { EpochMs } from "../kernel/index.ts";
import type { ClosedLabelLog } from "./label-log.ts";

/** How labels join events; nothing given: the last label of the event's key, whenever it is. */
export interface LabelRules {
  /** Only labels from the event's time on and at most so much later count. */
  readonly withinMs?: number | undefined;
  /** How long after an event no label means 0. */
  readonly matureAfterMs?: number | undefined;
  /** The largest event time in the label topic, nulls and labels of unknown keys too: what is silent, says nothing. */
  readonly labelTimeMs?: EpochMs | undefined;
  /** The rows before it say how many positives are usual; default: all rows. */
  readonly referenceUntilMs?: EpochMs | undefined;
}

/** The label of an event as it was known just before `beforeMs`; undefined when nothing was. */
export type LabelOf = (key: number, timeMs: EpochMs, beforeMs: EpochMs) => number | undefined;

/**
 * Labels of events by the rules.
 *
 * The absence of a label becomes 0 once the labels' own time has passed the event's by more than `matureAfterMs`, and
 * by more than `withinMs`, and not by any clock: a label topic that stands still says nothing of what it would hold.
 */
export function labelsBy(log: ClosedLabelLog, rules: LabelRules): LabelOf {
  const { withinMs, matureAfterMs, labelTimeMs = Number.NEGATIVE_INFINITY } = rules;
  const absentAfterMs = matureAfterMs === undefined ? undefined : Math.max(matureAfterMs, withinMs ?? 0);
  return (key, timeMs, beforeMs) => {
    const known =
      withinMs === undefined
        ? log.lastBefore(key, beforeMs)
        : log.lastBefore(key, Math.min(beforeMs, timeMs + withinMs + 1), timeMs);
    if (known !== undefined || absentAfterMs === undefined) return known;
    return timeMs + absentAfterMs < Math.min(labelTimeMs, beforeMs) ? 0 : undefined;
  };
}
