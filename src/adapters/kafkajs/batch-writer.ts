import { OperationError } from "../../kernel/index.ts";
import { type BatchWriter, RecordRefusedError } from "../../runtime/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import { operationError } from "./errors.ts";
import { ProduceLanes, type SendBatch } from "./produce-lanes.ts";

/** Batches that no task stands behind, through lanes of their own. */
export class KafkaBatchWriter implements BatchWriter {
  readonly #lanes: ProduceLanes;
  readonly #doing: string;

  /** @param bytesMax bytes queued or in flight above which `write` waits; @param doing what an error says was being done */
  constructor(send: SendBatch, bytesMax: number, doing: string) {
    this.#lanes = new ProduceLanes(send, bytesMax);
    this.#doing = doing;
  }

  write(outgoing: readonly Outgoing[]): Promise<void> {
    return this.#lanes.write(outgoing).catch((error: unknown) => this.#failed(error));
  }

  flush(): Promise<void> {
    return this.#lanes.flush().catch((error: unknown) => this.#failed(error));
  }

  async close(): Promise<void> {
    this.cut(new OperationError("MR_BROKER", `${this.#doing}: the writer is closed`));
    await this.#lanes.settled();
  }

  /** Nothing more is sent; every pending and later call rejects with the reason. */
  cut(reason: unknown): void {
    this.#lanes.fail(reason);
  }

  #failed(error: unknown): never {
    throw error instanceof RecordRefusedError ? error : operationError(this.#doing, error);
  }
}
