import type { Broker, Membership, TaskHandle } from "../../src/runtime/index.ts";
import type { RawBatch } from "../../src/wire/index.ts";
import { deferred } from "../support/deadline.ts";

/** A call of the port behind which a process can die. */
export type MortalCall = "open" | "write" | "commit" | "extent" | "read";

/** Whether the process dies at this call: `before` it, or `after` it has landed and before it is answered. */
export type DeathPlan = (
  call: MortalCall,
  index: number,
  /** Topics that a `write` goes to. */
  topics: readonly string[],
) => "before" | "after" | undefined;

/** A broker as one process sees it, and the end of that process. */
export interface Mortal {
  readonly broker: Broker;
  readonly isDead: boolean;
  /** Resolves at its end. */
  readonly died: Promise<void>;
  /** As kill -9: nothing that the process does from here on reaches anything, and its members are gone. */
  kill(): Promise<void>;
}

/**
 * A broker for one process, which dies by plan. What the dead process asks is never answered, so that nothing of it can go
 * on; its members leave, as when their sessions have run out.
 */
export function mortalBroker(broker: Broker, plan: DeathPlan = () => undefined): Mortal {
  const memberships: Membership[] = [];
  let isDead = false;
  let calls = 0;
  const died = deferred<void>();
  const never = new Promise<never>(() => undefined);
  const kill = async (): Promise<void> => {
    if (isDead) return;
    isDead = true;
    died.resolve();
    await Promise.all(memberships.map((membership) => membership.leave()));
  };
  const asked = async <T>(call: MortalCall, ask: () => Promise<T>, topics: readonly string[] = []): Promise<T> => {
    if (isDead) return never;
    const death = plan(call, calls++, topics);
    if (death === "before") {
      await kill();
      return never;
    }
    const answer = await ask();
    if (death === "after") await kill();
    return isDead ? never : answer;
  };
  const handleOf = (handle: TaskHandle): TaskHandle => ({
    offsetsNext: handle.offsetsNext,
    notes: handle.notes,
    write: (outgoing) => {
      const topics = outgoing.map(({ topic }) => topic);
      return asked("write", () => handle.write(outgoing), topics);
    },
    commit: (offsetsNext, note) => asked("commit", () => handle.commit(offsetsNext, note)),
    close: () => (isDead ? never : handle.close()),
  });
  const membershipOf = (membership: Membership): Membership => ({
    troubled: [],
    openTask: (task, epoch, signal) =>
      asked("open", async () => handleOf(await membership.openTask(task, epoch, signal))),
    start: (task, offsets) => membership.start(task, offsets),
    pause: (task) => membership.pause(task),
    resume: (task) => membership.resume(task),
    leave: () => (isDead ? never : membership.leave()),
  });
  async function* read(batches: AsyncIterable<RawBatch>): AsyncGenerator<RawBatch> {
    for await (const batch of batches) yield await asked("read", async () => batch);
  }
  return {
    broker: {
      ...broker,
      join: async (spec, sink, signal) => {
        // It may have died before it came to this.
        if (isDead) return never;
        const membership = await broker.join(spec, sink, signal);
        memberships.push(membership);
        return membershipOf(membership);
      },
      read: (range, signal) => read(broker.read(range, signal)),
      admin: {
        describe: (topics, signal) => broker.admin.describe(topics, signal),
        watermarks: (topic, signal) => broker.admin.watermarks(topic, signal),
        extent: (at, signal) => asked("extent", () => broker.admin.extent(at, signal)),
        committed: (group, topic, signal) => broker.admin.committed(group, topic, signal),
        createTopics: (topics, signal) => broker.admin.createTopics(topics, signal),
        growTopic: (topic, partitions, signal) => broker.admin.growTopic(topic, partitions, signal),
        members: (group, signal) => broker.admin.members(group, signal),
        deleteTopics: (topics, signal) => broker.admin.deleteTopics(topics, signal),
        deleteGroups: (groups, signal) => broker.admin.deleteGroups(groups, signal),
      },
      writer: () => broker.writer(),
      append: (records, signal) => broker.append(records, signal),
      close: () => broker.close(),
    },
    get isDead() {
      return isDead;
    },
    died: died.promise,
    kill,
  };
}
