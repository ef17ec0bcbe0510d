import { type EpochMs, formatIsoTime, parseIsoTimeMs } from "../kernel/index.ts";
import type { AlertEvent, VerdictRecord } from "../monitor/index.ts";

/** An incident that was opened. */
export interface ReplayedIncident {
  readonly id: string;
  /** ISO 8601: end of the window that opened it. */
  readonly at: string;
  readonly isPage: boolean;
  readonly fields: readonly string[];
}

/** What became of the windows of one monitor. */
export interface ReplayedMonitor {
  readonly monitor: string;
  /** ISO 8601: begin of the first window and of the last; null of none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly windows: number;
  /** Verdicts, one for each field and window. */
  readonly verdicts: number;
  readonly drift: number;
  readonly insufficient: number;
  readonly suppressed: number;
  readonly incidents: readonly ReplayedIncident[];
  readonly pages: number;
}

/** Adds up what a judge says of one monitor, of windows that begin within a range of event time. */
export class MonitorTally {
  readonly #monitor: string;
  readonly #fromMs: EpochMs;
  readonly #toMs: EpochMs;
  readonly #windows = new Set<EpochMs>();
  readonly #incidents: ReplayedIncident[] = [];
  #verdicts = 0;
  #drift = 0;
  #insufficient = 0;
  #suppressed = 0;

  /** @param toMs the first time that is out of it */
  constructor(monitor: string, fromMs: EpochMs, toMs: EpochMs) {
    this.#monitor = monitor;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  get outcome(): ReplayedMonitor {
    const times = [...this.#windows].sort((a, b) => a - b);
    const [first, last] = [times[0], times.at(-1)];
    return {
      monitor: this.#monitor,
      from: first === undefined ? null : formatIsoTime(first),
      to: last === undefined ? null : formatIsoTime(last),
      windows: times.length,
      verdicts: this.#verdicts,
      drift: this.#drift,
      insufficient: this.#insufficient,
      suppressed: this.#suppressed,
      incidents: this.#incidents,
      pages: this.#incidents.filter(({ isPage }) => isPage).length,
    };
  }

  addVerdict({ fromMs, kind }: VerdictRecord): void {
    if (!this.#isWithin(fromMs)) return;
    this.#windows.add(fromMs);
    this.#verdicts++;
    if (kind === "DRIFT") this.#drift++;
    else if (kind === "INSUFFICIENT") this.#insufficient++;
    else if (kind === "SUPPRESSED") this.#suppressed++;
  }

  addEvent({ type, from, at, incident, isPage, fields }: AlertEvent): void {
    if (type !== "millrace.incident.opened" || !this.#isWithin(parseIsoTimeMs(from ?? at) ?? Number.NaN)) return;
    this.#incidents.push({ id: incident ?? "", at, isPage, fields });
  }

  #isWithin(fromMs: EpochMs): boolean {
    return fromMs >= this.#fromMs && fromMs < this.#toMs;
  }
}
