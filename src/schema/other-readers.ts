import avro from "avsc";
import { messageOf } from "../kernel/index.ts";

/**
 * Why avsc, the Avro reader that most consumers on Node are built on, does not take a schema; undefined when it does.
 *
 * Millrace reads and writes with a codec of its own (guarded against hostile counts and lengths, and about twice as
 * fast). A schema that only it could read would shut others out, so a schema has to pass here before it is used.
 */
export function avscRefusal(json: unknown): string | undefined {
  try {
    avro.Type.forSchema(withoutBigints(json) as avro.Schema);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/** Longs beyond 2^53 as defaults: avsc takes them only with a long type of the reader's own, and then with any value. */
function withoutBigints(json: unknown): unknown {
  if (typeof json === "bigint") return 0;
  if (Array.isArray(json)) return json.map(withoutBigints);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, withoutBigints(item)]));
}
