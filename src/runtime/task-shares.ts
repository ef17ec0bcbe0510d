import type { Offset } from "../kernel/index.ts";
import type { TaskId } from "./port.ts";

/** What a member of a group says of itself when tasks are shared out. */
export interface MemberClaim {
  readonly memberId: string;
  /** Topics that it reads. */
  readonly topics: readonly string[];
  /** Tasks it holds, and the generation it got them in. */
  readonly owned: readonly TaskId[];
  readonly generation: number;
  /** How much of a task's stores it has on disk, above 0, as {@link SnapshotClaim.offset}. */
  readonly onDisk: ReadonlyMap<TaskId, Offset>;
}

/** Members that read the same topics, and what was shared out among them. */
export interface TaskShares<C extends MemberClaim> {
  readonly topics: readonly string[];
  readonly members: readonly C[];
  /** Tasks that there are: as many as the widest of the topics has partitions. */
  readonly taskCount: number;
  /** Tasks of each member, ascending. */
  readonly shares: ReadonlyMap<string, readonly TaskId[]>;
}

/**
 * Shares tasks out among the members of a group; the same claims give the same shares, in whichever order they come.
 *
 * Members that read other topics, as while a stage is given another input, share those among themselves. Of two sets of
 * topics that overlap the one with more members has tasks, and the other has none: nobody reads a partition twice.
 *
 * @param partitions how many partitions a topic has; one that is not named has none
 */
export function shareOut<C extends MemberClaim>(
  claims: readonly C[],
  partitions: ReadonlyMap<string, number>,
): TaskShares<C>[] {
  const bySubscription = new Map<string, C[]>();
  for (const claim of claims) {
    const subscription = JSON.stringify([...claim.topics].sort());
    bySubscription.set(subscription, [...(bySubscription.get(subscription) ?? []), claim]);
  }
  const largestFirst = [...bySubscription].sort(([a, some], [b, others]) => others.length - some.length || order(a, b));
  const taken = new Set<string>();
  return largestFirst.map(([, members]) => {
    const topics = members[0]?.topics ?? [];
    const isFree = topics.every((topic) => !taken.has(topic));
    for (const topic of isFree ? topics : []) taken.add(topic);
    const taskCount = isFree ? Math.max(0, ...topics.map((topic) => partitions.get(topic) ?? 0)) : 0;
    return { topics, members, taskCount, shares: shareTasks(taskCount, members) };
  });
}

/**
 * Shares tasks 0 to `taskCount - 1` among members that read the same topics. In this order:
 *
 * 1. counts differ by at most one;
 * 2. a task moves only where that needs it. Where two members claim to hold it, the one with the later generation does;
 *    the other has slept through a rebalance;
 * 3. a task that moves, or that nobody holds, goes where most of it lies on disk, the largest first.
 */
export function shareTasks(taskCount: number, claims: readonly MemberClaim[]): Map<string, TaskId[]> {
  const sharing = new Sharing(taskCount, claims);
  for (const { memberId, task } of onDiskFirst(claims)) sharing.move(task, memberId);
  return sharing.rest();
}

/** Who has what on disk, the most first. */
function onDiskFirst(claims: readonly MemberClaim[]): { readonly memberId: string; readonly task: TaskId }[] {
  return claims
    .flatMap(({ memberId, onDisk }) => [...onDisk].map(([task, offset]) => ({ memberId, task, offset })))
    .sort((a, b) => b.offset - a.offset || a.task - b.task || order(a.memberId, b.memberId));
}

class Sharing {
  /** Tasks of each member, in the order of their names. */
  readonly #tasks: ReadonlyMap<string, Set<TaskId>>;
  /** Whose each task is; none of those that nobody has yet. */
  readonly #owners: Map<TaskId, string>;
  readonly #taskCount: number;
  /** What every member gets. */
  readonly #share: number;
  /** How many members get one more. */
  #larger: number;
  /** Members that do. */
  readonly #isLarger = new Set<string>();

  constructor(taskCount: number, claims: readonly MemberClaim[]) {
    this.#taskCount = taskCount;
    this.#owners = holdersOf(taskCount, claims);
    const tasks = new Map<string, Set<TaskId>>(claims.map(({ memberId }) => [memberId, new Set()]));
    for (const [task, memberId] of [...this.#owners].sort(([a], [b]) => a - b)) tasks.get(memberId)?.add(task);
    this.#tasks = new Map([...tasks].sort(([a], [b]) => order(a, b)));
    this.#share = Math.floor(taskCount / Math.max(1, claims.length));
    this.#larger = taskCount - this.#share * claims.length;
    // Whoever holds more than its share gets the larger ones first, so that the fewest tasks move.
    for (const [memberId, { size }] of this.#tasks) if (size > this.#share) this.#enlarge(memberId);
  }

  /** Gives a task to a member that has room for it, unless its holder may keep it. */
  move(task: TaskId, memberId: string): void {
    const owner = this.#owners.get(task);
    if (task >= this.#taskCount) return;
    // Nobody who was given one has any to spare, so that none moves twice.
    if (owner !== undefined && this.#excessOf(owner) <= 0) return;
    if (this.#excessOf(memberId) >= 0 && !(this.#excessOf(memberId) === 0 && this.#enlarge(memberId))) return;
    if (owner !== undefined) this.#tasks.get(owner)?.delete(task);
    this.#give(task, memberId);
  }

  /** Gives away what is left. @returns the tasks of each member */
  rest(): Map<string, TaskId[]> {
    for (const [memberId, tasks] of this.#tasks) {
      const highest = [...tasks].sort((a, b) => b - a).slice(0, Math.max(0, this.#excessOf(memberId)));
      for (const task of highest) {
        tasks.delete(task);
        this.#owners.delete(task);
      }
    }
    const free = Array.from({ length: this.#taskCount }, (_, task) => task).filter((task) => !this.#owners.has(task));
    for (const memberId of this.#tasks.keys()) {
      if (this.#excessOf(memberId) <= 0) this.#enlarge(memberId);
      for (const task of free.splice(0, -this.#excessOf(memberId))) this.#give(task, memberId);
    }
    return new Map([...this.#tasks].map(([memberId, tasks]) => [memberId, [...tasks].sort((a, b) => a - b)]));
  }

  #give(task: TaskId, memberId: string): void {
    this.#tasks.get(memberId)?.add(task);
    this.#owners.set(task, memberId);
  }

  /** How many tasks a member has above what it gets; below 0 it has room. */
  #excessOf(memberId: string): number {
    return (this.#tasks.get(memberId)?.size ?? 0) - this.#share - (this.#isLarger.has(memberId) ? 1 : 0);
  }

  /** @returns whether the member gets one more from now on */
  #enlarge(memberId: string): boolean {
    if (this.#larger === 0 || this.#isLarger.has(memberId)) return false;
    this.#larger--;
    this.#isLarger.add(memberId);
    return true;
  }
}

function holdersOf(taskCount: number, claims: readonly MemberClaim[]): Map<TaskId, string> {
  const holders = new Map<TaskId, MemberClaim>();
  for (const claim of claims) {
    for (const task of claim.owned) {
      const other = holders.get(task);
      if (task < taskCount && (other === undefined || isHolder(claim, other))) holders.set(task, claim);
    }
  }
  return new Map([...holders].map(([task, { memberId }]) => [task, memberId]));
}

/** Of two that claim a task in one generation, which is never so, it is anyone's as long as all agree whose. */
function isHolder(claim: MemberClaim, other: MemberClaim): boolean {
  return (
    claim.generation - other.generation > 0 ||
    (claim.generation === other.generation && claim.memberId < other.memberId)
  );
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
