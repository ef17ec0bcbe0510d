import type { Offset } from "../../kernel/index.ts";
import type { MemberClaim, TaskId } from "../../runtime/index.ts";

/** The name that every member of a group must know; members with other assigners cannot join. */
export const assignerName = "millrace-sticky";

/** What a member tells the one that assigns. */
export interface KafkaClaim extends MemberClaim {
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

/** What travels in a member's metadata beside its name and topics. */
export type ClaimToSend = Omit<KafkaClaim, "memberId" | "topics">;

/** The claim as it travels in the member's metadata. Fields are only ever added: members of two versions share a group. */
export function encodeClaim({ owned, generation, tasksAtFirst, onDisk }: ClaimToSend): Buffer {
  return Buffer.from(JSON.stringify({ owned, generation, tasksAtFirst, onDisk: [...onDisk] }));
}

/** The claim of a member; what cannot be read, or was not known to its version, is not claimed. */
export function decodeClaim(memberId: string, topics: readonly string[], bytes: Buffer | null): KafkaClaim {
  const { owned, generation, tasksAtFirst, onDisk } = fieldsOf(bytes);
  const isHolder = Array.isArray(owned) && typeof generation === "number";
  return {
    memberId,
    topics,
    owned: isHolder ? owned.filter(isTask) : [],
    generation: isHolder ? generation : -1,
    tasksAtFirst: typeof tasksAtFirst === "number" ? tasksAtFirst : undefined,
    onDisk: new Map(Array.isArray(onDisk) ? onDisk.filter(isOnDisk) : []),
  };
}

function isTask(task: unknown): task is TaskId {
  return Number.isInteger(task) && Number(task) >= 0;
}

function isOnDisk(entry: unknown): entry is readonly [TaskId, Offset] {
  return Array.isArray(entry) && isTask(entry[0]) && Number.isFinite(entry[1]) && entry[1] > 0;
}

/** What goes to every member beside its tasks, given how many tasks there are now. */
export function sharedNow(tasks: number, claims: readonly KafkaClaim[]): Shared {
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
