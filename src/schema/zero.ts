import type { AvroType } from "./avro-type.ts";
import { isWideUnion, UnionValue } from "./union-value.ts";

/**
 * The zero of a type: 0, "", false, the first symbol, nothing inside. Null for a union that has it.
 * What a field holds before somebody else fills it in, and what a `given` row may leave out.
 */
export function zeroOf(type: AvroType, open: ReadonlySet<AvroType> = new Set()): unknown {
  switch (type.kind) {
    case "null":
      return null;
    case "boolean":
      return false;
    case "int":
    case "long":
    case "float":
    case "double":
      return 0;
    case "string":
      return "";
    case "bytes":
      return Buffer.alloc(0);
    case "fixed":
      return Buffer.alloc(type.size);
    case "enum":
      return type.symbols[0] ?? "";
    case "array":
      return [];
    case "map":
      return {};
    case "union": {
      const hasNull = type.branches.some((branch) => branch.kind === "null");
      if (hasNull) return null;
      const zero = zeroOf(type.branches[0] ?? { kind: "null", attributes: {} }, open);
      return isWideUnion(type) ? new UnionValue(0, zero) : zero;
    }
    case "record": {
      if (open.has(type)) return null;
      const inside = new Set(open).add(type);
      return Object.fromEntries(type.fields.map((field) => [field.name, zeroOf(field.type, inside)]));
    }
  }
}
