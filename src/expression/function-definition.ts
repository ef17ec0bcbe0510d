import { commonType, type Family, typeOf, type ValueType } from "./types.ts";

/** What one argument may be. `nullable` arguments need no guard. */
export interface Parameter {
  readonly name: string;
  /** Undefined takes every type. */
  readonly families: readonly Family[] | undefined;
  readonly nullable?: boolean;
  /** Only int and long will do. */
  readonly whole?: boolean;
}

/** A function of the language: how it is checked, what it does, and what the reference page says of it. */
export interface FunctionDefinition {
  /** As in the reference page: `clamp(x, low, high)`. */
  readonly signature: string;
  /** One sentence, or a few. */
  readonly doc: string;
  /** A call with constants, and what it gives. */
  readonly example: readonly [text: string, gives: null | boolean | number | string];
  readonly parameters: readonly Parameter[];
  /** The last parameter may be repeated, at least `repeats` times in all arguments; applied pairwise from the left. */
  readonly repeats?: true;
  /** How many of the last parameters may be left out. */
  readonly optional?: number;
  /** Takes a long beyond 2^53 as it is; every other function takes numbers. */
  readonly takesWide?: true;
  /** The result is null exactly when the first argument is. */
  readonly nullAsFirst?: true;
  /** Result type for arguments that fit the parameters; undefined when they do not fit each other. */
  readonly result: (args: readonly ValueType[]) => ValueType | undefined;
  readonly fails?: Failing;
  /** Pure and total over the parameters' types. Absent where the compiler writes the operation itself. */
  readonly run?: (...args: never[]) => unknown;
}

/**
 * How a function fails the record: `finite` with MR_EXPRESSION when the result is not finite, `cast` with MR_CAST and
 * `domain` with MR_EXPRESSION when it is undefined. `otherwise` stands in for the result until the record is set aside.
 */
type Failing =
  | { readonly how: "finite" | "cast"; readonly otherwise: number | string | boolean }
  | { readonly how: "domain"; readonly why: string; readonly otherwise: number | string | boolean };

export const numeric: readonly Family[] = ["number"];
export const ordered: readonly Family[] = ["number", "timestamp"];
export const textual: readonly Family[] = ["text"];
export const scalar: readonly Family[] = ["number", "text", "boolean"];
export const scalarOrTime: readonly Family[] = [...scalar, "timestamp"];

export const finite = { how: "finite", otherwise: 0 } as const;

export const x = (families: readonly Family[] | undefined, nullable = false): Parameter => ({
  name: "x",
  families,
  nullable,
});
export const named = (name: string, families: readonly Family[]): Parameter => ({ name, families });
export const whole = (name: string): Parameter => ({ name, families: numeric, whole: true });

type PlainKind = Parameters<typeof typeOf>[0];

export const always = (kind: PlainKind) => (): ValueType => typeOf(kind);

export const likeFirst = ([first]: readonly ValueType[]): ValueType | undefined =>
  first && { kind: first.kind, nullable: first.nullable, avro: first.avro };

export const nullAsFirst =
  (kind: PlainKind) =>
  ([first]: readonly ValueType[]): ValueType =>
    typeOf(kind, first?.nullable ?? false);

/** For two arguments or more. Constants stay adaptable until they meet a neighbour. */
export function common([first, ...rest]: readonly ValueType[]): ValueType | undefined {
  return rest.reduce<ValueType | undefined>((all, next) => all && commonType(all, next), first);
}

/** The type of several numbers or times that were taken as numbers. */
export function commonNarrow(args: readonly ValueType[]): ValueType | undefined {
  const type = common(args);
  return type && { kind: type.kind, nullable: type.nullable, avro: type.avro };
}
