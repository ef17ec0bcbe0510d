import { setMaxListeners } from "node:events";
import {
  type Clock,
  type Logger,
  messageOf,
  type OffsetsNext,
  OperationError,
  say,
  topicPartitionKey,
} from "../../kernel/index.ts";
import { type Epoch, type GroupSink, type GroupSpec, shareOut, type TaskId } from "../../runtime/index.ts";
import { type CommittedOffset, type MemberAround, type MemberGroup, MemoryMembership } from "./membership.ts";

/** How long a rebalance waits for one member to commit or drop its chunk; kafkajs's rebalance timeout. */
const revokingMsMax = 60_000;

export interface GroupOptions extends MemberAround {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A consumer group: members, who owns which task, committed offsets.
 *
 * A change of members starts a rebalance, in the manner of Kafka's eager protocol: every delivery is held, every
 * member with tasks is asked to revoke all of them, and when all have answered (or their time is up) the next
 * generation begins. A member that keeps a task keeps its epoch and handle: only the owner can commit, so the
 * committed offset cannot have moved under it. Tasks that move are lost there before they are assigned here.
 */
export class Group implements MemberGroup {
  readonly #name: string;
  readonly #options: GroupOptions;
  readonly #committed = new Map<string, CommittedOffset>();
  readonly #epochs = new Map<TaskId, Epoch>();
  #members: MemoryMembership[] = [];
  /** Tasks of each member; one that has just taken another's place has them before it is assigned them. */
  #shares: ReadonlyMap<MemoryMembership, readonly TaskId[]> = new Map();
  #generation = 0;
  /** Tasks of the first generation that had members; a later number came with a partition that a topic gained. */
  #tasksAtFirst: number | undefined;
  #isWanted = false;
  #isRebalancing = false;

  constructor(name: string, options: GroupOptions) {
    this.#name = name;
    this.#options = options;
  }

  get members(): readonly MemoryMembership[] {
    return this.#members;
  }

  /** A member that brings the instance id of another takes its tasks over, and the other is fenced. */
  join(spec: GroupSpec, sink: GroupSink): MemoryMembership {
    for (const topic of spec.topics) this.#options.store.get(topic);
    const member = new MemoryMembership(spec, sink, this, this.#options);
    const fenced = this.#members.find(
      (other) => spec.instanceId !== undefined && other.spec.instanceId === spec.instanceId,
    );
    this.#members.push(member);
    if (fenced !== undefined) {
      this.#shares = new Map([...this.#shares, [fenced, []], [member, this.#shares.get(fenced) ?? []]]);
      const message = `group ${this.#name}: another member joined as instance ${spec.instanceId ?? ""}`;
      fenced.fail(new OperationError("MR_INSTANCE", message));
    } else {
      this.#rebalance();
    }
    return member;
  }

  removed(member: MemoryMembership): void {
    this.#members = this.#members.filter((other) => other !== member);
    this.#rebalance();
  }

  committed(topic: string, partition: number): CommittedOffset | undefined {
    return this.#committed.get(topicPartitionKey(topic, partition));
  }

  commit(offsets: OffsetsNext, note?: string): void {
    for (const [key, offset] of offsets) this.#committed.set(key, { offset, note });
  }

  /** A topic has more partitions now. */
  grown(topic: string): void {
    if (this.#members.some(({ spec }) => spec.topics.includes(topic))) this.#rebalance();
  }

  isGained(task: TaskId): boolean {
    return this.#tasksAtFirst !== undefined && task >= this.#tasksAtFirst;
  }

  /** Offsets of a deleted topic mean nothing for a new one of its name. */
  forget(topic: string, partitions: number): void {
    this.#tasksAtFirst = undefined;
    for (let partition = 0; partition < partitions; partition++) {
      this.#committed.delete(topicPartitionKey(topic, partition));
    }
  }

  #rebalance(): void {
    this.#isWanted = true;
    if (this.#isRebalancing) return;
    this.#isRebalancing = true;
    // In a later turn: whoever joined has its membership in hand before anything is assigned to it.
    setImmediate(() => void this.#runRebalances());
  }

  async #runRebalances(): Promise<void> {
    while (this.#isWanted) {
      for (const member of this.#members) member.hold();
      await Promise.all(this.#members.map((member) => this.#revoke(member)));
      // Whoever came or went while the members revoked is part of this generation.
      this.#isWanted = false;
      this.#nextGeneration();
    }
    this.#isRebalancing = false;
  }

  async #revoke(member: MemoryMembership): Promise<void> {
    const { clock, logger } = this.#options;
    const { tasks } = member;
    if (tasks.length === 0) return;
    const late = new AbortController();
    // Every task of the member listens while it is given back.
    setMaxListeners(0, late.signal);
    const answered = new AbortController();
    const timer = clock.sleep(revokingMsMax, AbortSignal.any([answered.signal, member.gone])).then(
      () => {
        say(logger, "memberRevokesLate", { group: this.#name, generation: this.#generation });
        late.abort(new Error(`the rebalance of ${this.#name} goes on without this member`));
      },
      () => {
        if (member.gone.aborted) late.abort();
      },
    );
    const revoked = member.sink.revoking(tasks, late.signal).catch((error: unknown) => {
      say(logger, "memberThrewAtRevoke", { group: this.#name, reason: messageOf(error) });
    });
    // The timer also ends when the member leaves; an answer after that is not waited for.
    await Promise.race([revoked, timer]);
    answered.abort();
  }

  #nextGeneration(): void {
    this.#generation++;
    const members = this.#members;
    const taskCount = this.#taskCount();
    if (members.length > 0) this.#tasksAtFirst = Math.min(taskCount, this.#tasksAtFirst ?? taskCount);
    const shares = this.#shareOut();
    const lost = members.map((member) => member.tasks.filter((task) => shares.get(member)?.includes(task) !== true));
    this.#shares = shares;
    for (const [index, member] of members.entries()) member.drop(lost[index] ?? []);
    for (const [index, member] of members.entries()) {
      const held = new Set(member.tasks);
      const gained = (shares.get(member) ?? []).filter((task) => !held.has(task));
      const owned = gained.map((task) => ({ task, epoch: this.#nextEpoch(task) }));
      member.take(owned, (lost[index] ?? []).length > 0);
      member.release();
    }
  }

  #shareOut(): ReadonlyMap<MemoryMembership, readonly TaskId[]> {
    const claims = this.#members.map((member, index) => ({
      member,
      // In the order in which they came.
      memberId: String(index).padStart(9, "0"),
      topics: member.spec.topics,
      owned: this.#shares.get(member) ?? [],
      generation: this.#generation,
      onDisk: new Map([...(member.spec.claims?.() ?? [])].map(([task, { offset }]) => [task, offset])),
    }));
    const topics = new Set(claims.flatMap((claim) => claim.topics));
    const partitions = new Map([...topics].map((topic) => [topic, this.#options.store.find(topic)?.logs.length ?? 0]));
    const sharedOut = shareOut(claims, partitions).flatMap(({ members, shares }) =>
      members.map(({ member, memberId }) => [member, shares.get(memberId) ?? []] as const),
    );
    return new Map(sharedOut);
  }

  #nextEpoch(task: TaskId): Epoch {
    const epoch = (this.#epochs.get(task) ?? 0) + 1;
    this.#epochs.set(task, epoch);
    return epoch;
  }

  #taskCount(): number {
    const topics = new Set(this.#members.flatMap((member) => member.spec.topics));
    return Math.max(0, ...[...topics].map((topic) => this.#options.store.find(topic)?.logs.length ?? 0));
  }
}
