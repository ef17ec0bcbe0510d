import fc from "fast-check";
import { expect, test } from "vitest";
import { type Offset, silentLogger, topicPartitionKey } from "../../../src/kernel/index.ts";
import {
  type Broker,
  type GroupSink,
  type Membership,
  type OwnedBatch,
  type OwnedTask,
  type TaskHandle,
  TaskHandleError,
  type TaskId,
} from "../../../src/runtime/index.ts";
import { eventually } from "../../support/deadline.ts";
import { outgoingOf, plainRecords, textOf, textRecord, textRecords } from "../../support/records.ts";
import { brokerOf, deadlineMs, never, topicOf } from "./bench.ts";

const partitions = 4;

/** The smallest stage there is: copies every record to the same partition of `out` and commits after each batch. */
class CopyingMember implements GroupSink {
  membership: Membership | undefined;
  readonly failures: unknown[] = [];
  readonly #handles = new Map<TaskId, { handle: TaskHandle; position: Offset }>();

  async join(broker: Broker): Promise<this> {
    const spec = { group: "copy", topics: ["raw"], start: { kind: "earliest" }, logger: silentLogger } as const;
    this.membership = await broker.join(spec, this);
    return this;
  }

  assigned(tasks: readonly OwnedTask[]): void {
    for (const owned of tasks) void this.#guarded(() => this.#open(owned));
  }

  async revoking(): Promise<void> {
    await Promise.resolve();
  }

  lost(tasks: readonly TaskId[]): void {
    for (const task of tasks) this.#handles.delete(task);
  }

  async batch({ task, batch }: OwnedBatch): Promise<void> {
    await this.#guarded(async () => {
      const open = this.#handles.get(task);
      if (open === undefined) return;
      expect(batch.offsetAsked).toBe(open.position);
      open.position = batch.offsetNext;
      const copies = plainRecords(batch).map((record) => textRecord("out", task, textOf(record) ?? ""));
      await open.handle.write([outgoingOf(copies)]);
      await open.handle.commit(new Map([[topicPartitionKey("raw", task), batch.offsetNext]]));
    });
  }

  failed(error: Error): void {
    this.failures.push(error);
  }

  async #open({ task, epoch }: OwnedTask): Promise<void> {
    const handle = await this.membership?.openTask(task, epoch, never);
    if (handle === undefined) throw new Error("assigned before the join was answered");
    this.#handles.set(task, { handle, position: handle.offsetsNext.get(topicPartitionKey("raw", task)) ?? -1 });
    this.membership?.start(task, handle.offsetsNext);
  }

  /** Losing a task in the middle of anything is normal; everything else is a finding. */
  async #guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof TaskHandleError && error.failure === "lost")) this.failures.push(error);
    }
  }
}

type Act = { readonly kind: "join" | "leave" | "append"; readonly which: number };

async function survive(acts: readonly Act[]): Promise<void> {
  const broker = brokerOf({ topics: [topicOf("raw", partitions), topicOf("out", partitions)] });
  const everyone = [await new CopyingMember().join(broker)];
  const members = [...everyone];
  const ends = Array.from({ length: partitions }, () => 0);
  for (const { kind, which } of acts) {
    if (kind === "join") {
      const member = await new CopyingMember().join(broker);
      members.push(member);
      everyone.push(member);
    } else if (kind === "leave" && members.length > 1) {
      await members.splice(which % members.length, 1)[0]?.membership?.leave();
    } else {
      const partition = which % partitions;
      const from = ends[partition] ?? 0;
      await broker.append(textRecords("raw", partition, 3, `${from}.`), never);
      ends[partition] = from + 3;
    }
  }
  await eventually(deadlineMs, `all of ${ends.join(",")} to be committed`, async () => {
    const committed = await broker.admin.committed("copy", "raw", never);
    return committed.every(({ partition, offset }) => offset === ends[partition]) ? true : undefined;
  });
  expect(everyone.flatMap((member) => member.failures)).toEqual([]);
  for (let partition = 0; partition < partitions; partition++) {
    expect(await copied(broker, partition)).toEqual(await texts(broker, "raw", partition));
  }
  await broker.close();
}

/** What arrived in `out`, later copies left out. */
async function copied(broker: Broker, partition: number): Promise<string[]> {
  return [...new Set(await texts(broker, "out", partition))];
}

async function texts(broker: Broker, topic: string, partition: number): Promise<string[]> {
  const marks = await broker.admin.watermarks(topic, never);
  const range = { topic, partition, from: "earliest", to: marks[partition]?.end ?? 0 } as const;
  const found: string[] = [];
  for await (const batch of broker.read(range, never)) {
    found.push(...plainRecords(batch).map((record) => textOf(record) ?? ""));
  }
  return found;
}

test("whoever joins and leaves, every record is copied and committed, in order", async () => {
  const act = fc.record({
    kind: fc.constantFrom<Act["kind"]>("join", "leave", "append", "append", "append"),
    which: fc.nat(20),
  });
  await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 40 }), survive), { numRuns: 60 });
});
