import { topicPartitionKey } from "../../kernel/index.ts";
import { type GroupSpec, shareOut, type TaskId } from "../../runtime/index.ts";
import {
  assignerName,
  decodeClaim,
  decodeShared,
  encodeClaim,
  encodeShared,
  type Shared,
  sharedNow,
} from "./assigner.ts";
import type { ProtocolRequest } from "./client-types.ts";
import { describeGroupRequest, type GroupDescription } from "./describe-group-request.ts";
import { KafkaAnswerError, kafkaCode, verdictOf } from "./errors.ts";
import { leaveGroupRequest } from "./leave-group-request.ts";
import type { ClusterLink } from "./link.ts";
import {
  type CommittedCode,
  type Committer,
  type OffsetToCommit,
  offsetCommitRequest,
} from "./offset-commit-request.ts";
import { type TransactionOf, transactionOffsetsRequest } from "./transaction-offsets-request.ts";

export interface GroupTimings {
  /** Without a heartbeat for this long the broker takes a member for dead. */
  readonly sessionMs: number;
  /** How long a rebalance waits for a member to rejoin: longer than the longest chunk. */
  readonly rebalanceMs: number;
  readonly heartbeatMs: number;
  /** How long `revoking` may take before the rejoin goes ahead without it. Below `rebalanceMs`. */
  readonly revokeMsMax: number;
  /** How often the partitions of the inputs are counted between rebalances. */
  readonly metadataMs: number;
  /** How long a transaction waits for one answer, while those who read its partitions wait for it. */
  readonly answerMsMax: number;
}

export const defaultTimings: GroupTimings = {
  // The least that brokers allow by default. A member that dies without an instance id stops its group for that long: the
  // others wait for it in the join.
  sessionMs: 6_000,
  rebalanceMs: 60_000,
  heartbeatMs: 1_000,
  revokeMsMax: 40_000,
  metadataMs: 60_000,
  answerMsMax: 1_000,
};

/** The times of a session that is as long as somebody asks for: as many heartbeats as by default. */
export function sessionTimings(
  sessionMs: number = defaultTimings.sessionMs,
): Pick<GroupTimings, "sessionMs" | "heartbeatMs"> {
  const heartbeatMs = Math.round((sessionMs * defaultTimings.heartbeatMs) / defaultTimings.sessionMs);
  return { sessionMs, heartbeatMs };
}

/** Who a member is to the coordinator, in one generation. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly generation: number;
}

const consumerProtocolVersion = 0;
/** A broker answers a join when the slowest member has rejoined; then it needs a moment of its own. */
const joinGraceMs = 10_000;

/** One member of a consumer group, as the coordinator knows it. Never retries and starts no timers. */
export class GroupMember {
  readonly #link: ClusterLink;
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #instanceId: string | undefined;
  readonly #claims: GroupSpec["claims"];
  readonly #timings: GroupTimings;
  #memberId = "";
  #generation = -1;
  #shared: Shared | undefined;
  /** Somebody else may have come under the instance id since. */
  #isDisowned = false;

