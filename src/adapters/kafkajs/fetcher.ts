import { setMaxListeners } from "node:events";
import {
  BackOff,
  type Clock,
  type Logger,
  messageOf,
  type Offset,
  OperationError,
  say,
  type TopicPartition,
  topicPartitionKey,
} from "../../kernel/index.ts";
import { type Room, resetCommand } from "../../runtime/index.ts";
import { type Codecs, DamagedBatchError, LargeBatch, leaderEpochsOf, type RawBatch } from "../../wire/index.ts";
import {
  bytesBehindDamage,
  bytesForPiece,
  damagedAttemptsMax,
  decodePartition,
  emptyBatch,
  partitionBytesMax,
  unbounded,
} from "./decode.ts";
import { KafkaAnswerError, kafkaCode, verdictOf } from "./errors.ts";
import { type FetchAnswer, type FetchedPartition, fetchRequest } from "./fetch-request.ts";
import type { ClusterLink } from "./link.ts";
import { EpochTrail, type LogChange, type LogOrigin } from "./log-change.ts";
import { listOffset } from "./offsets.ts";
import type { FailedAttempt, PartitionTroubles } from "./partition-troubles.ts";
import { groupPolicy } from "./retry.ts";
import { noLeader } from "./topic-memory.ts";
import { UnknownTopic } from "./unknown-topic.ts";

const answerBytesMax = 8_388_608;
/** How long a broker may hold a fetch that finds nothing; it bounds how late a change of positions takes effect. */
const waitMsMax = 200;
/** The same while a partition of the node is with its task: it must be asked for soon after it is given back. */
const waitMsWhileBusy = 10;
/** Time between two fetches while little arrives, by the partitions that are asked for: 200 of them every 10 ms. */
const msPerPartition = 0.05;
const paceMsMax = 20;
/** A fetch that brings as much is followed by the next at once. */
const bytesAtOnce = 65_536;
const pauses = { firstMs: 100, lastMs: 1_000 } as const;

export interface FetcherOptions {
  readonly group: string;
  readonly link: ClusterLink;
  readonly codecs: Codecs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly unknownTopicMs: number;
  /** Is told of each partition whether it could be read. */
  readonly troubles: PartitionTroubles;
  /** Room for the next piece of a task's input; undefined when nobody keeps account of it. */
  roomFor(task: number): Room | Promise<Room | undefined> | undefined;
  /** Resolves when the batch is taken; the partition is not fetched before that. */
  deliver(batch: RawBatch, room: Room): Promise<void>;
  /** The log is no longer the one that `position` belongs to; the partition is not read any more. */
  changed(at: TopicPartition, position: Offset, change: LogChange): void;
  /** Reading cannot go on: nobody knows where damage ends, a topic is gone, the client is not allowed. */
  failed(error: Error): void;
}

interface Feed extends TopicPartition {
  position: Offset;
  /** Where the position came from while the records there are gone: the next batch says so. */
  asked: Offset;
  /** Whether a batch ended at the position. */
  isBehindBatch: boolean;
  bytesMax: number;
  /** Was given while the partition waited for it. */
  room: Room | undefined;
  isWaiting: boolean;
  isPaused: boolean;
  isBusy: boolean;
  isOver: boolean;
  /** It is not asked for: its leader is being looked for, or it waits after an error. */
  isAside: boolean;
  /** How long it waits after its next error. */
  readonly backOff: BackOff;
  damagedCount: number;
  readonly unknown: UnknownTopic;
  readonly topicId: string | undefined;
  readonly trail: EpochTrail;
}

