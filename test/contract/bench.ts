import { expect } from "vitest";
import type { RecordOut } from "../../src/kernel/index.ts";
import { silentLogger } from "../../src/kernel/index.ts";
import type { Broker, GroupSpec, Membership, OffsetRange, TaskHandle, TaskId } from "../../src/runtime/index.ts";
import type { DeliveryMode } from "../../src/topology/index.ts";
import { eventually, within } from "../support/deadline.ts";
import { RecordingSink, type SinkOptions } from "../support/recording-sink.ts";
import { type PlainRecord, plainRecords, textOf } from "../support/records.ts";

/** A broker that the contract runs on, and what the port alone cannot do to it. */
export interface BrokerUnderTest {
  readonly broker: Broker;
  createTopic(name: string, partitions: number, configs?: Readonly<Record<string, string>>): Promise<void>;
  dispose(): Promise<void>;
  /** Another client of the same cluster, as another process would have; the same broker when absent. */
  readonly secondClient?: () => Promise<Broker>;
  /**
   * Makes a partition of a topic with `retention.bytes` 1 lose its first record and keep at least one.
   * Tests that need it are skipped when absent.
   */
  readonly dropOldest?: (topic: string, partition: number) => Promise<void>;
}

export interface BrokerContractOptions {
  readonly name: string;
  readonly create: () => Promise<BrokerUnderTest>;
  /** Of all members that do not ask for another. */
  readonly delivery: DeliveryMode;
  /** Transactions alone, on a cluster that has others run the rest. */
  readonly isOnlyTransactions?: boolean;
  /** How long any single event may take, in milliseconds. */
  readonly deadlineMs?: number;
}

export interface JoinOptions extends Partial<GroupSpec> {
  readonly broker?: Broker;
  readonly onRevoking?: SinkOptions["onRevoking"];
}

/** A joined member and what reached it. */
export interface Member {
  readonly sink: RecordingSink;
  readonly membership: Membership;
  /** Opens the task under the epoch it is owned with. */
  open(task: TaskId): Promise<TaskHandle>;
  /** Opens the task and starts it at its committed offsets. */
  openAndStart(task: TaskId): Promise<TaskHandle>;
}

let namesGiven = 0;

/** What every test of the contract works with: fresh names, members, and a reader. */
export class Bench {
  readonly deadlineMs: number;
  readonly delivery: DeliveryMode;
  readonly #under: BrokerUnderTest;
  readonly #memberships: Membership[] = [];
  readonly #brokers: Broker[] = [];
  readonly #over = new AbortController();
  /** Told apart from those of other runs against the same cluster. */
  readonly #run = Math.random().toString(36).slice(2, 8);

  constructor(under: BrokerUnderTest, delivery: DeliveryMode, deadlineMs: number) {
    this.#under = under;
    this.delivery = delivery;
    this.deadlineMs = deadlineMs;
  }

  /** Offsets that a commit takes in each partition it wrote to, behind its records: the marker of a transaction. */
  get markersPerCommit(): number {
    return this.delivery === "exactly-once" ? 1 : 0;
  }

  get broker(): Broker {
    return this.#under.broker;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get dropOldest(): BrokerUnderTest["dropOldest"] {
    return this.#under.dropOldest;
  }

  name(stem: string): string {
    namesGiven++;
    return `contract-${this.#run}.${stem}-${namesGiven}`;
  }

  /** A new topic that keeps old records, whatever their timestamps. */
  async topic(partitions: number, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = this.name("topic");
    await this.#under.createTopic(name, partitions, { "retention.ms": "-1", ...configs });
    return name;
  }

  /** Gives a topic more partitions. */
  grow(topic: string, partitions: number): Promise<void> {
    return this.within("a topic to grow", this.broker.admin.growTopic(topic, partitions, this.signal));
  }

