import type { TaskId } from "../../runtime/index.ts";

/** The name that every member of a group must know; members with other assigners cannot join. */
export const assignerName = "millrace-sticky";

/** What a member tells the one that assigns. */
export interface MemberClaim {
  readonly memberId: string;
  /** Tasks it holds, and the generation it got them in. */
  readonly owned: readonly TaskId[];
  readonly generation: number;
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
export function encodeClaim(owned: readonly TaskId[], generation: number): Buffer {
  return Buffer.from(JSON.stringify({ owned, generation }));
}

/** The claim of a member; one that cannot be read claims nothing. */
export function decodeClaim(memberId: string, bytes: Buffer | null): MemberClaim {
  const nothing = { memberId, owned: [], generation: -1 };
  if (bytes === null || bytes.length === 0) return nothing;
  try {
    const claim: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof claim !== "object" || claim === null || !("owned" in claim) || !("generation" in claim)) return nothing;
    const { owned, generation } = claim;
    if (!Array.isArray(owned) || typeof generation !== "number") return nothing;
    return { memberId, owned: owned.filter((task) => Number.isInteger(task) && task >= 0), generation };
  } catch {
    return nothing;
  }
}
