/** Schemas of the topics that are Millrace's own: what is written there is registered by `apply`, as one schema of ours. */
import { OperationError, RecordError } from "../kernel/index.ts";
import { parseRecordSchemaText, type RecordSchema } from "./record-schema.ts";
import type { SchemaRegistry } from "./registry.ts";

/** The id that a schema of ours has under the subject of its topic. @throws OperationError MR_SUBJECT_MISSING */
export async function ownSchemaId(
  registry: Pick<SchemaRegistry, "lookUp">,
  topic: string,
  schema: RecordSchema,
  signal: AbortSignal,
): Promise<number> {
  const registered = await registry.lookUp(`${topic}-value`, schema.json, signal);
  if (registered !== undefined) return registered.id;
  throw new OperationError(
    "MR_SUBJECT_MISSING",
    `writing topic ${topic}: its schema is not registered as ${topic}-value; run millrace apply`,
  );
}

/** The schema of a writer, as the registry has it under an id. @throws RecordError MR_DECODE_BODY for one that is no record's */
export function ownWriterSchema(text: string, id: number): RecordSchema {
  const parsed = parseRecordSchemaText(text, `id ${id}`, { strictDefaults: false });
  if ("schema" in parsed) return parsed.schema;
  throw new RecordError("MR_DECODE_BODY", `schema id ${id} is no schema of records`);
}
