import { type Clock, messageOf, topicPartitionKey } from "../../kernel/index.ts";
import { RecordRefusedError } from "../../runtime/index.ts";
import type { Codecs, Outgoing } from "../../wire/index.ts";
import { isProducerBusy, KafkaAnswerError, kafkaCode, type Verdict, verdictOf } from "./errors.ts";
import type { ClusterLink } from "./link.ts";
import type { PartitionTroubles } from "./partition-troubles.ts";
import { ProduceGatherer } from "./produce-gatherer.ts";
import type { ProducedPartition, RefusedPlace } from "./produce-request.ts";
import { busyMsMax, producePolicy, retrying } from "./retry.ts";
import { splitBatch } from "./split-batch.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";
import { missingTopic, UnknownTopic, unknownTopicMsDefault } from "./unknown-topic.ts";

/**
 * How long a broker may wait for its replicas. Longer than the 9 to 13 s after which a dead replica is out of the set:
 * then what waits is confirmed, and need not be sent again. Below the request's own timeout.
 */
const replicasMsMax = 15_000;
/** Far above any limit a broker has: such a batch is refused here and not sent. */
const batchBytesMax = 64 * 1024 * 1024;

const sizeCodes: ReadonlySet<number> = new Set([kafkaCode.messageTooLarge, kafkaCode.recordListTooLarge]);

/** A broker's error for one batch. */
class ProduceError extends KafkaAnswerError {
  /** The records for which it was refused; empty where none is named. */
  readonly refused: readonly RefusedPlace[];

  constructor(doing: string, { errorCode, message, refused }: ProducedPartition) {
    super(doing, errorCode, refused[0]?.message ?? message);
    this.refused = refused;
  }
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Is told whether the partition could be written to. */
  readonly troubles?: PartitionTroubles | undefined;
  /**
   * In whose transaction. A batch that is sent again is then in the log once; a record that is refused is looked for by
   * writing what is before it, so that the transaction must be aborted after any error.
   */
  readonly transaction?: TransactionalProducer | undefined;
}

/** Sends finished batches, one per call, until each is confirmed by all in-sync replicas or cannot be. */
export class BatchProducer {
  readonly #link: ClusterLink;
  readonly #gatherer: ProduceGatherer;
  readonly #codecs: Codecs;
  readonly #clock: Clock;
  readonly #unknownTopicMs: number;

  constructor(link: ClusterLink, codecs: Codecs, clock: Clock, unknownTopicMs = unknownTopicMsDefault) {
    this.#unknownTopicMs = unknownTopicMs;
    this.#link = link;
    this.#gatherer = new ProduceGatherer(link, replicasMsMax);
    this.#codecs = codecs;
    this.#clock = clock;
  }

  /**
   * Resolves when the batch is durable. A lost connection, a moved leader or a timeout is retried, so that a batch
   * may be in the log twice; the caller keeps one call in flight per topic-partition, so that order is kept.
   *
   * @throws RecordRefusedError with the records that the broker refuses; those before them may be written
   * @throws OperationError MR_TOPIC_MISSING
   */
  async send(outgoing: Outgoing, options: SendOptions = {}): Promise<void> {
    try {
      if (outgoing.bytes.length > batchBytesMax) throw this.#tooLarge(outgoing);
      await this.#produce(outgoing, options);
    } catch (error) {
      const indices = namedBy(error, outgoing);
      if (indices.length > 0) throw refusal(outgoing, indices, error);
      if (verdictOf(error) !== "refused") throw error;
      if (outgoing.recordCount === 1) throw refusal(outgoing, [0], error);
      await this.#sendHalves(outgoing, options);
    }
  }

  /** Finds the record where the broker names none, as for one that is too large; those before it are written. */
  async #sendHalves(outgoing: Outgoing, options: SendOptions): Promise<void> {
    let before = 0;
    for (const half of splitBatch(outgoing, this.#codecs)) {
      const first = before;
      try {
        await this.send(half, options);
      } catch (error) {
        if (!(error instanceof RecordRefusedError)) throw error;
        const indices = error.refusal.indices.map((index) => first + index);
        throw refusal(outgoing, indices, error.cause ?? error);
      }
      before += half.recordCount;
    }
  }

