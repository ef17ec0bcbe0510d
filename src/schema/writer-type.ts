import type { AvroType } from "./avro-type.ts";
import { parseType } from "./parse-type.ts";

/**
 * The type of a writer's schema as a registry has it, which need not be a record. Yields between its parts.
 * @throws Error with every problem
 */
export function* writerTypeParts(text: string): Generator<void, AvroType> {
  const json = parseText(text);
  yield;
  // Old registries hold defaults that do not fit their type; the writer's are never used.
  const { type, problems } = parseType(json, { strictDefaults: false });
  if (type === undefined) throw new Error(problems.map((problem) => problem.message).join("; "));
  yield;
  return type;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("not JSON");
  }
}
