import { type Clock, type LogFields, type Logger, MillraceError, messageOf } from "../kernel/index.ts";

const backOffFirstMs = 100;
const backOffLastMs = 5_000;

/**
 * Asks the schema registry until it answers: one that is down is waited for, with growing pauses up to 5 s.
 *
 * The wait is logged when it begins and when it ends. Rejects when the signal is aborted, and with any error that
 * waiting does not help against.
 */
export async function waitOutRegistry<T>(
  ask: () => Promise<T>,
  by: { readonly clock: Clock; readonly logger: Logger; readonly fields: LogFields },
  signal: AbortSignal,
): Promise<T> {
  const { clock, logger, fields } = by;
  let isWarned = false;
  for (let waitMs = backOffFirstMs; ; waitMs = Math.min(2 * waitMs, backOffLastMs)) {
    signal.throwIfAborted();
    try {
      const answer = await ask();
      if (isWarned) logger.info(fields, "The schema registry answers again.");
      return answer;
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof MillraceError && thrown.disposition === "retry")) throw thrown;
      if (!isWarned)
        logger.warn(
          { ...fields, code: thrown.code, reason: messageOf(thrown) },
          "The schema registry does not answer; waiting for it.",
        );
      isWarned = true;
      await clock.sleep(waitMs, signal);
    }
  }
}
