import {
  BackOff,
  type Clock,
  type FactFields,
  type Facts,
  MillraceError,
  messageOf,
  silentAfterMs,
} from "../kernel/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";

const pauses = { firstMs: 100, lastMs: 5_000 };
/** A wait is said again after so long: whoever looks at a log that is long silent sees what it waits for. */
const sayAgainMs = 30_000;

/** Who is told that the registry has been waited for longer than it may, and with `undefined` that this wait is over. */
export type WaitListener = (reason: string | undefined) => void;

/**
 * Asks the schema registry until it answers: one that is down is waited for, with growing pauses up to 5 s.
 *
 * The wait is logged when it begins, every 30 s, and when it ends; after 30 s `onLong` is told. Rejects when the signal
 * is aborted, and with any error that waiting does not help against.
 */
export async function waitOutRegistry<T>(
  ask: () => Promise<T>,
  by: {
    readonly clock: Clock;
    readonly facts: Facts;
    readonly fields?: FactFields<"registryAnswers">;
    readonly onLong?: WaitListener;
  },
  signal: AbortSignal,
): Promise<T> {
  const { clock, facts, fields = {}, onLong } = by;
  const beganMs = clock.monotonicMs();
  let saidMs: number | undefined;
  let isLong = false;
  const backOff = new BackOff(pauses);
  try {
    for (;;) {
      signal.throwIfAborted();
      try {
        const answer = await ask();
        if (saidMs !== undefined) facts.emit("registryAnswers", fields);
        return answer;
      } catch (thrown) {
        signal.throwIfAborted();
        if (!(thrown instanceof MillraceError && thrown.disposition === "retry")) throw thrown;
        const nowMs = clock.monotonicMs();
        isLong = nowMs - beganMs >= silentAfterMs;
        if (isLong) onLong?.(`the schema registry does not answer: ${messageOf(thrown)}`);
        if (saidMs === undefined || nowMs - saidMs >= sayAgainMs) {
          const waitedSeconds = Math.round((nowMs - beganMs) / 1000);
          const { code } = thrown;
          facts.emit("registryAwaited", { ...fields, code, reason: messageOf(thrown), waitedSeconds });
          saidMs = nowMs;
        }
        await clock.sleep(backOff.next(), signal);
      }
    }
  } finally {
    // Also when the wait is called off: whoever waits next says so again.
    if (isLong) onLong?.(undefined);
  }
}

/** A registry whose readers wait while it is down, as a worker does; what it refuses is thrown as ever. */
export function patientRegistry(
  registry: SchemaRegistry,
  by: { readonly clock: Clock; readonly facts: Facts },
): SchemaRegistry {
  const wait = <T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> => waitOutRegistry(ask, by, signal);
  return {
    byId: (id, signal) => wait(signal, () => registry.byId(id, signal)),
    latest: (subject, signal) => wait(signal, () => registry.latest(subject, signal)),
    versions: (subject, signal) => wait(signal, () => registry.versions(subject, signal)),
    lookUp: (subject, json, signal) => wait(signal, () => registry.lookUp(subject, json, signal)),
    register: (subject, json, signal) => registry.register(subject, json, signal),
  };
}
