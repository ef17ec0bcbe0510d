/** Topics of Millrace's own that have one partition: their records have one order. */
import {
  BackOff,
  type BackOffPolicy,
  type Clock,
  codeOf,
  type Facts,
  messageOf,
  type Offset,
  OperationError,
} from "../../kernel/index.ts";
import type { RawBatch } from "../../wire/index.ts";
import type { Broker } from "../port.ts";

const partition = 0;

/**
 * Hands every batch of a topic of one partition to `take`, up to an offset.
 * @throws what the reading throws, the signal's reason
 */
export async function readUpTo(
  broker: Pick<Broker, "read">,
  range: { readonly topic: string; readonly from: Offset; readonly to: Offset },
  take: (batch: RawBatch) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { topic, from, to } = range;
  if (from >= to) return;
  for await (const batch of broker.read({ topic, partition, from, to }, signal)) await take(batch);
}

/**
 * The same up to the end of the log and not of what can be seen: what an owner before has committed may get its marker a
 * moment later, and it is waited for.
 *
 * @param from what lies before it is left out
 * @returns where the next record will be
 */
export async function readWholeLog(
  broker: { readonly read: Broker["read"]; readonly admin: Pick<Broker["admin"], "extent"> },
  { topic, from = 0 }: { readonly topic: string; readonly from?: Offset },
  take: (batch: RawBatch) => void | Promise<void>,
  signal: AbortSignal,
): Promise<Offset> {
  const { low, end } = await broker.admin.extent({ topic, partition }, signal);
  const first = Math.max(low, from);
  await readUpTo(broker, { topic, from: first, to: end }, take, signal);
  return Math.max(first, end);
}

/**
 * Hands every batch that comes to a topic of one partition to `take`, until the signal aborts; never rejects. A reading
 * that fails is said, and begun again where it was; where retention took that, or the topic was made anew, with what is
 * there now.
 */
export async function follow(
  options: {
    readonly broker: Pick<Broker, "read">;
    readonly topic: string;
    readonly from: Offset;
    /** Between two attempts. */
    readonly pauses: BackOffPolicy;
    readonly clock: Clock;
    readonly facts: Facts;
  },
  take: (batch: RawBatch) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { broker, topic, clock, facts } = options;
  const backOff = new BackOff(options.pauses);
  let from: Offset | "earliest" = options.from;
  while (!signal.aborted) {
    try {
      for await (const batch of broker.read({ topic, partition, from }, signal)) {
        await take(batch);
        from = batch.offsetNext;
        backOff.reset();
      }
    } catch (thrown) {
      if (signal.aborted) return;
      facts.emit("ownTopicReadAgain", { code: codeOf(thrown, "MR_BROKER"), topic, reason: messageOf(thrown) });
      if (thrown instanceof OperationError && thrown.code === "MR_OFFSET_RANGE") from = "earliest";
      await clock.sleep(backOff.next(), signal).catch(() => undefined);
    }
  }
}
