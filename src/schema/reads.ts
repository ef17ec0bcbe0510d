/**
 * What of a value is read: all of it, or for a record these of its fields. The empty map asks only whether the value
 * is there: a decoder may then answer null, or anything that is not null.
 */
export type Reads = "whole" | ReadonlyMap<string, Reads>;

/** What is read when both are. */
export function unionOfReads(a: Reads | undefined, b: Reads): Reads {
  if (a === undefined) return b;
  if (a === "whole" || b === "whole") return "whole";
  const union = new Map(a);
  for (const [name, reads] of b) union.set(name, unionOfReads(union.get(name), reads));
  return union;
}

/** What is read of a row: its fields by name. */
export type RowReads = ReadonlyMap<string, Reads>;
