import { type Clock, codeOf, type Facts, type Hasher, messageOf } from "../kernel/index.ts";
import { type BaselinesRead, BaselinesReader } from "./baselines-topic.ts";
import { askedOf, type BaselinedMonitor, type EnsureOptions, ensureBaseline } from "./ensure-baseline.ts";
import { LearntWindows } from "./learnt-windows.ts";

/** How often it is seen whether what a baseline waits for is there. */
const lookAgainMs = 30_000;

export interface KeepOptions extends Omit<EnsureOptions, "monitor" | "closed" | "progress" | "clock"> {
  readonly monitors: readonly BaselinedMonitor[];
  readonly verdictsTopic: string;
  readonly clock: Clock;
  readonly facts: Facts;
}

/**
 * Sees to it that each monitor gets the baseline that its topology asks for: looks every 30 s whether it can be measured,
 * and ends when all are in service. Topics are read on from where they were read to. To be run beside the judge; two at once write the same baseline twice, which is none
 * other.
 *
 * What fails is said and tried again. Rejects with the signal's reason.
 */
export async function keepBaselines(options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { broker, registry, topic, verdictsTopic, monitors, clock, facts, hasher } = options;
  const reader = new BaselinesReader(broker, registry, topic);
  const learnt = new LearntWindows(broker, registry, verdictsTopic, monitors);
  const told = new Map<string, string>();
  const tell = (monitor: string, reason: string, say: () => void): void => {
    if (told.get(monitor) !== reason) say();
    told.set(monitor, reason);
  };
  for (;;) {
    let lacking = monitors;
    try {
      const { baselines } = await reader.read(signal);
      lacking = monitors.filter((monitor) => !isInService(baselines, monitor, hasher));
    } catch (thrown) {
      signal.throwIfAborted();
      const reason = messageOf(thrown);
      tell("", reason, () => facts.emit("ownTopicReadAgain", { code: codeOf(thrown), topic, reason }));
      await clock.sleep(lookAgainMs, signal);
      continue;
    }
    let missing = 0;
    for (const monitor of lacking) {
      const { name } = monitor;
      try {
        const closed = await learnt.of(monitor, signal);
        const ensured = await ensureBaseline({ ...options, monitor, closed }, signal);
        if (ensured.kind === "written") {
          const { head, rows, windows } = ensured;
          facts.emit("baselineWritten", { monitor: name, baseline: head.id, origin: head.origin, rows, windows });
          continue;
        }
        const { reason } = ensured;
        tell(name, reason, () => facts.emit("baselineAwaited", { monitor: name, reason }));
      } catch (thrown) {
        signal.throwIfAborted();
        const reason = messageOf(thrown);
        tell(name, reason, () => facts.emit("baselineUnmeasured", { code: codeOf(thrown), monitor: name, reason }));
      }
      missing++;
    }
    if (missing === 0) return;
    await clock.sleep(lookAgainMs, signal);
  }
}

/** Whether the monitor as it is now has a baseline that counts the same and is what its topology asks for. */
export function isInService(
  baselines: BaselinesRead["baselines"],
  { name, version, baseline }: Pick<BaselinedMonitor, "name" | "version" | "baseline">,
  hasher: Hasher,
): boolean {
  const current = baselines.current(name);
  if (current?.version !== version) return false;
  // What was written before heads said so is taken for what is asked for.
  return current.asked === "" || current.asked === askedOf(baseline, hasher);
}
