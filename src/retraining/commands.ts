import { type EpochMs, parseIsoTimeMs } from "../kernel/index.ts";
import type { ControlRecord } from "../runtime/index.ts";
import type { RetrainingEvent } from "../training/index.ts";

const approveKey = /^approve\/([^/]+)\/(\d+)$/;
const cancelKey = /^cancel\/(.+)$/;

/** What people have told the trainer on the control topic, and not taken back. */
export class TrainerCommands {
  readonly #approvals = new Map<string, { readonly who: string; readonly untilMs: EpochMs }>();
  readonly #cancelled = new Map<string, string>();

  take({ key, value }: ControlRecord): void {
    const cancelled = cancelKey.exec(key)?.[1];
    if (cancelled !== undefined) {
      if (value === null) this.#cancelled.delete(cancelled);
      else this.#cancelled.set(cancelled, textOf(value, "who") ?? "somebody");
    }
    const [, model, version] = approveKey.exec(key) ?? [];
    if (model === undefined) return;
    const at = `${model}/${version}`;
    const untilMs = value === null ? undefined : parseIsoTimeMs(textOf(value, "until") ?? "");
    if (value === null || untilMs === undefined) this.#approvals.delete(at);
    else this.#approvals.set(at, { who: textOf(value, "who") ?? "somebody", untilMs });
  }

  /** Who has said yes to a version; undefined when nobody has, or it counts no more. */
  approvedBy(model: string, version: number, nowMs: EpochMs): string | undefined {
    const approval = this.#approvals.get(`${model}/${version}`);
    return approval === undefined || approval.untilMs <= nowMs ? undefined : approval.who;
  }

  /** Who has cancelled a request. */
  cancelledBy(request: string): string | undefined {
    return this.#cancelled.get(request);
  }
}

function textOf(json: string, name: string): string | undefined {
  try {
    const value = (JSON.parse(json) as Readonly<Record<string, unknown>> | null)?.[name];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The record that ends a request. */
export function cancelRecord(request: string, who: string, reason: string): ControlRecord {
  return { key: `cancel/${request}`, value: JSON.stringify({ who, reason }) };
}

/** The id of the event by which the trainer says that it has taken a reset of a breaker. */
export function resetAnswer(request: string): string {
  return `${request}/taken`;
}

/** Whether an event is the trainer's answer to a reset, and not a reset that somebody asks for. */
export function isResetAnswer({ type, id, request }: RetrainingEvent): boolean {
  return type === "reset" && id === resetAnswer(request);
}
