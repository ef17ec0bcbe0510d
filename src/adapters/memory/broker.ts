import { type Clock, type Logger, OperationError, type RecordOut } from "../../kernel/index.ts";
import type {
  BatchWriter,
  Broker,
  ClusterAdmin,
  GroupSink,
  GroupSpec,
  Membership,
  OffsetRange,
  TransactionalWriter,
} from "../../runtime/index.ts";
import type { TopicToCreate } from "../../topology/index.ts";
import type { Codecs, RawBatch } from "../../wire/index.ts";
import { MemoryAdmin } from "./admin.ts";
import { appendRecords } from "./append.ts";
import { MemoryBatchWriter } from "./batch-writer.ts";
import { Group } from "./group.ts";
import { readRange } from "./read.ts";
import { TopicStore } from "./store.ts";
import { TransactionalIds } from "./transactional-ids.ts";
import { nextTurn, TurnQueue } from "./turns.ts";

export interface MemoryBrokerOptions {
  readonly codecs: Codecs;
  /** Bounds how long a rebalance waits for a member. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes of segments that the broker holds at most; beyond it the oldest are dropped, read or not. */
  readonly bytesMax: number;
  /** Topics that exist from the start. */
  readonly topics?: readonly TopicToCreate[];
}

/**
 * A whole broker in this process, for `dev`, the demo and fast tests: the same record batches, groups and offsets
 * as a Kafka cluster of one broker, gone when the process ends.
 *
 * Several stages, and several members of one group, share the one instance. `close` ends every membership and
 * reader; it does not tell the sinks.
 */
export function createMemoryBroker(options: MemoryBrokerOptions): Broker {
  return new MemoryBroker(options);
}

class MemoryBroker implements Broker {
  readonly admin: ClusterAdmin;
  readonly #options: MemoryBrokerOptions;
  readonly #store: TopicStore;
  readonly #ids = new TransactionalIds();
  readonly #turns = new TurnQueue();
  readonly #groups = new Map<string, Group>();
  readonly #closing = new AbortController();

  constructor(options: MemoryBrokerOptions) {
    this.#options = options;
    this.#store = new TopicStore(options.bytesMax, options.codecs, options.logger, options.clock);
    for (const spec of options.topics ?? []) this.#store.create(spec);
    this.admin = new MemoryAdmin(this.#store, this.#groups);
  }

  async join(spec: GroupSpec, sink: GroupSink): Promise<Membership> {
    this.#checkOpen();
    let group = this.#groups.get(spec.group);
    if (group === undefined) {
      const { clock, logger } = this.#options;
      group = new Group(spec.group, { store: this.#store, ids: this.#ids, turns: this.#turns, clock, logger });
      this.#groups.set(spec.group, group);
    }
    return group.join(spec, sink);
  }

  async append(records: readonly RecordOut[], signal: AbortSignal): Promise<void> {
    this.#checkOpen();
    signal.throwIfAborted();
    appendRecords(records, this.#store);
    // A feeder that appends in a loop would otherwise never let a timer or a reader run.
    await nextTurn();
  }

  writer(): BatchWriter {
    this.#checkOpen();
    return new MemoryBatchWriter(this.#store, this.#closing.signal);
  }

  async transaction(id: string, signal: AbortSignal): Promise<TransactionalWriter> {
    this.#checkOpen();
    signal.throwIfAborted();
    const taken = this.#ids.take(id);
    await nextTurn();
    return {
      commit: async (records, stop) => {
        this.#checkOpen();
        stop.throwIfAborted();
        taken.check();
        appendRecords(records, this.#store, "transaction");
        await nextTurn();
      },
    };
  }

  read(range: OffsetRange, signal: AbortSignal): AsyncIterable<RawBatch> {
    this.#checkOpen();
    return readRange(range, this.#store, AbortSignal.any([signal, this.#closing.signal]));
  }

  async close(): Promise<void> {
    this.#turns.clear();
    for (const group of this.#groups.values()) for (const member of group.members) member.end();
    this.#groups.clear();
    this.#closing.abort(new OperationError("MR_BROKER", "the in-process broker is closed"));
  }

  #checkOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}
