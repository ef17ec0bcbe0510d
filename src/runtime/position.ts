import type { OffsetsNext } from "../kernel/index.ts";

/**
 * A place in all inputs of a task: the next offset by input topic-partition. Who holds one only compares it; that no
 * input ever moves back is the business of its queue.
 */
export type Position = OffsetsNext;

/** True when both name the same offset of every input; two that are unknown are the same. */
export function isSamePosition(a: Position | undefined, b: Position | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.size !== b.size) return false;
  for (const [input, offset] of a) if (b.get(input) !== offset) return false;
  return true;
}
