import { type Clock, messageOf, type Offset, OperationError, topicPartitionKey } from "../../kernel/index.ts";
import type { OffsetRange } from "../../runtime/index.ts";
import { type Codecs, DamagedBatchError, LargeBatch, type RawBatch } from "../../wire/index.ts";
import { bytesBehindDamage, damagedAttemptsMax, decodePartition, type ReadPosition } from "./decode.ts";
import { KafkaAnswerError, kafkaCode, operationError, verdictOf } from "./errors.ts";
import { type FetchAnswer, type FetchedPartition, fetchRequest } from "./fetch-request.ts";
import type { ClusterLink } from "./link.ts";
import { resolveOffset } from "./offsets.ts";
import { groupPolicy, type RetryContext, retrying } from "./retry.ts";
import { UnknownTopic } from "./unknown-topic.ts";

const bytesMax = 4 * 1024 * 1024;
/** Bytes of a piece with its index, twice as many at most. */
const pieceBytes = 4 * 1024 * 1024;
const waitMsMax = 500;
/** For a topic that nobody has read yet: most likely its name is wrong, and somebody waits to be told. */
const absentTopicMs = 1_000;

export interface ReadOptions {
  /** Closed when the reading ends. */
  readonly link: ClusterLink;
  readonly codecs: Codecs;
  readonly clock: Clock;
  readonly unknownTopicMs: number;
}

/**
 * The records of a range, from its start to `to`, waiting for those that are not there yet, but not for those below the
 * log's end that compaction took; a cluster that does not answer is waited for too. Batches without data records are passed over; a damaged one comes as its stand-in.
 *
 * @throws OperationError MR_TOPIC_MISSING, MR_OFFSET_RANGE, MR_BATCH_CORRUPT where nothing tells where a damaged batch
 *   ends; the signal's reason when it aborts
 */
