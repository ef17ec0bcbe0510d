import { silentLogger } from "../../src/kernel/index.ts";
import type { Broker, Membership, TaskHandle, TaskId } from "../../src/runtime/index.ts";
import type { Outgoing } from "../../src/wire/index.ts";

/** Where a call of a handle stands: the group's name, the task, and how many such calls that task has had before. */
interface CallAt {
  readonly group: string;
  readonly task: TaskId;
  /** 0 for the task's first call of its kind, counted over all its handles. */
  readonly index: number;
}

/**
 * What becomes of a call.
 *
 * `half` forwards the first half of a write's batches (rounded down, one batch is halved to none) and then
 * throws; `unanswered` lets the call land and throws instead of answering; `refused` throws and forwards nothing.
 * The error is the plan's, so it also says what follows.
 */
export type Fault =
  | { readonly kind: "half"; readonly error: Error }
  | { readonly kind: "unanswered"; readonly error: Error }
  | { readonly kind: "refused"; readonly error: Error };

export interface FaultPlan {
  /** Asked before every write; undefined lets it pass. May wait, which delays the call. */
  readonly onWrite?: (at: CallAt, outgoing: readonly Outgoing[]) => Fault | undefined | Promise<Fault | undefined>;
  /** Waits until the half of a write that was forwarded is in the log: a handle that ends does not send what waits. */
  readonly halfLanded?: (half: readonly Outgoing[]) => Promise<void>;
  /** Asked before every commit; `half` is the same as `refused`. */
  readonly onCommit?: (at: CallAt) => Fault | undefined | Promise<Fault | undefined>;
}

/** A broker whose handles fail by plan; everything else is the broker's own. Works in front of any adapter. */
export interface FaultyBroker extends Broker {
  /** Lets another member join the group and leave as soon as tasks have moved to it: the group must have two or more. */
  forceRebalance(group: string, topics: readonly string[]): Promise<void>;
}

export function faultyBroker(broker: Broker, plan: FaultPlan): FaultyBroker {
  const counts = new Map<string, number>();
  const nextCall = (kind: string, group: string, task: TaskId): CallAt => {
    const key = `${kind} ${group} ${task}`;
    const index = counts.get(key) ?? 0;
    counts.set(key, index + 1);
    return { group, task, index };
  };
  const wrapHandle = (handle: TaskHandle, group: string, task: TaskId): TaskHandle => ({
    offsetsNext: handle.offsetsNext,
    notes: handle.notes,
    write: async (outgoing) => {
      const fault = await plan.onWrite?.(nextCall("write", group, task), outgoing);
      if (fault === undefined) return handle.write(outgoing);
      if (fault.kind === "half") {
        const half = outgoing.slice(0, Math.floor(outgoing.length / 2));
        await handle.write(half);
        await plan.halfLanded?.(half);
      }
      if (fault.kind === "unanswered") await handle.write(outgoing);
      return endWith(handle, fault.error);
    },
    commit: async (offsetsNext, note) => {
      const fault = await plan.onCommit?.(nextCall("commit", group, task));
      if (fault === undefined) return handle.commit(offsetsNext, note);
      if (fault.kind === "unanswered") await handle.commit(offsetsNext, note);
      return endWith(handle, fault.error);
    },
    close: () => handle.close(),
  });
  const wrapMembership = (membership: Membership, group: string): Membership => ({
    get troubled() {
      return membership.troubled;
    },
    openTask: async (task, epoch, signal) => wrapHandle(await membership.openTask(task, epoch, signal), group, task),
    start: (task, offsets) => membership.start(task, offsets),
    pause: (task) => membership.pause(task),
    resume: (task) => membership.resume(task),
    leave: () => membership.leave(),
  });
  return {
    join: async (spec, sink, signal) => wrapMembership(await broker.join(spec, sink, signal), spec.group),
    writer: () => broker.writer(),
    transaction: (id, signal) => broker.transaction(id, signal),
    append: (records, signal) => broker.append(records, signal),
    read: (range, signal) => broker.read(range, signal),
    admin: broker.admin,
    close: () => broker.close(),
    forceRebalance: (group, topics) => joinAndLeave(broker, group, topics),
  };
}

/** A throw means that the handle is dead, so it must not work on behind the test's back. */
async function endWith(handle: TaskHandle, error: Error): Promise<never> {
  await handle.close();
  throw error;
}

async function joinAndLeave(broker: Broker, group: string, topics: readonly string[]): Promise<void> {
  let assigned: () => void = () => undefined;
  const isIn = new Promise<void>((resolve) => {
    assigned = resolve;
  });
  const membership = await broker.join(
    { group, topics, start: { kind: "earliest" }, logger: silentLogger },
    {
      assigned: () => assigned(),
      revoking: async () => undefined,
      lost: () => undefined,
      batch: async () => undefined,
      failed: () => assigned(),
    },
  );
  await isIn;
  await membership.leave();
}
