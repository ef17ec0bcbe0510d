import { z } from "zod";
import { parseIsoTimeMs } from "../kernel/index.ts";
import { type FieldType, toTime } from "../schema/index.ts";
import { expressionText } from "./config-parts.ts";
import type { LoweringContext } from "./contract.ts";
import { isValueOf, numbersOf, symbolsOf } from "./fields.ts";

/** What a step may state for the records that were written before it made the field. */
export const statedDefault = z
  .union([z.string(), z.number(), z.boolean()])
  .describe(
    "What records have that were written before the field was added, which otherwise becomes nullable. New records always have the value.",
  );

/** An aggregate, or an aggregate with a default. */
export const textWithDefault = z.union([
  expressionText,
  z.strictObject({ is: expressionText.describe("The aggregate."), default: statedDefault.optional() }),
]);

/** An expression or constant, or one with a default. */
export const valueWithDefault = z.union([
  expressionText,
  z.number(),
  z.boolean(),
  z.strictObject({
    is: z.union([expressionText, z.number(), z.boolean()]).describe("The expression or constant."),
    default: statedDefault.optional(),
  }),
]);

interface Written {
  /** The expression's text. */
  readonly text: string;
  readonly default: string | number | boolean | undefined;
  /** Where the text stands below `path`. */
  readonly textPath: readonly (string | number)[];
  readonly defaultPath: readonly (string | number)[];
}

/** The short form and the long one as one. `path` is where the value stands in the step's config. */
export function writtenValue(value: z.infer<typeof valueWithDefault>, path: readonly (string | number)[]): Written {
  if (typeof value !== "object") return { text: String(value), default: undefined, textPath: path, defaultPath: path };
  return {
    text: String(value.is),
    default: value.default,
    textPath: [...path, "is"],
    defaultPath: [...path, "default"],
  };
}

/** `statedDefault` of a field in Avro's default form; nothing when none is stated, or, reported, when it does not fit. */
export function statedDefaultOf(
  { default: stated, defaultPath: path }: Written,
  type: FieldType,
  context: LoweringContext,
): { readonly statedDefault?: unknown } {
  if (stated === undefined) return {};
  const value = avroDefault(stated, type);
  if (value !== undefined) return { statedDefault: value };
  const { kind } = type;
  const isWrong = isWritable(kind)
    ? `the default ${JSON.stringify(stated)} is no ${wanted[kind]}`
    : "has no default here";
  const hint = isWritable(kind) ? `write for example default: ${examples[kind]}` : "leave the default out";
  context.problem({ code: "MR_WRONG_TYPE", path, message: `the field is ${kind}, and ${isWrong}`, hint });
  return {};
}

function avroDefault(stated: string | number | boolean, { kind, avro }: FieldType): unknown {
  switch (kind) {
    case "boolean":
      return typeof stated === "boolean" ? stated : undefined;
    case "int":
    case "long":
    case "float":
    case "double":
      return typeof stated === "number" && isValueOf(kind, stated) ? stated : undefined;
    case "string":
      return typeof stated === "string" ? stated : undefined;
    case "enum":
      return symbolsOf(avro).includes(stated) ? stated : undefined;
    case "timestamp":
      // Text of digits would be milliseconds here and nowhere else in a default.
      return typeof stated === "string" && parseIsoTimeMs(stated) !== undefined
        ? (toTime(stated) ?? undefined)
        : undefined;
    default:
      return undefined;
  }
}

type Writable = Exclude<FieldType["kind"], "bytes" | "record" | "list" | "map" | "other">;

const wanted: Readonly<Record<Writable, string>> = {
  boolean: "true or false",
  ...numbersOf,
  string: "text",
  enum: "symbol of it",
  timestamp: "ISO 8601 time before 2100",
};

const examples: Readonly<Record<Writable, string>> = {
  boolean: "false",
  int: "0",
  long: "0",
  float: "0",
  double: "0",
  string: '""',
  enum: "one of its symbols",
  timestamp: "1970-01-01T00:00:00Z",
};

function isWritable(kind: FieldType["kind"]): kind is Writable {
  return Object.hasOwn(wanted, kind);
}
