import { type Clock, OperationError, type TopicPartition } from "../../kernel/index.ts";
import { KafkaAnswerError, kafkaCode } from "./errors.ts";

/**
 * How long "there is no such topic or partition" must be the answer before it is believed: a broker that has just
 * started, or a topic that has just been created, gives it for a while.
 */
export const unknownTopicMsDefault = 30_000;

/** Counts for how long a topic has been unknown on end, from the first answer that said so. */
export class UnknownTopic {
  readonly #clock: Clock;
  readonly #msMax: number;
  #sinceMs: number | undefined;

  constructor(clock: Clock, msMax: number) {
    this.#clock = clock;
    this.#msMax = msMax;
  }

  /** The topic was answered for, or refused for another reason. */
  known(): void {
    this.#sinceMs = undefined;
  }

  /** Whether an error, after those before it, shows that the topic is gone. An error of the network shows nothing. */
  isGoneAfter(error: unknown): boolean {
    if (!(error instanceof KafkaAnswerError)) return false;
    if (error.code !== kafkaCode.unknownTopicOrPartition) {
      this.known();
      return false;
    }
    this.#sinceMs ??= this.#clock.monotonicMs();
    return this.#clock.monotonicMs() - this.#sinceMs >= this.#msMax;
  }
}

/** What is said to whoever writes to a topic that is gone. */
export function missingTopic({ topic, partition }: TopicPartition, cause: unknown): OperationError {
  const message = `writing to topic ${topic}, partition ${partition}: there is no such topic or partition`;
  return new OperationError("MR_TOPIC_MISSING", message, { cause });
}
