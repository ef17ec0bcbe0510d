import type { EpochMs } from "../../kernel/index.ts";

/** Somebody has seen an alert: it pages nobody until then. */
export interface AckCommand {
  readonly kind: "ack";
  readonly fingerprint: string;
  readonly who: string;
  readonly reason: string;
  readonly untilMs: EpochMs;
}

/** Alerts of a monitor, or of one field of it, page nobody until then. */
export interface SilenceCommand {
  readonly kind: "silence";
  readonly id: string;
  /** Undefined: of all monitors. */
  readonly monitor: string | undefined;
  /** Undefined: of all fields. */
  readonly field: string | undefined;
  readonly who: string;
  readonly reason: string;
  readonly untilMs: EpochMs;
}

export type MonitorCommand = AckCommand | SilenceCommand;

/** Whom nobody wants to hear of for now. The last command of an alert or an id counts; one that has run out is none. */
export class Mutes {
  readonly #topology: string;
  readonly #acks = new Map<string, AckCommand>();
  readonly #silences = new Map<string, SilenceCommand>();

  constructor(topology: string) {
    this.#topology = topology;
  }

  take(command: MonitorCommand): void {
    if (command.kind === "ack") this.#acks.set(command.fingerprint, command);
    else this.#silences.set(command.id, command);
  }

  isMuted(monitor: string, field: string, nowMs: EpochMs): boolean {
    const ack = this.#acks.get(fingerprintOf(this.#topology, monitor, field));
    if (ack !== undefined && nowMs < ack.untilMs) return true;
    for (const silence of this.#silences.values()) {
      const isMeant = (silence.monitor ?? monitor) === monitor && (silence.field ?? field) === field;
      if (isMeant && nowMs < silence.untilMs) return true;
    }
    return false;
  }
}

/** Of an alert, `<topology>/<monitor>/<field>`. */
export function fingerprintOf(topology: string, monitor: string, field: string): string {
  return `${topology}/${monitor}/${field}`;
}
