import { type Clock, OperationError } from "../../kernel/index.ts";

/** How long after its first join a process disputes a group that another one took: heartbeats tell within a second. */
const contestMs = 3_000;

/**
 * The hold that one process has on an instance id, over all groups that it joins under it.
 *
 * Whoever joins last has the id. The one that hears of it, in whichever group, ends in all of them and joins none again.
 * Only two that start in the same second may each have taken a group from the other, and would both end. So a process that
 * has only just begun to join takes a group back, except the deciding one, which nobody joins twice: the last to join
 * that one goes on.
 */
export class InstanceHold {
  readonly #clock: Clock;
  readonly #instanceId: string;
  /** How to end each membership under the id. */
  readonly #members = new Map<string, (error: Error) => void>();
  #firstMs: number | undefined;
  #lost: OperationError | undefined;

  constructor(instanceId: string, clock: Clock) {
    this.#instanceId = instanceId;
    this.#clock = clock;
  }

  /** A group is about to be joined. @throws OperationError MR_INSTANCE when another process has the id */
  enter(group: string, end: (error: Error) => void): void {
    if (this.#lost !== undefined) throw this.#lost;
    this.#firstMs ??= this.#clock.monotonicMs();
    this.#members.set(group, end);
  }

  /**
   * A group answers that another process has joined as this instance.
   * @returns whether the group is to be taken back; otherwise every membership under the id has ended
   */
  isDisputed(group: string, decidingGroup: string, cause: unknown): boolean {
    if (this.#lost !== undefined) return false;
    const isNew = this.#clock.monotonicMs() - (this.#firstMs ?? Number.NEGATIVE_INFINITY) < contestMs;
    if (isNew && group !== decidingGroup) return true;
    const message = `being a member of group ${group}: another process has joined as instance ${this.#instanceId}, and this one ends; give each process an instance id of its own`;
    this.#lost = new OperationError("MR_INSTANCE", message, { cause });
    for (const end of [...this.#members.values()]) end(this.#lost);
    return false;
  }
}
