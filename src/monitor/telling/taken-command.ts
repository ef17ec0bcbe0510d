/** What the judge says of a command that it has taken, on `<topology>.alerts`: so that who gave it learns that it counts. */
import { type CloudEventRecord, cloudEventRecord, jsonObject } from "../records/cloud-event.ts";

const type = "millrace.command.taken";

export interface TakenCommand {
  /** Of the command: `ack/<fingerprint>`, `silence/<id>`, `baseline/<monitor>`. */
  readonly key: string;
  /** Of the request that it came by, of a baseline its id; null where the command was taken back. */
  readonly request: string | null;
  readonly topology: string;
  /** ISO 8601: when it was taken. */
  readonly at: string;
}

export function takenCommandRecord(taken: TakenCommand): CloudEventRecord {
  const { key, request, topology, at } = taken;
  const id = `${key}/${request ?? `over ${at}`}`;
  return cloudEventRecord(key, { id, type, topology, at, subject: key }, { type, ...taken });
}

/** Undefined for what is no such record. */
export function readTakenCommand(text: string): TakenCommand | undefined {
  const value = jsonObject(text);
  if (value === undefined || value["type"] !== type) return undefined;
  const { key, request, topology, at } = value;
  const isOne =
    [key, topology, at].every((one) => typeof one === "string") && (request === null || typeof request === "string");
  return isOne ? ({ key, request, topology, at } as TakenCommand) : undefined;
}
