import { OperationError } from "../../kernel/index.ts";
import { type BatchWriter, RecordRefusedError } from "../../runtime/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import { operationError } from "./errors.ts";
import { ProduceLanes, type SendBatch } from "./produce-lanes.ts";

export interface BatchWriterOptions {
  /** Bytes queued or in flight above which `write` waits. */
  readonly bytesMax: number;
  /** What an error says was being done. */
  readonly doing: string;
  /** Cuts the writer: nothing more is sent, and every pending and later call rejects with the reason. */
  readonly signal: AbortSignal;
}

/** Batches that no task stands behind, through lanes of their own. */
export class KafkaBatchWriter implements BatchWriter {
  readonly #lanes: ProduceLanes;
  readonly #options: BatchWriterOptions;
  readonly #cut = (): void => this.#lanes.fail(this.#options.signal.reason);

  constructor(send: SendBatch, options: BatchWriterOptions) {
    this.#lanes = new ProduceLanes(send, options.bytesMax);
    this.#options = options;
    options.signal.addEventListener("abort", this.#cut, { once: true });
    if (options.signal.aborted) this.#cut();
  }

  write(outgoing: readonly Outgoing[]): Promise<void> {
    return this.#lanes.write(outgoing).catch((error: unknown) => this.#failed(error));
  }

  flush(): Promise<void> {
    return this.#lanes.flush().catch((error: unknown) => this.#failed(error));
  }

  async close(): Promise<void> {
    const { doing, signal } = this.#options;
    signal.removeEventListener("abort", this.#cut);
    this.#lanes.fail(new OperationError("MR_BROKER", `${doing}: the writer is closed`));
    await this.#lanes.settled();
  }

  #failed(error: unknown): never {
    throw error instanceof RecordRefusedError ? error : operationError(this.#options.doing, error);
  }
}
