/** Every state of a stage, in the order in which it passes through them. */
export const stageStatuses = ["new", "starting", "waiting", "running", "draining", "stopped", "halted"] as const;

/**
 * Where a stage is.
 *
 * - `waiting`: joined and paused, until the alias of its model exists.
 * - `halted`: it cannot go on; the reason was logged, and the other stages run.
 */
export type StageStatus = (typeof stageStatuses)[number];
