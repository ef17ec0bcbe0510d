import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { defaultTimings, type GroupMember, type MemberIdentity } from "../../../src/adapters/kafkajs/group-member.ts";
import type { InstanceHold } from "../../../src/adapters/kafkajs/instance-hold.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { KafkaMembership } from "../../../src/adapters/kafkajs/membership.ts";
import type { OffsetToCommit } from "../../../src/adapters/kafkajs/offset-commit-request.ts";
import type { TransactionCoordinator } from "../../../src/adapters/kafkajs/transaction-coordinator.ts";
import { TransactionalProducer } from "../../../src/adapters/kafkajs/transactional-producer.ts";
import { type Logger, silentLogger } from "../../../src/kernel/index.ts";
import type { GroupSpec } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { RecordingSink } from "../../support/recording-sink.ts";

export const key = "in-0";
export const at = (offset: number) => new Map([[key, offset]]);
const { signal } = new AbortController();

/** A member of one task in a group whose coordinator answers as the test says. */
export async function memberOf(answers: {
  committed(): number;
  /** Called with what the commit says it is from; throws what the coordinator answers. */
  commit?(generation: number, memberId: string): Promise<void>;
  /** Tasks of each generation; one task for ever by default. */
  readonly tasks?: readonly (readonly number[])[];
  heartbeat?(generation: number): Error | undefined;
  /** Of the member now; always the same by default. */
  memberId?(): string;
  readonly hold?: InstanceHold;
  readonly decidingGroup?: string;
  /** Of the offset that is committed. */
  readonly metadata?: string;
  /** What the coordinator says of the offset; nothing by default. */
  offsetCode?(): number;
  /** As a static member does that takes its own place again. */
  readonly staysInGeneration?: boolean;
  join?(generation: number): Promise<void>;
  readonly onRevoking?: () => Promise<void>;
  /** How much time passes between two looks whether something is over. */
  readonly stepMs?: number;
  /** As one whose tasks commit in transactions. */
  readonly spec?: Pick<GroupSpec, "delivery" | "hasChangelogs" | "name">;
}) {
  const clock = new FakeClock(1_700_000_000_000);
  const logged: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_, message) => void logged.push(message) };
  const sink = new RecordingSink({
    deadlineMs: 1_000,
    ...(answers.onRevoking === undefined ? {} : { onRevoking: answers.onRevoking }),
  });
  const asked: string[] = [];
  const left: (string | undefined)[] = [];
  const member = {
    generation: 0,
    get identity() {
      return { memberId: answers.memberId?.() ?? "m", generation: this.generation };
    },
    isGained: () => false,
    hasGrown: async () => false,
    async join() {
      await answers.join?.(this.generation + 1);
      if (answers.staysInGeneration !== true || this.generation === 0) this.generation++;
      return answers.tasks?.[this.generation - 1] ?? [0];
    },
    async heartbeat() {
      const error = answers.heartbeat?.(this.generation);
      if (error !== undefined) throw error;
    },
    leave: async () => undefined,
    forgetIdentity: () => undefined,
    takeBack: () => asked.push("take back"),
    commit: async (as: MemberIdentity, offsets: readonly OffsetToCommit[]) => {
      asked.push(`commit ${offsets[0]?.offset} in ${as.generation}`);
      left.push(offsets[0]?.metadata);
      await answers.commit?.(as.generation, as.memberId);
      return new Map<string, Error>();
    },
    commitIn: async (
      { transactionalId }: TransactionalProducer,
      as: MemberIdentity,
      offsets: readonly OffsetToCommit[],
    ) => {
      asked.push(`offset ${offsets[0]?.offset} in ${as.generation} as ${transactionalId}`);
      left.push(offsets[0]?.metadata);
      await answers.commit?.(as.generation, as.memberId);
      return new Map<string, Error>();
    },
  };
  const coordinator = {
    take: async (id: string) => {
      asked.push(`take ${id}`);
      return new TransactionalProducer(id, { producerId: 1, producerEpoch: 1 }, true);
    },
    end: async ({ transactionalId }: TransactionalProducer, isCommitted: boolean) => {
      asked.push(`${isCommitted ? "end" : "abort"} ${transactionalId}`);
    },
  };
  const link = {
    coordinatorOf: async () => 1,
    leaderOf: async () => 1,
    forgetCoordinator: () => undefined,
    doubtTopic: () => undefined,
    doubt: () => undefined,
    leader: () => 1,
    partition: () => undefined,
    known: () => undefined,
    topic: async () => ({ topic: "in", id: "now", errorCode: 0, partitions: [] }),
    ask: async () => ({ responses: [{ topic: "in", partitions: [{ partition: 0, errorCode: 0, offset: "100" }] }] }),
    send: async (_node: number, _lane: string, make: () => ProtocolRequest) => {
      asked.push("offsets");
      const offset = answers.committed();
      const metadata = answers.metadata ?? "";
      const errorCode = answers.offsetCode?.() ?? 0;
      const found = { topic: "in", partition: 0, offset, leaderEpoch: -1, metadata, errorCode };
      // Behind the header's tags, the group, and the topic's name (OffsetFetch 7): how many partitions, and which.
      const { buffer } = await make().request.encode();
      const partitions = Array.from({ length: (buffer[7] ?? 1) - 1 }, (_, i) => buffer.readInt32BE(8 + 4 * i));
      return { errorCode: 0, partitions: partitions.map((partition) => ({ ...found, partition })) };
    },
    close: async () => undefined,
  };
  const membership = new KafkaMembership({
    spec: {
      group: "g",
      topics: ["in"],
      start: { kind: "earliest" },
      logger,
      ...answers.spec,
      ...(answers.decidingGroup === undefined ? {} : { decidingGroup: answers.decidingGroup }),
    },
    sink,
    link: link as unknown as ClusterLink,
    member: member as unknown as GroupMember,
    hold: answers.hold,
    send: async ({ role }, { transaction }) => {
      asked.push(`write ${role}${transaction === undefined ? "" : ` as ${transaction.transactionalId}`}`);
    },
    ...(answers.spec === undefined
      ? {}
      : { transactions: { coordinator: coordinator as unknown as TransactionCoordinator, isSecondVersion: true } }),
    codecs: noCodecs,
    clock,
    timings: defaultTimings,
    unknownTopicMs: 30_000,
    isMember: () => undefined,
    isLeaveForGood: false,
    ended: async () => undefined,
  });
  membership.begin();
  await sink.until("the tasks", () => sink.owned.size === (answers.tasks?.[0]?.length ?? 1));
  /** Lets time pass until the promise settles. */
  const passing = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    over.catch(() => undefined);
    for (let step = 0; step < 200 && !isOver; step++) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      clock.advance(answers.stepMs ?? 250);
    }
    return over;
  };
  const open = (task = 0) => passing(membership.openTask(task, sink.epochOf(task), signal));
  return { membership, sink, clock, logged, asked, left, open, passing };
}