  async secondBroker(): Promise<Broker> {
    if (this.#under.secondClient === undefined) return this.broker;
    const broker = await this.#under.secondClient();
    if (broker !== this.broker) this.#brokers.push(broker);
    return broker;
  }

  async join(topics: readonly string[], options: JoinOptions = {}): Promise<Member> {
    const { broker = this.broker, onRevoking, ...spec } = options;
    const sink = new RecordingSink({
      deadlineMs: this.deadlineMs,
      ...(onRevoking === undefined ? {} : { onRevoking }),
    });
    const group: GroupSpec = {
      group: this.name("group"),
      topics,
      start: { kind: "earliest" },
      delivery: this.delivery,
      logger: silentLogger,
      ...spec,
    };
    const membership = await this.within("a join", broker.join(group, sink));
    this.#memberships.push(membership);
    const open = (task: TaskId): Promise<TaskHandle> =>
      this.within("a task to open", membership.openTask(task, sink.epochOf(task), this.signal));
    const openAndStart = async (task: TaskId): Promise<TaskHandle> => {
      const handle = await open(task);
      membership.start(task, handle.offsetsNext);
      return handle;
    };
    return { sink, membership, open, openAndStart };
  }

  /** Joins alone and waits until the member owns `taskCount` tasks. */
  async joinAlone(topics: readonly string[], taskCount: number, options: JoinOptions = {}): Promise<Member> {
    const member = await this.join(topics, options);
    await member.sink.until(`${taskCount} tasks`, () => member.sink.owned.size === taskCount);
    return member;
  }

  append(records: readonly RecordOut[]): Promise<void> {
    return this.within("an append", this.broker.append(records, this.signal));
  }

  /** Every record of a bounded range. */
  async read(range: OffsetRange & { readonly to: number }): Promise<PlainRecord[]> {
    const records: PlainRecord[] = [];
    const all = async (): Promise<void> => {
      for await (const batch of this.broker.read(range, this.signal)) records.push(...plainRecords(batch));
    };
    await this.within(`the records of ${range.topic}-${range.partition} up to ${range.to}`, all());
    return records;
  }

  /** Texts of all records of a partition that can be seen now. */
  async seenIn(topic: string, partition: number): Promise<(string | undefined)[]> {
    const marks = await this.broker.admin.watermarks(topic, this.signal);
    const { low, end } = marks.find((mark) => mark.partition === partition) ?? { low: 0, end: 0 };
    const read = low === end ? [] : await this.read({ topic, partition, from: low, to: end });
    return read.map((record) => textOf(record));
  }

  /**
   * Resolves when a partition has these records and no others. What a transaction wrote is decided when its commit has
   * answered; a cluster may take a moment longer until it shows it.
   */
  async untilSeen(topic: string, partition: number, texts: readonly string[]): Promise<void> {
    let seen: (string | undefined)[] = [];
    const check = async (): Promise<true | undefined> => {
      seen = await this.seenIn(topic, partition);
      return seen.length >= texts.length || undefined;
    };
    await eventually(this.deadlineMs, `${texts.length} records in ${topic}-${partition}`, check);
    expect(seen).toEqual(texts);
  }

  /** Resolves when the partitions of a topic end at these offsets, for those who see only what is committed. */
  async untilEnds(topic: string, ends: readonly number[]): Promise<void> {
    let found: number[] = [];
    const check = async (): Promise<true | undefined> => {
      const marks = await this.broker.admin.watermarks(topic, this.signal);
      found = marks.map(({ end }) => end);
      return found.every((end, partition) => end >= (ends[partition] ?? 0)) || undefined;
    };
    await eventually(this.deadlineMs, `${topic} to end at ${ends.join(", ")}`, check);
    expect(found).toEqual(ends);
  }

  /** The group's committed offset, once it is `offset`. */
  untilCommitted(group: string, topic: string, partition: number, offset: number): Promise<number> {
    return eventually(this.deadlineMs, `${group} to have committed ${offset}`, async () => {
      const committed = await this.broker.admin.committed(group, topic, this.signal);
      return committed.find((entry) => entry.partition === partition)?.offset === offset ? offset : undefined;
    });
  }

  within<T>(what: string, promise: Promise<T>): Promise<T> {
    return within(this.deadlineMs, what, promise);
  }

  /** Ends what a test began. */
  async endTest(): Promise<void> {
    for (const membership of this.#memberships.splice(0)) await this.within("a leave", membership.leave());
    for (const broker of this.#brokers.splice(0)) await this.within("a client to close", broker.close());
  }

  async dispose(): Promise<void> {
    this.#over.abort(new Error("the contract suite is over"));
    await this.#under.dispose();
  }
}
