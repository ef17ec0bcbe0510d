/**
 * What people tell the judge, on the control topic: JSON under `ack/<fingerprint>` and `silence/<id>`, of which the last
 * counts. A null value takes it back.
 */
import { type EpochMs, formatIsoTime, parseIsoTimeMs } from "../../kernel/index.ts";

interface Told {
  readonly who: string;
  readonly reason: string;
  /** It holds until then. */
  readonly untilMs: EpochMs;
  /** Of the request that it came by. */
  readonly requestId: string;
}

/** Somebody has seen an alert: it pages nobody. */
export interface AckCommand extends Told {
  readonly kind: "ack";
  readonly fingerprint: string;
}

/** Alerts of a monitor, or of one field of it, page nobody. */
export interface SilenceCommand extends Told {
  readonly kind: "silence";
  readonly id: string;
  /** Undefined: of all monitors. */
  readonly monitor: string | undefined;
  /** Undefined: of all fields. */
  readonly field: string | undefined;
}

export type MonitorCommand = AckCommand | SilenceCommand;

/** A record on the control topic. */
interface CommandRecord {
  readonly key: string;
  readonly value: string | null;
}

const ackPrefix = "ack/";
const silencePrefix = "silence/";

/** The record of a command. */
export function commandRecord(command: MonitorCommand): { readonly key: string; readonly value: string } {
  const { who, reason, untilMs, requestId } = command;
  const told = { who, reason, until: formatIsoTime(untilMs), requestId };
  if (command.kind === "ack") return { key: ackPrefix + command.fingerprint, value: JSON.stringify(told) };
  const { id, monitor, field } = command;
  return { key: silencePrefix + id, value: JSON.stringify({ ...told, monitor, field }) };
}

/** Undefined for what is no command to a judge, or takes one back. */
export function readCommand({ key, value }: CommandRecord): MonitorCommand | undefined {
  const isAck = key.startsWith(ackPrefix);
  if (value === null || !(isAck || key.startsWith(silencePrefix))) return undefined;
  let read: Readonly<Record<string, unknown>> | null;
  try {
    read = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (typeof read !== "object" || read === null) return undefined;
  const { who, reason, until, requestId, monitor, field } = read;
  const untilMs = typeof until === "string" ? parseIsoTimeMs(until) : undefined;
  if (untilMs === undefined || !isTextOrNone(monitor) || !isTextOrNone(field)) return undefined;
  const told = { who: textOf(who), reason: textOf(reason), untilMs, requestId: textOf(requestId) };
  if (isAck) return { ...told, kind: "ack", fingerprint: key.slice(ackPrefix.length) };
  return { ...told, kind: "silence", id: key.slice(silencePrefix.length), monitor, field };
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Which command a record gives or takes back, and by which request; undefined for what is none to a judge. */
export function commandRequest(
  record: CommandRecord,
): { readonly key: string; readonly request: string | null } | undefined {
  const { key } = record;
  if (!key.startsWith(ackPrefix) && !key.startsWith(silencePrefix)) return undefined;
  return { key, request: readCommand(record)?.requestId ?? null };
}

/** Whom nobody wants to hear of for now. */
export class Mutes {
  readonly #topology: string;
  readonly #commands = new Map<string, MonitorCommand>();

  constructor(topology: string) {
    this.#topology = topology;
  }

  /** What is no command to a judge is passed over. */
  take(record: CommandRecord): void {
    const command = readCommand(record);
    if (command === undefined) this.#commands.delete(record.key);
    else this.#commands.set(record.key, command);
  }

  isMuted(monitor: string, field: string, nowMs: EpochMs): boolean {
    const fingerprint = fingerprintOf(this.#topology, monitor, field);
    for (const command of this.#commands.values()) {
      const isMeant =
        command.kind === "ack"
          ? command.fingerprint === fingerprint
          : (command.monitor ?? monitor) === monitor && (command.field ?? field) === field;
      if (isMeant && nowMs < command.untilMs) return true;
    }
    return false;
  }
}

/** Of an alert, `<topology>/<monitor>/<field>`. */
export function fingerprintOf(topology: string, monitor: string, field: string): string {
  return `${topology}/${monitor}/${field}`;
}