export async function* readRange(
  range: OffsetRange,
  options: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<RawBatch, void, undefined> {
  const { link } = options;
  const to = range.to ?? Number.POSITIVE_INFINITY;
  // Ends the wait for an answer that may take its time.
  const cut = (): void => void link.close();
  signal.addEventListener("abort", cut, { once: true });
  try {
    let at: ReadPosition = { offset: await startOf(range, options, signal), isBehindBatch: false };
    while (at.offset < to) {
      const next = await nextBatch(range, at, options, signal);
      if (next === undefined) return;
      for await (const batch of next instanceof LargeBatch ? piecesOf(next) : next) {
        signal.throwIfAborted();
        at = { offset: batch.offsetNext, isBehindBatch: true };
        const cutBatch = batch.offsetNext > to ? cutAt(batch, to) : batch;
        if (cutBatch.count > 0) yield cutBatch;
        if (at.offset >= to) break;
      }
      signal.throwIfAborted();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw readError(range, error);
  } finally {
    signal.removeEventListener("abort", cut);
    await link.close();
  }
}

async function* piecesOf(large: LargeBatch): AsyncGenerator<RawBatch> {
  try {
    for (let piece = await large.next(pieceBytes); piece !== undefined; piece = await large.next(pieceBytes))
      yield piece;
  } catch (error) {
    if (!(error instanceof DamagedBatchError)) throw error;
    yield standInOf(error);
  } finally {
    await large.close();
  }
}

/** None when nothing has come yet, undefined when nothing of the range is left. Damage on the way heals by asking again. */
async function nextBatch(
  range: OffsetRange,
  at: ReadPosition,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<readonly RawBatch[] | LargeBatch | undefined> {
  let bytes = bytesMax;
  for (let attempt = 1; ; attempt++) {
    const fetched = await fetchAt(range, at.offset, bytes, options, signal);
    if (fetched === undefined) return [];
    // The broker looks where its log ends before it looks into it, so that nothing can have come in between.
    if (fetched.records.length === 0)
      return range.to !== undefined && fetched.lastStableOffset >= range.to ? undefined : [];
    try {
      const decoded = decodePartition(fetched, at, options.codecs, pieceBytes);
      return decoded instanceof LargeBatch ? decoded : [decoded];
    } catch (error) {
      if (!(error instanceof DamagedBatchError)) throw error;
      if (attempt === damagedAttemptsMax) return [standInOf(error)];
      bytes = fetched.records.length + bytesBehindDamage;
      await options.clock.sleep(groupPolicy.firstMs, signal);
    }
  }
}

function standInOf(error: DamagedBatchError): RawBatch {
  const standIn = error.passedOver();
  if (standIn === undefined) throw error;
  return standIn;
}

async function startOf(range: OffsetRange, options: ReadOptions, signal: AbortSignal): Promise<Offset> {
  await existing(range, options, signal);
  if (typeof range.from === "number") return range.from;
  return resolveOffset(options.link, range, range.from, { ...options, policy: groupPolicy, signal });
}

/** A topic that was just created may be unknown to a broker for a moment; one that does not exist stays so. */
async function existing(range: OffsetRange, { link, clock }: ReadOptions, signal: AbortSignal): Promise<void> {
  const policy = { ...groupPolicy, totalMs: absentTopicMs };
  try {
    await retrying({ clock, policy, signal, onError: () => link.doubt(range) }, () =>
      link.leaderOf(range.topic, range.partition),
    );
  } catch (error) {
    // Anything but "there is no such topic" is waited for by the fetches.
    if (isUnknownTopic(error) || verdictOf(error) === "denied") throw error;
  }
}

/** Undefined where the broker answers for no partition at all, as it does while a quota holds the client back (KIP-219). */
function fetchAt(
  { topic, partition }: OffsetRange,
  offset: Offset,
  bytesMax: number,
  { link, clock, unknownTopicMs }: ReadOptions,
  signal: AbortSignal,
): Promise<FetchedPartition | undefined> {
  const policy: RetryContext["policy"] = { ...groupPolicy, totalMs: Number.POSITIVE_INFINITY };
  const unknown = new UnknownTopic(clock, unknownTopicMs);
  const onError = (error: unknown): void => {
    link.doubt({ topic, partition });
    if (unknown.isGoneAfter(error)) throw error;
  };
  return retrying({ clock, policy, signal, onError }, async () => {
    const node = await link.leaderOf(topic, partition);
    const topicId = link.known(topic)?.id ?? "";
    const target = { topic, topicId, partition, offset, leaderEpoch: -1, lastEpoch: -1, bytesMax };
    const answer = await link.send<FetchAnswer>(node, "fetch", (broker) =>
      fetchRequest(broker, [target], { waitMsMax, bytesMax }),
    );
    const [fetched] = answer.partitions;
    const code = answer.errorCode || (fetched?.errorCode ?? kafkaCode.none);
    if (code !== kafkaCode.none) throw new KafkaAnswerError(`fetching offset ${offset}`, code);
    return fetched;
  });
}

function readError({ topic, partition }: OffsetRange, error: unknown): Error {
  const doing = `reading ${topicPartitionKey(topic, partition)}`;
  if (isUnknownTopic(error)) {
    return new OperationError("MR_TOPIC_MISSING", `${doing}: there is no such topic or partition`, { cause: error });
  }
  if (error instanceof KafkaAnswerError && error.code === kafkaCode.offsetOutOfRange) {
    const message = `${doing}: ${messageOf(error)}: it is no longer, or not yet, in the log`;
    return new OperationError("MR_OFFSET_RANGE", message, { cause: error });
  }
  return operationError(doing, error);
}

function isUnknownTopic(error: unknown): boolean {
  return error instanceof KafkaAnswerError && error.code === kafkaCode.unknownTopicOrPartition;
}

function cutAt(batch: RawBatch, to: Offset): RawBatch {
  const beyond = batch.offsets.findIndex((offset) => offset >= to);
  // A damaged batch that reaches beyond the range is lost to it all the same.
  return { ...batch, count: beyond < 0 ? batch.count : beyond, offsetNext: to };
}
