import { OperationError, type RecordOut } from "../../kernel/index.ts";
import { RecordRefusedError, type TransactionalWriter } from "../../runtime/index.ts";
import { type BuiltBatch, buildBatches, refusalInList } from "./append.ts";
import { isProducerReplaced, operationError } from "./errors.ts";
import type { BatchProducer, SendOptions } from "./producer.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

export type LoneSend = (outgoing: BuiltBatch["outgoing"], options: SendOptions) => ReturnType<BatchProducer["send"]>;

export interface LoneOptions {
  readonly coordinator: Pick<TransactionCoordinator, "take" | "end" | "announce">;
  /** Whether brokers take what is written for part of a transaction without having been told before. */
  readonly isSecondVersion: boolean;
  readonly send: LoneSend;
}

/** Takes a transactional id that no group stands behind, for as long as nobody else takes it. */
export async function takeLone(id: string, options: LoneOptions, signal: AbortSignal): Promise<TransactionalWriter> {
  const { coordinator, isSecondVersion } = options;
  const doing = `committing under the transactional id ${id}`;
  const producer = await coordinator.take(id, isSecondVersion, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw operationError(`taking the transactional id ${id}`, error);
  });
  let dead: unknown;
  return {
    async commit(records, stop) {
      if (dead !== undefined) throw dead;
      const ended = AbortSignal.any([signal, stop]);
      ended.throwIfAborted();
      if (records.length === 0) return;
      try {
        await writeAll(records, producer, options, ended);
        await coordinator.end(producer, true, ended);
      } catch (error) {
        // Who has the id now has ended the transaction.
        if (!isProducerReplaced(error)) await coordinator.end(producer, false, ended).catch(() => undefined);
        dead = failureOf(doing, error);
        ended.throwIfAborted();
        throw dead;
      }
    },
  };
}

async function writeAll(
  records: readonly RecordOut[],
  producer: TransactionalProducer,
  { coordinator, isSecondVersion, send }: LoneOptions,
  signal: AbortSignal,
): Promise<void> {
  const built = buildBatches(records);
  if (!isSecondVersion) {
    const partitions = built.map(({ outgoing }) => outgoing);
    const [refusal] = (await coordinator.announce(producer, { partitions, group: undefined }, signal)).values();
    if (refusal !== undefined) throw refusal;
  }
  // One after the other: they are few, and order within a partition is kept.
  for (const batch of built) {
    await send(batch.outgoing, { signal, transaction: producer }).catch((error: unknown) => {
      throw error instanceof RecordRefusedError ? refusalInList(error, batch) : error;
    });
  }
}

function failureOf(doing: string, error: unknown): unknown {
  if (error instanceof RecordRefusedError) return error;
  if (!isProducerReplaced(error)) return operationError(doing, error);
  return new OperationError("MR_FENCED", `${doing}: another has taken it`, { cause: error, disposition: "retry" });
}
