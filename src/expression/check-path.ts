import { fieldsIn, valuesIn } from "../schema/index.ts";
import type { Ast } from "./ast.ts";
import { guarded, nameHint, unguardedMember } from "./check-rules.ts";
import { type Checked, plain } from "./checked.ts";
import { printAst } from "./print.ts";
import { ExpressionFault, quote } from "./problem.ts";
import { familyOf, readType, typeName } from "./types.ts";

/** `of.name` and `of?.name`. */
export function checkMember(ast: Ast & { node: "member" }, of: Checked): Checked {
  const fields = of.type.kind === "null" ? undefined : fieldsIn({ ...of.type, kind: of.type.kind });
  const text = printAst(of.ast);
  if (fields === undefined) {
    throw new ExpressionFault(
      ast.at,
      `${quote(text)} is ${typeName(of.type)}, and only a record has fields`,
      memberHint(text, ast.name, of),
    );
  }
  const field = fields.get(ast.name);
  if (field === undefined || ast.name === "__proto__") {
    const message = `there is no field ${quote(ast.name)} in ${quote(text)}`;
    throw new ExpressionFault(ast.at, message, nameHint(ast.name, [...fields.keys()]));
  }
  if (of.type.nullable && !ast.safe) throw unguardedMember(ast, of);
  const type = readType(field);
  return plain({ ...type, nullable: type.nullable || of.type.nullable }, { ...ast, of: of.ast });
}

function memberHint(text: string, name: string, { type }: Checked): string | undefined {
  switch (familyOf(type)) {
    case "map":
      return `write ${text}["${name}"]`;
    case "list":
      return "`x in list` and size(list) look into it; extract in the ingest stage takes an item out";
    case "text":
    case "number":
    case "timestamp":
      return `functions take their operand first, such as to_string(${text})`;
    default:
      return type.kind === "other"
        ? "what it holds is not known before the record is read; extract in the ingest stage takes a value out of it"
        : undefined;
  }
}

/** `of["key"]`, null when the map has no such entry. */
export function checkIndex(ast: Ast & { node: "index" }, of: Checked, key: Checked): Checked {
  const value = of.type.kind === "null" ? undefined : valuesIn({ ...of.type, kind: of.type.kind });
  const text = printAst(of.ast);
  if (value === undefined || of.type.kind === "list") {
    const { constant } = key.type;
    const hint =
      of.type.kind === "list"
        ? "a list has no index here; take an item out by extract in the ingest stage"
        : of.type.kind === "record" && typeof constant === "string"
          ? `write ${text}.${constant}`
          : undefined;
    throw new ExpressionFault(ast.at, `${quote(text)} is ${typeName(of.type)}, and only a map has keys`, hint);
  }
  guarded(ast, of);
  guarded(ast, key);
  if (familyOf(key.type) !== "text") {
    throw new ExpressionFault(
      key.ast.at,
      `${quote(printAst(key.ast))} is ${typeName(key.type)}, and the keys of a map are text`,
      familyOf(key.type) === "number" ? `write ${text}[to_string(${printAst(key.ast)})]` : undefined,
    );
  }
  return plain({ ...readType(value), nullable: true }, { ...ast, of: of.ast, key: key.ast });
}
