import { RecordError } from "../kernel/index.ts";

/** Bytes of Confluent's framing before the Avro body: 0, then the schema id in 4 bytes, big-endian. */
export const framingBytes = 5;

/**
 * The writer's schema id of a framed value, 0 to 2^32 - 1.
 * @throws RecordError MR_DECODE_SHORT when fewer than 5 bytes are there, MR_DECODE_MAGIC when the first is not 0
 */
export function readSchemaId(bytes: Buffer, from: number, to: number): number {
  if (to - from < framingBytes) {
    throw new RecordError(
      "MR_DECODE_SHORT",
      `reading the schema id: ${to - from} bytes, at least ${framingBytes} needed`,
    );
  }
  if (bytes[from] !== 0) {
    throw new RecordError("MR_DECODE_MAGIC", `reading the schema id: the first byte is ${bytes[from]}, not 0`);
  }
  return bytes.readUInt32BE(from + 1);
}

/** Writes the framing at `at`, which must have 5 bytes of room, and answers where the body begins. */
export function writeSchemaId(into: Buffer, at: number, id: number): number {
  into[at] = 0;
  return into.writeUInt32BE(id, at + 1);
}
