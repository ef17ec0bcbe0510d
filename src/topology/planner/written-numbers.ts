import type { JsonSchema } from "../spec/levels.ts";
import type { Positions } from "../yaml/positions.ts";
import { isExpression } from "./cut-expressions.ts";

type Path = readonly (string | number)[];

/**
 * The file with the source text of each number that stands where an expression may: `w: 1.0` means what `w: "1.0"`
 * does, a double, though YAML has one number for 1.0 and 1. Numbers that print as they were written stay numbers.
 */
export function numbersAsWritten(file: unknown, language: JsonSchema, positions: Positions): unknown {
  const visit = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item, [...path, name])]));
    }
    if ((typeof value !== "number" && typeof value !== "bigint") || !isExpression(path, language)) return value;
    const scalar = positions.scalarAt(path);
    const source = scalar?.text.slice(scalar.start, scalar.end) ?? "";
    return source !== String(value) && decimal.test(source) ? source.replace(/^\+/, "") : value;
  };
  return visit(file, []);
}

/** Not what YAML has beside: 0x10, .inf; nor the name of a variable. */
const decimal = /^[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?$/;