  #produce(outgoing: Outgoing, options: SendOptions): Promise<void> {
    const { topic, partition } = outgoing;
    const { signal, troubles, transaction } = options;
    // Made once: sent again with the same sequence, it is known for the same.
    const batch = transaction?.stamped(outgoing) ?? outgoing;
    const as = transaction?.identity;
    let node: number | undefined;
    let startedMs = 0;
    const beganMs = this.#clock.monotonicMs();
    const unknown = new UnknownTopic(this.#clock, this.#unknownTopicMs);
    const onError = (error: unknown, verdict: Verdict): void => {
      troubles?.failed(outgoing, "write", { error, node, startedMs });
      if (isProducerBusy(error) && this.#clock.monotonicMs() - beganMs > busyMsMax) throw error;
      if (unknown.isGoneAfter(error)) throw missingTopic(outgoing, error);
      if (verdict === "elsewhere") this.#link.doubt({ topic, partition });
    };
    return retrying({ clock: this.#clock, policy: producePolicy, signal, onError }, async () => {
      startedMs = this.#clock.monotonicMs();
      node = undefined;
      node = await this.#link.leaderOf(topic, partition);
      const produced = await this.#ask(node, batch, options);
      const doing = `writing to ${topicPartitionKey(topic, partition)}`;
      // An answer that does not name what was sent confirms nothing.
      if (produced === undefined) throw new KafkaAnswerError(doing, kafkaCode.requestTimedOut);
      const isThere = transaction !== undefined && produced.errorCode === kafkaCode.duplicateSequenceNumber;
      if (produced.errorCode !== kafkaCode.none && !isThere) throw new ProduceError(doing, produced);
      if (as !== undefined) transaction?.written(outgoing, as);
      troubles?.well(outgoing, "write");
    });
  }

  async #ask(node: number, outgoing: Outgoing, { signal, troubles, transaction }: SendOptions) {
    troubles?.asked(outgoing, "write", node, () => this.#link.heldBackUntilMs(node));
    try {
      return await this.#gatherer.send(node, outgoing, signal, transaction);
    } finally {
      troubles?.answered(outgoing, "write");
    }
  }

  #tooLarge({ topic, partition, bytes }: Outgoing): KafkaAnswerError {
    const doing = `writing ${bytes.length} bytes to ${topicPartitionKey(topic, partition)}`;
    return new KafkaAnswerError(doing, kafkaCode.messageTooLarge, `at most ${batchBytesMax} are sent`);
  }
}

/** The records that a broker names for its refusal. What may be well the next time is none, whatever it names. */
function namedBy(error: unknown, { recordCount }: Outgoing): number[] {
  if (!(error instanceof ProduceError)) return [];
  const verdict = verdictOf(error);
  if (verdict !== "refused" && verdict !== "unknown") return [];
  const indices = new Set(error.refused.map(({ index }) => index));
  return [...indices].filter((index) => index >= 0 && index < recordCount).sort((a, b) => a - b);
}

function refusal(outgoing: Outgoing, indices: readonly number[], error: unknown): RecordRefusedError {
  const { topic, partition, recordCount } = outgoing;
  const [first = -1, ...others] = indices;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const which = `record ${first}${more} of a batch of ${recordCount} for topic ${topic}, partition ${partition}`;
  const reason = messageOf(error);
  const message = `${which}, ${others.length === 0 ? "is" : "are"} refused: ${reason}`;
  const isTooLarge = error instanceof KafkaAnswerError && sizeCodes.has(error.code);
  const code = isTooLarge ? "MR_TOO_LARGE" : "MR_REFUSED";
  return new RecordRefusedError(outgoing, first, message, {
    cause: error,
    refusal: { code, reason, batch: outgoing, indices },
  });
}
