import avro from "avsc";

/**
 * Why avsc, the Avro reader that most consumers on Node are built on, does not take a schema; undefined when it does.
 *
 * Millrace reads and writes with a codec of its own (guarded against hostile counts and lengths, and about twice as
 * fast). A schema that only it could read would shut others out, so a schema has to pass here before it is used.
 */
export function avscRefusal(json: unknown): string | undefined {
  try {
    avro.Type.forSchema(json as avro.Schema);
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
