export type { Outgoing, OutgoingRole } from "./outgoing.ts";
export type { RawBatch } from "./raw-batch.ts";
