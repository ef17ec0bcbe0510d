import { type EpochMs, formatIsoTime } from "../../kernel/index.ts";
import type { ControlRecord } from "./control-topic.ts";

/** Somebody's word that a version which waits for it may serve: a record on the control topic. */
export interface Approval {
  readonly model: string;
  readonly version: number;
  readonly who: string;
  readonly reason: string;
  /** From when on it counts no more. */
  readonly untilMs: EpochMs;
  /** Names the command that gave it. */
  readonly request: string;
}

const keyPrefix = "approve/";

/** The record `approve/<model>/<version>` that trainers look for. */
export function approvalRecord({ model, version, who, reason, untilMs, request }: Approval): ControlRecord {
  const value = { who, until: formatIsoTime(untilMs), reason, request };
  return { key: `${keyPrefix}${model}/${version}`, value: JSON.stringify(value) };
}
