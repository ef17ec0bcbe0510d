import { type Clock, codeOf, type Facts, messageOf } from "../kernel/index.ts";
import { type BaselinesRead, readBaselines } from "./baselines-topic.ts";
import { type BaselinedMonitor, type ClosedWindow, type EnsureOptions, ensureBaseline } from "./ensure-baseline.ts";
import { readVerdicts } from "./read-verdicts.ts";

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
 * and ends when all are in service. To be run beside the judge; two at once write the same baseline twice, which is none
 * other.
 *
 * What fails is said and tried again. Rejects with the signal's reason.
 */
export async function keepBaselines(options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { broker, registry, topic, monitors, clock, facts } = options;
  const told = new Map<string, string>();
  const tell = (monitor: string, reason: string, say: () => void): void => {
    if (told.get(monitor) !== reason) say();
    told.set(monitor, reason);
  };
  for (;;) {
    let lacking = monitors;
    try {
      const { baselines } = await readBaselines(broker, registry, topic, signal);
      lacking = monitors.filter((monitor) => !isInService(baselines, monitor));
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
        const closed = await learntWindows(options, monitor, signal);
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

/** Whether the monitor as it is now has a baseline that counts the same. */
export function isInService(
  baselines: BaselinesRead["baselines"],
  { name, version }: Pick<BaselinedMonitor, "name" | "version">,
): boolean {
  return baselines.current(name)?.version === version;
}

/** The windows of a monitor that the judge has found over while there was no baseline. */
export async function learntWindows(
  { broker, registry, verdictsTopic }: Pick<KeepOptions, "broker" | "registry" | "verdictsTopic">,
  { name, fields, baseline }: Pick<BaselinedMonitor, "name" | "fields" | "baseline">,
  signal: AbortSignal,
): Promise<readonly ClosedWindow[]> {
  if (baseline.kind === "range") return [];
  const field = fields[0]?.name;
  const { verdicts } = await readVerdicts(
    broker,
    registry,
    verdictsTopic,
    (verdict) => verdict.monitor === name && verdict.field === field && verdict.kind === "LEARNING",
    signal,
  );
  return verdicts.map(({ fromMs, m }) => ({ fromMs, rows: m }));
}
