import { parseRecordSchemaText, type RecordSchema, type RegisteredSchema, widenedFields } from "../../schema/index.ts";
import type { Plan, PlannedTopic } from "./plan.ts";

/** Every version of the subjects that somebody looked at, oldest first. */
export type RegisteredVersions = ReadonlyMap<string, readonly RegisteredSchema[]>;

/** The versions of a subject that can be parsed; what cannot be is no schema that a record could be read with. */
export function schemasOf(registered: RegisteredVersions | undefined, subject: string): readonly RecordSchema[] {
  return (registered?.get(subject) ?? []).flatMap(({ text }) => {
    const parsed = parseRecordSchemaText(text, subject, { strictDefaults: false });
    return "schema" in parsed ? [parsed.schema] : [];
  });
}

/** Subjects whose registered versions have a say in the plan: those of topics with an inferred schema. */
export function inferredSubjects(plan: Plan): string[] {
  return inferredTopics(plan).map(({ subject }) => subject);
}

/**
 * What the registered versions turn into a field that may be null, topic by topic, as sentences for somebody whose
 * plan is sound without them and is not with them. `plan` is the one made without.
 */
export function widenedBy(plan: Plan, registered: RegisteredVersions): string[] {
  return inferredTopics(plan).flatMap(({ topic, subject, schema }) =>
    widenedFields(schema, schemasOf(registered, subject)).map(
      ({ name, isAdded }) =>
        `${name} of topic ${topic.name} may be null: ${isAdded ? "records written before lack it" : `a version of ${subject} lets it be null`}`,
    ),
  );
}

function inferredTopics(plan: Plan): { topic: PlannedTopic; subject: string; schema: RecordSchema }[] {
  return plan.topics.flatMap((topic) => {
    const { schema, subject, schemaFrom, external } = topic;
    if (schemaFrom !== "inferred" || external || schema === undefined || subject === undefined) return [];
    return [{ topic, subject, schema }];
  });
}
