import { silentLogger, topicPartitionKey } from "../../../src/kernel/index.ts";
import {
  type Broker,
  type Membership,
  type OwnedBatch,
  type TaskHandle,
  TaskHandleError,
  type TaskId,
} from "../../../src/runtime/index.ts";
import { RecordingSink } from "../../support/recording-sink.ts";
import { outgoingOf, plainRecords, textOf, textRecord } from "../../support/records.ts";

export interface CopyOptions {
  readonly group: string;
  readonly input: string;
  readonly output: string;
  readonly outputPartitions: number;
  readonly instanceId: string;
  /** Records between two commits. */
  readonly chunkRecords: number;
}

interface Running {
  readonly handle: TaskHandle;
  next: number;
}

/**
 * A member that copies every record of its input to the output, exactly once, chunk by chunk: record n of a partition to
 * partition n modulo their number. It opens a task again when it is told to.
 */
export class CopyingMember {
  readonly #broker: Broker;
  readonly #options: CopyOptions;
  readonly #sink: RecordingSink;
  readonly #running = new Map<TaskId, Running>();
  readonly #end = new AbortController();
  #membership: Membership | undefined;

  private constructor(broker: Broker, options: CopyOptions) {
    this.#broker = broker;
    this.#options = options;
    this.#sink = new RecordingSink({ deadlineMs: 60_000, onBatch: (owned) => this.#copy(owned) });
    const assigned = this.#sink.assigned.bind(this.#sink);
    this.#sink.assigned = (tasks) => {
      assigned(tasks);
      for (const { task } of tasks) void this.#open(task);
    };
  }

  static async start(broker: Broker, options: CopyOptions): Promise<CopyingMember> {
    const member = new CopyingMember(broker, options);
    const { group, input, instanceId } = options;
    const start = { kind: "earliest" } as const;
    const spec = { group, topics: [input], start, delivery: "exactly-once", instanceId, logger: silentLogger } as const;
    member.#membership = await broker.join(spec, member.#sink);
    return member;
  }

  /** What ended the membership by itself. */
  get failures(): readonly Error[] {
    return this.#sink.failures;
  }

  /** Ends as a process that is killed: nothing more is said to anybody. */
  async kill(): Promise<void> {
    this.#end.abort();
    await this.#broker.close();
  }

  async #open(task: TaskId): Promise<void> {
    const epoch = this.#sink.epochOf(task);
    while (!this.#end.signal.aborted && this.#sink.owned.get(task) === epoch) {
      try {
        const handle = await this.#membership?.openTask(task, epoch, this.#end.signal);
        const next = handle?.offsetsNext.get(topicPartitionKey(this.#options.input, task));
        if (handle === undefined || next === undefined) return;
        this.#running.set(task, { handle, next });
        this.#membership?.start(task, handle.offsetsNext);
        return;
      } catch (error) {
        if (!(error instanceof TaskHandleError) || error.failure !== "reopen") return;
      }
    }
  }

  async #copy({ task, batch }: OwnedBatch): Promise<void> {
    const { input, output, outputPartitions, chunkRecords } = this.#options;
    const running = this.#running.get(task);
    if (running === undefined || batch.offsetAsked !== running.next) return;
    const records = plainRecords(batch).map((record) => {
      const partition = record.offset % outputPartitions;
      return { offset: record.offset, out: textRecord(output, partition, textOf(record) ?? "") };
    });
    try {
      for (let from = 0; from < records.length; from += chunkRecords) {
        const chunk = records.slice(from, from + chunkRecords);
        for (let partition = 0; partition < outputPartitions; partition++) {
          const own = chunk.map(({ out }) => out).filter((out) => out.partition === partition);
          if (own.length > 0) await running.handle.write([outgoingOf(own)]);
        }
        const next = from + chunkRecords < records.length ? (chunk.at(-1)?.offset ?? 0) + 1 : batch.offsetNext;
        await running.handle.commit(new Map([[topicPartitionKey(input, task), next]]));
        running.next = next;
      }
    } catch (error) {
      this.#running.delete(task);
      if (error instanceof TaskHandleError && error.failure === "reopen") void this.#open(task);
    }
  }
}