/**
 * Reads the partitions of one member: one fetch in flight per node, one batch per partition with its task.
 *
 * Neither a slow task nor a partition in trouble holds up the others. Positions move over markers, aborted records,
 * compaction gaps and record-less batches by what the batch headers say. Records that retention took before they were
 * read are passed over and the next batch shows it (its `offsetAsked` lies below its `logStartOffset`); a position beyond
 * the end ends the reading.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #feeds = new Map<string, Feed>();
  readonly #looping = new Set<number>();
  readonly #stop = new AbortController();
  /** The delivery in flight of each task; a second input of the task waits its turn. */
  readonly #turns = new Map<number, Promise<void>>();
  #isHeld = false;
  #rotation = 0;

  constructor(options: FetcherOptions) {
    this.#options = options;
    // Every partition may wait on it.
    setMaxListeners(0, this.#stop.signal);
  }

  /** Begins, or moves, a partition. What was on its way for the old position is dropped. */
  start({ topic, partition }: TopicPartition, position: Offset, origin?: LogOrigin): void {
    const key = topicPartitionKey(topic, partition);
    const before = this.#feeds.get(key);
    if (before !== undefined) endFeed(before);
    const trail = before?.trail ?? new EpochTrail();
    if (before === undefined && origin !== undefined && origin.leaderEpoch >= 0)
      trail.note({ offset: position - 1, leaderEpoch: origin.leaderEpoch });
    const feed: Feed = {
      topic,
      partition,
      position,
      asked: position,
      isBehindBatch: false,
      bytesMax: before?.bytesMax ?? partitionBytesMax,
      room: undefined,
      isWaiting: false,
      isPaused: before?.isPaused ?? false,
      // A batch that is still with the task keeps its successor back: one delivery at a time.
      isBusy: before?.isBusy ?? false,
      isOver: false,
      isAside: false,
      backOff: new BackOff(pauses),
      damagedCount: 0,
      unknown: new UnknownTopic(this.#options.clock, this.#options.unknownTopicMs),
      topicId: origin?.topicId ?? before?.topicId,
      trail,
    };
    this.#feeds.set(key, feed);
    this.#serve(feed);
  }

  /** Epoch of the partition's leader under which the record before `offset` was written; -1 when unknown. */
  epochBefore({ topic, partition }: TopicPartition, offset: Offset): number {
    return this.#feeds.get(topicPartitionKey(topic, partition))?.trail.before(offset) ?? -1;
  }

  setPaused({ topic, partition }: TopicPartition, isPaused: boolean): void {
    const feed = this.#feeds.get(topicPartitionKey(topic, partition));
    if (feed === undefined) return;
    feed.isPaused = isPaused;
    if (isPaused) giveBack(feed);
    this.#serve(feed);
  }

  remove({ topic, partition }: TopicPartition): void {
    const key = topicPartitionKey(topic, partition);
    const feed = this.#feeds.get(key);
    if (feed === undefined) return;
    endFeed(feed);
    this.#feeds.delete(key);
    this.#options.troubles.forget(feed, "read");
  }

  /** Delivers nothing while the group rebalances; positions stay. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#wake();
  }

  close(): void {
    this.#stop.abort(new Error("the fetcher is closed"));
    for (const feed of this.#feeds.values()) endFeed(feed);
    this.#feeds.clear();
  }

  #isReady(feed: Feed): boolean {
    if (this.#isHeld || this.#stop.signal.aborted) return false;
    return !feed.isPaused && !feed.isBusy && !feed.isOver && !feed.isAside && !feed.isWaiting;
  }

  #wake(): void {
    for (const feed of this.#feeds.values()) this.#serve(feed);
  }

  /** Sees to it that a partition which can be fetched is: by the loop of the node that leads it, once that is known. */
  #serve(feed: Feed): void {
    if (!this.#isReady(feed)) return;
    const node = this.#options.link.leader(feed);
    if (node === undefined) void this.#lookForLeader(feed);
    else if (!this.#looping.has(node)) void this.#loop(node);
  }

  /** Each partition looks by itself; those of one topic share the questions. */
  async #lookForLeader(feed: Feed): Promise<void> {
    putAside(feed);
    while (!feed.isOver && !this.#stop.signal.aborted) {
      try {
        await this.#options.link.leaderOf(feed.topic, feed.partition);
        break;
      } catch (error) {
        this.#judge(feed, error);
        await this.#backOff(feed);
      }
    }
    feed.isAside = false;
    this.#serve(feed);
  }

  /** Leaves a partition out for a while, at least until `work` is done; the others are read on. */
  async #setAside(feed: Feed, work?: Promise<void>): Promise<void> {
    putAside(feed);
    await work?.catch((error: unknown) => this.#judge(feed, error));
    await this.#backOff(feed);
    feed.isAside = false;
    this.#serve(feed);
  }

  async #backOff(feed: Feed): Promise<void> {
    await this.#pause(feed.backOff.next());
  }

  async #loop(node: number): Promise<void> {
    this.#looping.add(node);
    const backOff = new BackOff(pauses);
    try {
      while (!this.#stop.signal.aborted) {
        // Partitions that are started, or given back by their tasks, in the same turn are asked for together: what is left
        // out of a fetch waits until that one is answered.
        await new Promise(setImmediate);
        const feeds = this.#ledBy(node);
        if (feeds.length === 0) return;
        const startedMs = this.#options.clock.monotonicMs();
        try {
          const bytes = await this.#fetchOnce(node, feeds);
          backOff.reset();
          await this.#waitForMore(feeds.length, startedMs, bytes);
        } catch (error) {
          this.#nodeFailed(node, feeds, { error, node, startedMs });
          await this.#pause(backOff.next());
        }
      }
    } finally {
      this.#looping.delete(node);
      this.#wake();
    }
  }

  #ledBy(node: number): Feed[] {
    const { link } = this.#options;
    return [...this.#feeds.values()].filter(
      (feed) => this.#isReady(feed) && link.leader(feed) === node && !this.#isRemade(feed),
    );
  }

  /** A topic of the same name under another id is another topic, whatever offsets it has. */
  #isRemade(feed: Feed): boolean {
    const known = this.#options.link.known(feed.topic);
    if (known === undefined || feed.topicId === undefined || known.id === feed.topicId) return false;
    this.#changed(feed, { kind: "remade" });
    return true;
  }

  #changed(feed: Feed, change: LogChange): void {
    this.remove(feed);
    this.#options.changed(feed, feed.asked, change);
  }

  /** Answers how many bytes came. */
  async #fetchOnce(node: number, feeds: readonly Feed[]): Promise<number> {
    const { link } = this.#options;
    // A broker fills its answer in the order asked; whoever was first goes last the next time.
    const first = this.#rotation++ % feeds.length;
    const asked = [...feeds.slice(first), ...feeds.slice(0, first)];
    const isAnyBusy = [...this.#feeds.values()].some((feed) => feed.isBusy || feed.isWaiting);
    const targets = asked.map(({ topic, partition, position, topicId, trail, bytesMax }) => {
      const leaderEpoch = link.partition({ topic, partition })?.leaderEpoch ?? -1;
      const lastEpoch = trail.before(position);
      const offset = position;
      return {
        topic,
        topicId: topicId ?? link.known(topic)?.id ?? "",
        partition,
        offset,
        leaderEpoch,
        lastEpoch,
        bytesMax,
      };
    });
    const options = { waitMsMax: isAnyBusy ? waitMsWhileBusy : waitMsMax, bytesMax: answerBytesMax };
    const answer = await link.send<FetchAnswer>(node, "fetch", (broker) => fetchRequest(broker, targets, options));
    if (answer.errorCode !== kafkaCode.none) throw new KafkaAnswerError("fetching", answer.errorCode);
    let bytes = 0;
    let next = 0;
    for (const fetched of answer.partitions) {
      // Brokers answer in the order asked; where one does not, it is looked for.
      const index = isOf(asked[next], fetched) ? next++ : asked.findIndex((one) => isOf(one, fetched));
      const feed = asked[index];
      bytes += fetched.records.length;
      // Another node may have been asked meanwhile, and have answered: what comes late is not what comes next.
      if (feed === undefined || !this.#isReady(feed) || feed.position !== targets[index]?.offset) continue;
      this.#take(feed, fetched);
    }
    return bytes;
  }

  /**
   * Lets some time pass between two fetches while little arrives. Each names all its partitions, and costs as much for
   * one new record as for many: the more partitions, the rarer.
   */
  async #waitForMore(askedCount: number, startedMs: number, bytes: number): Promise<void> {
    if (bytes >= bytesAtOnce) return;
    const { clock } = this.#options;
    const leftMs = Math.min(askedCount * msPerPartition, paceMsMax) - (clock.monotonicMs() - startedMs);
    if (leftMs >= 1) await this.#pause(leftMs);
  }

  #take(feed: Feed, fetched: FetchedPartition): void {
    if (fetched.errorCode === kafkaCode.offsetOutOfRange) {
      void this.#setAside(feed, this.#outOfRange(feed));
      return;
    }
    if (fetched.errorCode !== kafkaCode.none) {
      this.#options.link.doubt(feed);
      this.#judge(feed, new KafkaAnswerError(`reading ${nameOf(feed)}`, fetched.errorCode));
      void this.#setAside(feed);
      return;
    }
    feed.unknown.known();
    this.#options.troubles.well(feed, "read");
    if (fetched.divergesAt !== undefined) {
      this.#changed(feed, { kind: "truncated", at: fetched.divergesAt });
      return;
    }
    feed.backOff.reset();
    if (fetched.records.length === 0) {
      giveBack(feed);
      return;
    }
    const room = this.#roomFor(feed);
    if (room !== undefined) this.#decode(feed, fetched, room);
  }

  /** Room for what was fetched. Where there is none, what was fetched is dropped, and fetched again when there is. */
  #roomFor(feed: Feed): Room | undefined {
    const given = feed.room ?? this.#options.roomFor(feed.partition) ?? unbounded;
    feed.room = undefined;
    if (!(given instanceof Promise)) return given;
    feed.isWaiting = true;
    void given.then((room) => {
      feed.isWaiting = false;
      if (feed.isOver || feed.isPaused || this.#stop.signal.aborted) room?.release();
      else feed.room = room;
      this.#serve(feed);
    });
    return undefined;
  }

  #decode(feed: Feed, fetched: FetchedPartition, room: Room): void {
    const { position: offset, isBehindBatch } = feed;
    let decoded: RawBatch | LargeBatch;
    try {
      decoded = decodePartition(fetched, { offset, isBehindBatch }, this.#options.codecs, room.bytes);
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      this.#damaged(feed, fetched, error, room);
      return;
    }
    if (decoded instanceof LargeBatch) {
      const large = decoded;
      // It is the first of the answer, wherever it begins: compaction may have taken what lay before it.
      for (const start of leaderEpochsOf(fetched.records, Number.POSITIVE_INFINITY).slice(0, 1)) feed.trail.note(start);
      this.#inTurn(feed, () => this.#deliverPieces(feed, large, room));
      return;
    }
    for (const start of leaderEpochsOf(fetched.records, decoded.offsetNext)) feed.trail.note(start);
    this.#deliver(feed, decoded, room);
    feed.bytesMax = bytesForPiece(fetched, decoded, room.bytes);
  }

  #deliver(feed: Feed, read: RawBatch, room: Room): void {
    const batch = this.#moved(feed, read, true);
    this.#inTurn(feed, () => this.#deliverOne(feed, batch, room));
  }

  /** Moves a partition behind a batch that is about to be delivered. */
  #moved(feed: Feed, read: RawBatch, isBehindBatch: boolean): RawBatch {
    const batch = feed.asked < read.offsetAsked ? { ...read, offsetAsked: feed.asked } : read;
    feed.position = batch.offsetNext;
    feed.asked = batch.offsetNext;
    feed.isBehindBatch = isBehindBatch;
    feed.damagedCount = 0;
    return batch;
  }

  /** One delivery of a task after the other. */
  #inTurn(feed: Feed, work: () => Promise<void>): void {
    feed.isBusy = true;
    const before = this.#turns.get(feed.partition) ?? Promise.resolve();
    this.#turns.set(
      feed.partition,
      before.then(() => this.#work(feed, work)),
    );
  }

  /** A feed that was moved before its turn delivers nothing, but its successor waits to hear that the turn is over. */
  async #deliverOne(feed: Feed, batch: RawBatch, room: Room): Promise<void> {
    if (this.#isWanted(feed)) {
      await this.#options.deliver(batch, room);
      return;
    }
    room.release();
    if (feed.position !== batch.offsetNext) return;
    feed.position = batch.offsetAsked;
    feed.asked = batch.offsetAsked;
    feed.isBehindBatch = false;
  }

  /** Each piece is inflated when there is room for it. Whoever is moved meanwhile reads the batch anew, from its start. */
  async #deliverPieces(feed: Feed, large: LargeBatch, first: Room): Promise<void> {
    const stored = first.store(large.storedBytes);
    try {
      for (let room: Room | undefined = first; room !== undefined; ) {
        const piece = this.#isWanted(feed) ? await this.#nextPiece(feed, large, room.bytes) : undefined;
        if (piece === undefined || !this.#isWanted(feed)) {
          room.release();
          return;
        }
        await this.#deliverOne(feed, this.#moved(feed, piece, large.isDone), room);
        room = large.isDone ? undefined : await (this.#options.roomFor(feed.partition) ?? unbounded);
      }
    } finally {
      stored.release();
      await large.close();
    }
  }

  /** What contradicts itself behind a right checksum does so however often it is asked for. */
  async #nextPiece(feed: Feed, large: LargeBatch, bytes: number): Promise<RawBatch | undefined> {
    try {
      return await large.next(bytes / 2);
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      return this.#passedOver(feed, error);
    }
  }

  #isWanted(feed: Feed): boolean {
    return !feed.isOver && !feed.isPaused && !this.#isHeld;
  }

  async #work(feed: Feed, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.failed(error instanceof Error ? error : new Error(messageOf(error)));
      return;
    }
    feed.isBusy = false;
    const current = this.#feeds.get(nameOf(feed));
    if (current === undefined) return;
    current.isBusy = false;
    this.#serve(current);
  }

  async #pause(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stop.signal).catch(() => undefined);
  }

  /** Asks again, and for what lies behind the batch; damage that stays is passed over, or ends the reading. */
  #damaged(feed: Feed, { records }: FetchedPartition, error: DamagedBatchError, room: Room): void {
    feed.damagedCount++;
    feed.bytesMax = records.length + bytesBehindDamage;
    if (feed.damagedCount < damagedAttemptsMax) {
      say(this.#options.logger, "batchDamaged", { partition: nameOf(feed), reason: error.message });
      room.release();
      void this.#setAside(feed);
      return;
    }
    feed.bytesMax = partitionBytesMax;
    const standIn = this.#passedOver(feed, error);
    if (standIn === undefined) room.release();
    else this.#deliver(feed, standIn, room);
  }

  /** What stands for a damaged batch; undefined when nobody knows where it ends, and the reading has failed. */
  #passedOver(feed: Feed, error: DamagedBatchError): RawBatch | undefined {
    const { logger, group, failed } = this.#options;
    const standIn = error.passedOver();
    if (standIn?.damage === undefined) {
      const command = resetCommand(group, feed, `--to-offset ${error.offsetBehind}`);
      const message = `${error.message}, and nothing tells where it ends; to go on behind all that is in the log now, stop the stage and run: ${command}`;
      failed(new OperationError("MR_BATCH_CORRUPT", message, { cause: error }));
      return undefined;
    }
    const { first, last, reason } = standIn.damage;
    say(logger, "batchPassedOver", { partition: nameOf(feed), reason, offsets: `${first}-${last}` });
    // Under which epoch the last of its records was written is lost with them.
    feed.trail.note({ offset: last, leaderEpoch: -1 });
    return standIn;
  }

  /** Below the log: passed over, and the next batch shows it. Beyond its end: nobody can say what comes. */
  async #outOfRange(feed: Feed): Promise<void> {
    const { link, clock, logger, failed } = this.#options;
    const context = { clock, policy: groupPolicy, signal: this.#stop.signal };
    const low = await listOffset(link, feed, "earliest", context);
    const end = await listOffset(link, feed, "logEnd", context);
    if (feed.isOver) return;
    if (feed.position > end) {
      const message = `reading ${nameOf(feed)}: offset ${feed.position} is beyond the end of the log, ${end}`;
      failed(new OperationError("MR_OFFSET_RANGE", message));
      return;
    }
    if (feed.position >= low) return;
    say(logger, "recordsGone", { partition: nameOf(feed), position: feed.position, first: low });
    feed.isBehindBatch = false;
    if (low === end) this.#deliver(feed, emptyBatch(feed, feed.asked, low, end), unbounded);
    else feed.position = low;
  }

  #nodeFailed(node: number, feeds: readonly Feed[], attempt: FailedAttempt): void {
    const { error } = attempt;
    if (this.#stop.signal.aborted) return;
    if (verdictOf(error) === "denied") {
      this.#options.failed(
        new OperationError("MR_BROKER", `reading from node ${node}: ${messageOf(error)}`, { cause: error }),
      );
      return;
    }
    say(this.#options.logger, "fetchRepeated", { node, reason: messageOf(error) });
    const { link, troubles } = this.#options;
    // Those that were given back meanwhile have waited for this node as well.
    for (const feed of [...this.#feeds.values()].filter((one) => feeds.includes(one) || this.#isReady(one))) {
      giveBack(feed);
      // What others lead by now has not waited, and is not in doubt.
      if (link.leader(feed) === node) {
        troubles.failed(feed, "read", attempt);
        link.doubt(feed);
      }
      this.#serve(feed);
    }
  }

  /** What an error says about one partition. */
  #judge(feed: Feed, error: unknown): void {
    if (feed.isOver || this.#stop.signal.aborted) return;
    const { failed, troubles, link, clock } = this.#options;
    const node = link.partition(feed)?.leader ?? noLeader;
    const attempt = { error, node: node === noLeader ? undefined : node, startedMs: clock.monotonicMs() };
    troubles.failed(feed, "read", attempt);
    const doing = `reading ${nameOf(feed)}`;
    if (verdictOf(error) === "denied") {
      failed(new OperationError("MR_BROKER", `${doing}: ${messageOf(error)}`, { cause: error }));
    }
    if (!feed.unknown.isGoneAfter(error)) return;
    failed(new OperationError("MR_TOPIC_MISSING", `${doing}: topic ${feed.topic} is gone`, { cause: error }));
  }
}

function isOf(feed: Feed | undefined, fetched: FetchedPartition): boolean {
  return feed !== undefined && feed.partition === fetched.partition && feed.topic === fetched.topic;
}

function endFeed(feed: Feed): void {
  feed.isOver = true;
  giveBack(feed);
}

/** What cannot be fetched now needs no room. */
function putAside(feed: Feed): void {
  feed.isAside = true;
  giveBack(feed);
}

function giveBack(feed: Feed): void {
  feed.room?.release();
  feed.room = undefined;
}

function nameOf({ topic, partition }: TopicPartition): string {
  return topicPartitionKey(topic, partition);
}
