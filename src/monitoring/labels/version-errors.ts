import type { EpochMs } from "../../kernel/index.ts";
import { createDetector, type Detector, type DetectorState, type SequenceDetector } from "../../monitor/index.ts";

interface Watching {
  readonly kind: string;
  readonly detector: Detector;
  rows: number;
  sinceRow: number | undefined;
  sinceMs: EpochMs | undefined;
  alarms: number;
}

/**
 * The errors of one version in the order in which their labels came, as detectors see them. The first alarm of each stays:
 * what has changed for a version is over with the next version, which begins with detectors of its own. Those after it are
 * counted: each says anew that something has changed.
 */
export class VersionErrors {
  readonly #watching: readonly Watching[];

  constructor(detectors: readonly SequenceDetector[]) {
    this.#watching = detectors.map(({ kind, config }) => {
      return {
        kind,
        detector: createDetector(kind, config),
        rows: 0,
        sinceRow: undefined,
        sinceMs: undefined,
        alarms: 0,
      };
    });
  }

  /** @param timeMs event time of the prediction */
  add(isError: boolean, timeMs: EpochMs): void {
    for (const watching of this.#watching) {
      watching.rows++;
      const signal = watching.detector.add(isError ? 1 : 0);
      if (signal !== "drift") continue;
      watching.alarms++;
      if (watching.sinceRow !== undefined) continue;
      watching.sinceRow = watching.rows;
      watching.sinceMs = timeMs;
    }
  }

  get states(): DetectorState[] {
    return this.#watching.map(({ detector: _, ...state }) => ({ ...state }));
  }
}
