import { conversionFunctions } from "./conversion-functions.ts";
import { always, common, type FunctionDefinition, x } from "./function-definition.ts";
import { numberFunctions } from "./number-functions.ts";
import { textFunctions } from "./text-functions.ts";
import { size } from "./text-operations.ts";
import { timeFunctions } from "./time-functions.ts";

export type { FunctionDefinition, Parameter } from "./function-definition.ts";

const nulls = {
  coalesce: {
    signature: "coalesce(a, b, ...)",
    takesWide: true,
    doc: "The first argument that is not null; the rest is not computed. Null only when all are.",
    example: ["coalesce(null, 7)", 7],
    parameters: [
      { name: "a", families: undefined, nullable: true },
      { name: "b", families: undefined, nullable: true },
    ],
    repeats: true,
    result: (args) => {
      const type = common(args);
      return type && { ...type, nullable: args.every((arg) => arg.nullable) };
    },
  },
  is_null: {
    signature: "is_null(x)",
    takesWide: true,
    doc: "True when x is null, the same as x == null.",
    example: ["is_null(null)", true],
    parameters: [x(undefined, true)],
    result: always("boolean"),
  },
} satisfies Record<string, FunctionDefinition>;

const collections = {
  size: {
    signature: "size(x)",
    doc: "How many items a list has, entries a map, characters (Unicode code points) a text.",
    example: ['size("\u{1f600}a")', 2],
    parameters: [x(["list", "map", "text"])],
    result: always("int"),
    run: size,
  },
} satisfies Record<string, FunctionDefinition>;

const table = {
  ...numberFunctions,
  ...nulls,
  ...timeFunctions,
  ...textFunctions,
  ...collections,
  ...conversionFunctions,
};

export type FunctionName = keyof typeof table;

/** All functions of the language by name, in the order of the reference page. The table is closed. */
export const functionTable: Readonly<Record<FunctionName, FunctionDefinition>> = table;

/** The function of that name; undefined when the language has none. */
export function functionNamed(name: string): FunctionDefinition | undefined {
  return Object.hasOwn(functionTable, name) ? functionTable[name as FunctionName] : undefined;
}