  constructor(
    link: ClusterLink,
    { group, topics, instanceId, claims }: Pick<GroupSpec, "group" | "topics" | "instanceId" | "claims">,
    timings: GroupTimings,
  ) {
    this.#link = link;
    this.#group = group;
    this.#topics = topics;
    this.#instanceId = instanceId;
    this.#claims = claims;
    this.#timings = timings;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Of this moment; the next join may give another. */
  get identity(): MemberIdentity {
    return { memberId: this.#memberId, generation: this.#generation };
  }

  /** What was shared out among all members; undefined before the first assignment, and where it did not say. */
  get shared(): Shared | undefined {
    return this.#shared;
  }

  /** Asks the cluster whether the inputs have more partitions than were shared out. */
  async hasGrown(): Promise<boolean> {
    if (this.#shared === undefined) return false;
    return Math.max(0, ...(await this.#partitionCounts(this.#topics)).values()) > this.#shared.tasks;
  }

  /** The coordinator no longer knows this member; the next join is that of a stranger, if nobody has taken its slot. */
  forgetIdentity(): void {
    this.#memberId = "";
    this.#isDisowned = this.#instanceId !== undefined;
  }

  /** The next join takes the slot of whoever has come under the instance id. */
  takeBack(): void {
    this.#memberId = "";
  }

  /**
   * Joins the next generation, claiming the tasks held so far; answers the tasks it got.
   * @throws KafkaAnswerError 82 also when the member had been given up, and another holds its instance id since
   */
  async join(owned: readonly TaskId[]): Promise<TaskId[]> {
    if (this.#isDisowned) await this.#checkInstance();
    this.#isDisowned = false;
    const metadata = this.#link.parts.assignerProtocol.MemberMetadata.encode({
      version: consumerProtocolVersion,
      topics: this.#topics,
      userData: encodeClaim({
        owned,
        generation: this.#generation,
        tasksAtFirst: this.#shared?.tasksAtFirst,
        onDisk: new Map([...(this.#claims?.() ?? [])].map(([task, { offset }]) => [task, offset])),
      }),
    });
    const joined = await this.#joinGroup(metadata);
    this.#memberId = joined.memberId;
    const assignment = joined.leaderId === joined.memberId ? await this.#assign(joined.members) : [];
    const synced = await this.#ask<SyncAnswer>("SyncGroup", {
      groupId: this.#group,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId: this.#instanceId,
      groupAssignment: assignment,
    });
    this.#check("joining", synced.errorCode);
    this.#generation = joined.generationId;
    return this.#tasksOf(synced.memberAssignment);
  }

  async heartbeat(): Promise<void> {
    const answer = await this.#ask<CodeAnswer>("Heartbeat", {
      groupId: this.#group,
      groupGenerationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
    });
    this.#check("staying in", answer.errorCode);
  }

  /**
   * Commits as the member of a generation, which is that of the moment at which ownership was checked (R3): whoever was
   * left behind since is refused, whatever this member has become meanwhile.
   *
   * @returns what was not committed and why, by topic-partition; what is not in it was
   */
  commit(as: MemberIdentity, offsets: readonly OffsetToCommit[]): Promise<ReadonlyMap<string, Error>> {
    return this.#committed(offsetCommitRequest(this.#committer(as), offsets), offsets);
  }

  /** The same as a part of a transaction: the offsets count when it is committed. */
  commitIn(
    transaction: TransactionOf,
    as: MemberIdentity,
    offsets: readonly OffsetToCommit[],
  ): Promise<ReadonlyMap<string, Error>> {
    return this.#committed(transactionOffsetsRequest(transaction, this.#committer(as), offsets), offsets);
  }

  #committer(as: MemberIdentity): Committer {
    return { ...as, group: this.#group, instanceId: this.#instanceId };
  }

  async #committed(request: ProtocolRequest, offsets: readonly OffsetToCommit[]): Promise<ReadonlyMap<string, Error>> {
    const node = await this.#link.coordinatorOf(this.#group);
    const answered = await this.#link.send<readonly CommittedCode[]>(node, "control", () => request);
    const codes = new Map(answered.map((at) => [topicPartitionKey(at.topic, at.partition), at.errorCode]));
    const refused = new Map<string, Error>();
    for (const { topic, partition } of offsets) {
      const key = topicPartitionKey(topic, partition);
      // An answer that leaves a partition out has not committed it.
      const code = codes.get(key) ?? kafkaCode.requestTimedOut;
      if (code !== kafkaCode.none) refused.set(key, this.#errorOf("committing offsets of", code));
    }
    return refused;
  }

  /** @param isJoining whether a join may be under way, behind whose answer the connection of such requests stands still */
  async leave(isJoining: boolean): Promise<void> {
    if (this.#memberId === "") return;
    const request = leaveGroupRequest(this.#group, this.#memberId, this.#instanceId);
    this.#memberId = "";
    const node = await this.#link.coordinatorOf(this.#group);
    await this.#link.send(node, isJoining ? "fetch" : "control", () => request);
  }

  /** A join without a member id would put out whoever holds the instance id now. */
  async #checkInstance(): Promise<void> {
    const node = await this.#link.coordinatorOf(this.#group);
    const request = describeGroupRequest(this.#group);
    const found = await this.#link.send<GroupDescription | undefined>(node, "control", () => request);
    this.#check("looking for the members of", found?.errorCode ?? kafkaCode.requestTimedOut);
    if (found?.members.some(({ instanceId }) => instanceId === this.#instanceId))
      this.#check("joining", kafkaCode.fencedInstanceId);
  }

  async #joinGroup(metadata: Buffer): Promise<JoinAnswer> {
    const { sessionMs, rebalanceMs } = this.#timings;
    for (let isSecond = false; ; isSecond = true) {
      const answer = await this.#ask<JoinAnswer>(
        "JoinGroup",
        {
          groupId: this.#group,
          sessionTimeout: sessionMs,
          rebalanceTimeout: rebalanceMs,
          memberId: this.#memberId,
          groupInstanceId: this.#instanceId,
          protocolType: "consumer",
          groupProtocols: [{ name: assignerName, metadata }],
        },
        rebalanceMs + joinGraceMs,
      );
      // A newcomer is given its name first and joins with it (KIP-394).
      if (answer.errorCode === kafkaCode.memberIdRequired && !isSecond) this.#memberId = answer.memberId;
      else {
        this.#check("joining", answer.errorCode);
        return answer;
      }
    }
  }

  /** This member leads: it shares out the tasks. */
  async #assign(members: JoinAnswer["members"]) {
    const { MemberMetadata, MemberAssignment } = this.#link.parts.assignerProtocol;
    const claims = members.map(({ memberId, memberMetadata }) => {
      const { topics, userData } = MemberMetadata.decode(memberMetadata);
      return decodeClaim(memberId, topics, userData);
    });
    const topics = new Set([...this.#topics, ...claims.flatMap((claim) => claim.topics)]);
    const sharedOut = shareOut(claims, await this.#partitionCounts([...topics]));
    return sharedOut.flatMap(({ topics: read, members: those, taskCount, shares }) => {
      const userData = encodeShared(sharedNow(taskCount, those));
      return [...shares].map(([memberId, tasks]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: consumerProtocolVersion,
          assignment: Object.fromEntries(read.map((topic) => [topic, tasks])),
          userData,
        }),
      }));
    });
  }

  /**
   * As the cluster has it now: what is remembered of a topic may be from before it grew. A topic that only others read
   * counts for nothing where it is gone, or kept from this account.
   */
  async #partitionCounts(asked: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { topics } = await this.#link.describe(asked);
    for (const { topic, errorCode } of topics) {
      const error = new KafkaAnswerError(`counting the partitions of ${topic}`, errorCode);
      const isGone = errorCode === kafkaCode.unknownTopicOrPartition || verdictOf(error) === "denied";
      if (errorCode !== kafkaCode.none && (this.#topics.includes(topic) || !isGone)) throw error;
    }
    return new Map(topics.map(({ topic, partitions }) => [topic, partitions.length]));
  }

  #tasksOf(assignment: Buffer | null): TaskId[] {
    if (assignment === null || assignment.length === 0) return [];
    const decoded = this.#link.parts.assignerProtocol.MemberAssignment.decode(assignment);
    this.#shared = decodeShared(decoded?.userData ?? null);
    const tasks = new Set(this.#topics.flatMap((topic) => decoded?.assignment[topic] ?? []));
    return [...tasks].sort((a, b) => a - b);
  }

  async #ask<T>(name: Parameters<ClusterLink["ask"]>[1], args: object, timeoutMs?: number): Promise<T> {
    const node = await this.#link.coordinatorOf(this.#group);
    return this.#link.ask<T>(node, name, args, timeoutMs);
  }

  #check(doing: string, code: number): void {
    if (code !== kafkaCode.none) throw this.#errorOf(doing, code);
  }

  #errorOf(doing: string, code: number): KafkaAnswerError {
    return new KafkaAnswerError(`${doing} group ${this.#group}`, code, this.#detailOf(code));
  }

  #detailOf(code: number): string | undefined {
    if (code === kafkaCode.fencedInstanceId) return `another process has joined as instance ${this.#instanceId ?? ""}`;
    if (code === kafkaCode.inconsistentGroupProtocol)
      return "members of another client are in this group; give the topology another name or stop them";
    if (code === kafkaCode.invalidSessionTimeout)
      return `group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers allow no session of ${this.#timings.sessionMs} ms; see MILLRACE_SESSION_TIMEOUT`;
    return undefined;
  }
}

interface CodeAnswer {
  readonly errorCode: number;
}

interface JoinAnswer extends CodeAnswer {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface SyncAnswer extends CodeAnswer {
  readonly memberAssignment: Buffer | null;
}
