import type { Offset } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import { ownPartition, ownRecords } from "./own-topic.ts";

/** What comes to the alerts topic behind where it ended when this was opened. */
export class AlertsSince {
  readonly #broker: Broker;
  readonly #topic: string;
  #offsetNext: Offset;

  private constructor(broker: Broker, topic: string, offsetNext: Offset) {
    this.#broker = broker;
    this.#topic = topic;
    this.#offsetNext = offsetNext;
  }

  static async open(broker: Broker, topic: string, signal: AbortSignal): Promise<AlertsSince> {
    const { end } = await broker.admin.extent({ topic, partition: ownPartition }, signal);
    return new AlertsSince(broker, topic, end);
  }

  /** The values that have come since it was asked before. */
  async texts(signal: AbortSignal): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const { offset, value } of ownRecords(this.#broker, this.#topic, signal, { from: this.#offsetNext })) {
      this.#offsetNext = offset + 1;
      if (value !== null) texts.push(value.toString("utf8"));
    }
    return texts;
  }
}
