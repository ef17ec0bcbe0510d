import type { TaskId } from "../../runtime/index.ts";

/**
 * Shares tasks 0 to `taskCount - 1` among members: counts differ by at most one, and a task moves only where
 * that needs it. Deterministic; members keep their lowest tasks, newcomers are filled in their order.
 *
 * @param members in the order they joined
 * @param previous the owner of each task so far; owners that are not members any more count as none
 */
export function assignTasks<M>(
  taskCount: number,
  members: readonly M[],
  previous: ReadonlyMap<TaskId, M>,
): Map<TaskId, M> {
  const owned = new Map<M, TaskId[]>(members.map((member) => [member, []]));
  for (let task = 0; task < taskCount; task++) {
    const owner = previous.get(task);
    if (owner !== undefined) owned.get(owner)?.push(task);
  }
  // Whoever owns most gets the larger shares, so that the fewest tasks move; sorting is stable.
  const bySize = [...members].sort((a, b) => (owned.get(b)?.length ?? 0) - (owned.get(a)?.length ?? 0));
  const share = Math.floor(taskCount / Math.max(1, members.length));
  const larger = taskCount - share * members.length;
  const quota = new Map<M, number>(bySize.map((member, index) => [member, share + (index < larger ? 1 : 0)]));
  const owners = new Map<TaskId, M>();
  for (const member of members) {
    for (const task of (owned.get(member) ?? []).slice(0, quota.get(member))) owners.set(task, member);
  }
  const free = Array.from({ length: taskCount }, (_, task) => task).filter((task) => !owners.has(task));
  for (const member of members) {
    const room = (quota.get(member) ?? 0) - Math.min(quota.get(member) ?? 0, owned.get(member)?.length ?? 0);
    for (const task of free.splice(0, room)) owners.set(task, member);
  }
  return owners;
}
