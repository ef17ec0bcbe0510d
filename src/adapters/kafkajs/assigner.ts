import type { TaskId } from "../../runtime/index.ts";

/** The name that every member of a group must know; members with other assigners cannot join. */
export const assignerName = "millrace-sticky";

/** What a member tells the one that assigns. */
export interface MemberClaim {
  readonly memberId: string;
  /** Tasks it holds, and the generation it got them in. */
  readonly owned: readonly TaskId[];
  readonly generation: number;
  /** As in {@link Shared}; undefined for a member that has not been in the group yet. */
  readonly tasksAtFirst?: number | undefined;
}

/** What the one that assigns tells every member beside its tasks. */
export interface Shared {
  /** Tasks that were shared out among all members. */
  readonly tasks: number;
  /**
   * The fewest tasks that any generation of these members has shared: a task from this number on has come with a
   * partition that an input gained while the group was reading.
   */
  readonly tasksAtFirst: number;
}

/**
 * Shares tasks 0 to `taskCount - 1` among members: counts differ by at most one, and a task moves only where
 * that needs it. The same claims give the same shares on every member.
 *
 * Where two members claim a task, the one with the later generation holds it; the other has slept through a rebalance.
 */
export function shareTasks(taskCount: number, claims: readonly MemberClaim[]): Map<string, TaskId[]> {
  const holders = holdersOf(taskCount, claims);
  const heldCount = (memberId: string): number => [...holders.values()].filter((id) => id === memberId).length;
  const members = claims
    .map(({ memberId }) => ({ memberId, held: heldCount(memberId) }))
    .sort((a, b) => b.held - a.held || (a.memberId < b.memberId ? -1 : 1));
  const share = Math.floor(taskCount / Math.max(1, members.length));
  const larger = taskCount - share * members.length;
  // Whoever holds most gets the larger shares, so that the fewest tasks move.
  const quotas = new Map(members.map(({ memberId }, index) => [memberId, share + (index < larger ? 1 : 0)]));
  const shares = new Map<string, TaskId[]>(members.map(({ memberId }) => [memberId, []]));
  const free: TaskId[] = [];
  for (let task = 0; task < taskCount; task++) {
    const holder = holders.get(task) ?? "";
    const held = shares.get(holder);
    if (held !== undefined && held.length < (quotas.get(holder) ?? 0)) held.push(task);
    else free.push(task);
  }
  for (const { memberId } of members) {
    const own = shares.get(memberId) ?? [];
    own.push(...free.splice(0, (quotas.get(memberId) ?? 0) - own.length));
    own.sort((a, b) => a - b);
  }
  return shares;
}

function holdersOf(taskCount: number, claims: readonly MemberClaim[]): Map<TaskId, string> {
  const holders = new Map<TaskId, MemberClaim>();
  for (const claim of claims) {
    for (const task of claim.owned) {
      const other = holders.get(task);
      if (task < taskCount && (other === undefined || claim.generation > other.generation)) holders.set(task, claim);
    }
  }
  return new Map([...holders].map(([task, { memberId }]) => [task, memberId]));
}

/** The claim as it travels in the member's metadata. */
export function encodeClaim(owned: readonly TaskId[], generation: number, tasksAtFirst?: number): Buffer {
  return Buffer.from(JSON.stringify({ owned, generation, tasksAtFirst }));
}

/** The claim of a member; one that cannot be read claims nothing. */
export function decodeClaim(memberId: string, bytes: Buffer | null): MemberClaim {
  const { owned, generation, tasksAtFirst } = fieldsOf(bytes);
  if (!Array.isArray(owned) || typeof generation !== "number") return { memberId, owned: [], generation: -1 };
  return {
    memberId,
    owned: owned.filter((task) => Number.isInteger(task) && task >= 0),
    generation,
    tasksAtFirst: typeof tasksAtFirst === "number" ? tasksAtFirst : undefined,
  };
}

/** What goes to every member beside its tasks, given how many tasks there are now. */
export function sharedNow(tasks: number, claims: readonly MemberClaim[]): Shared {
  return { tasks, tasksAtFirst: Math.min(tasks, ...claims.map((claim) => claim.tasksAtFirst ?? tasks)) };
}

export function encodeShared(shared: Shared): Buffer {
  return Buffer.from(JSON.stringify(shared));
}

/** Undefined where the one that assigned said nothing, as an older version does. */
export function decodeShared(bytes: Buffer | null): Shared | undefined {
  const { tasks, tasksAtFirst } = fieldsOf(bytes);
  return typeof tasks === "number" && typeof tasksAtFirst === "number" ? { tasks, tasksAtFirst } : undefined;
}

function fieldsOf(bytes: Buffer | null): Readonly<Record<string, unknown>> {
  if (bytes === null || bytes.length === 0) return {};
  try {
    const said: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof said === "object" && said !== null ? { ...said } : {};
  } catch {
    return {};
  }
}
