import type { AvroType, UnionType } from "./avro-type.ts";

/**
 * A value of a union with two or more branches beside null. Which branch was written cannot be told from the value
 * (two records may have the same fields, 0.1 fits float and double), so it is kept. Null stays null, and a union of
 * one type and null holds plain values.
 */
export class UnionValue {
  /** Index of the branch in the schema's own order. */
  readonly branch: number;
  readonly value: unknown;

  constructor(branch: number, value: unknown) {
    this.branch = branch;
    this.value = value;
  }
}

/** True for a union whose values are {@link UnionValue}s. */
export function isWideUnion(type: AvroType): type is UnionType {
  if (type.kind !== "union") return false;
  const { branches } = type;
  return branches.length > 2 || (branches.length === 2 && branches.every((branch) => branch.kind !== "null"));
}
