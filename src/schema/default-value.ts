import {
  type AvroField,
  type AvroType,
  type EnumType,
  type FixedType,
  isNamed,
  type MapType,
  type PrimitiveType,
  type RecordType,
  type UnionType,
} from "./avro-type.ts";
import { floatOf } from "./cast.ts";
import { jsonText } from "./json-text.ts";
import { decimalBytes, decimalDigits, decimalOf, decimalText } from "./logical-type.ts";
import { exactDouble, isLong } from "./long.ts";
import { setEntry } from "./map-entry.ts";
import { isWideUnion, UnionValue } from "./union-value.ts";

/** A default that does not fit. Thrown and caught inside this file. */
class DefaultMismatch extends Error {}

/** Nesting inside one default; a recursive schema must not overflow the stack. */
const depthMax = 32;
/** Values inside one default: records whose fields have defaults of their own can double at every level. */
const valuesMax = 10_000;

interface Budget {
  valuesLeft: number;
}

/** Why `json` is no default of `type`, or undefined when it is one. */
export function defaultProblem(type: AvroType, json: unknown): string | undefined {
  try {
    fromDefault(type, json, 0, { valuesLeft: valuesMax });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof DefaultMismatch) return thrown.message;
    throw thrown;
  }
}

/** What to write instead of a default that does not fit: the same value in the type's form, else a value that fits. */
export function defaultHint(type: AvroType, json: unknown): string | undefined {
  const candidates = [
    decimalDefault(type, json),
    asJson(json),
    typeof json === "object" ? undefined : String(json),
    ...plainDefaults(type),
  ];
  const fitting = candidates.find((each) => each !== undefined && defaultProblem(type, each) === undefined);
  return fitting === undefined ? undefined : `write "default": ${jsonText(fitting)}`;
}

/** The value of a text that holds JSON: `"7"`, `"null"`, `"True"`. */
function asJson(json: unknown): unknown {
  if (typeof json !== "string") return undefined;
  try {
    return JSON.parse(json.toLowerCase());
  } catch {
    return undefined;
  }
}

/** The characters that are the bytes of the decimal that a text writes out: `"12.34"`. */
function decimalDefault(type: AvroType, json: unknown): unknown {
  if (type.kind === "union") return type.branches.map((branch) => decimalDefault(branch, json)).find(Boolean);
  return typeof json === "object" ? undefined : decimalBytes(String(json), type)?.toString("latin1");
}

function plainDefaults(type: AvroType): unknown[] {
  if (type.kind === "union") return [null, ...type.branches.flatMap(plainDefaults)];
  return type.kind === "enum" ? [type.symbols[0]] : [0, "", false, [], {}];
}

/**
 * The value that a reader gives to an absent field, made anew for every call when it can be changed in place.
 * Undefined when the field has no default, or one that does not fit its type (lenient schemas).
 */
export function defaultMaker(field: AvroField): (() => unknown) | undefined {
  if (field.default === undefined || defaultProblem(field.type, field.default) !== undefined) return undefined;
  const first = fromDefault(field.type, field.default, 0, { valuesLeft: valuesMax });
  if (typeof first !== "object" || first === null) return () => first;
  return () => fromDefault(field.type, field.default, 0, { valuesLeft: valuesMax });
}

/** Avro's JSON form of defaults: bytes are text of code points 0-255, a union takes a branch that fits. */
function fromDefault(type: AvroType, json: unknown, depth: number, budget: Budget): unknown {
  budget.valuesLeft -= 1;
  if (depth > depthMax || budget.valuesLeft < 0) throw new DefaultMismatch("is nested too deep or too large");
  switch (type.kind) {
    case "bytes":
    case "fixed":
      return bytesOf(type, json);
    case "array":
      if (!Array.isArray(json)) return mismatch(type, json);
      return json.map((item) => fromDefault(type.items, item, depth + 1, budget));
    case "map":
      return mapOf(type, json, depth, budget);
    case "record":
      return recordOf(type, json, depth, budget);
    case "union":
      return branchOf(type, json, depth, budget);
    case "float":
      return singleOf(type, json);
    case "double":
      return numberOf(type, json);
    default:
      return isScalar(type, json) ? json : mismatch(type, json);
  }
}

function isScalar(type: PrimitiveType | EnumType, json: unknown): boolean {
  switch (type.kind) {
    case "null":
      return json === null;
    case "int":
      return typeof json === "number" && (json | 0) === json;
    case "long":
      return isLong(json);
    case "enum":
      return typeof json === "string" && type.symbols.includes(json);
    default:
      return typeof json === type.kind;
  }
}

/** Java writes infinities and NaN of defaults as text. */
function numberOf(type: AvroType, json: unknown): number {
  if (typeof json === "number") return json;
  if (typeof json === "bigint") {
    const exact = exactDouble(json);
    if (exact === undefined)
      throw new DefaultMismatch(`${json} is no double; the nearest one is ${BigInt(Number(json))}`);
    return exact;
  }
  if (json === "NaN") return Number.NaN;
  if (json === "Infinity") return Number.POSITIVE_INFINITY;
  if (json === "-Infinity") return Number.NEGATIVE_INFINITY;
  return mismatch(type, json);
}

function singleOf(type: AvroType, json: unknown): number {
  const number = numberOf(type, json);
  if (!Number.isFinite(number)) return number;
  const single = floatOf(number);
  if (single !== undefined) return single;
  const nearest = Math.fround(number);
  throw new DefaultMismatch(
    Number.isFinite(nearest)
      ? `${number} is no float; the nearest one is ${nearest}`
      : `${number} is no float, which ends at 3.4028234663852886e38`,
  );
}

function bytesOf(type: PrimitiveType | FixedType, json: unknown): Buffer {
  if (typeof json !== "string") return mismatch(type, json);
  const bytes = Buffer.from(json, "latin1");
  for (let i = 0; i < json.length; i++) {
    if (json.charCodeAt(i) > 255) throw new DefaultMismatch("has a character above U+00FF");
  }
  if (type.kind === "fixed" && bytes.length !== type.size) throw new DefaultMismatch(`is not ${type.size} bytes`);
  const decimal = decimalOf(type);
  if (decimal !== undefined && decimalDigits(bytes) > decimal.precision) {
    const text = decimalText(bytes, decimal);
    const spec = `decimal(${decimal.precision}, ${decimal.scale})`;
    throw new DefaultMismatch(`${shown(json)} is taken for bytes, which are ${text}, and ${spec} has fewer digits`);
  }
  return bytes;
}

function mapOf(type: MapType, json: unknown, depth: number, budget: Budget): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(objectOf(type, json)))
    setEntry(map, key, fromDefault(type.values, value, depth + 1, budget));
  return map;
}

function recordOf(type: RecordType, json: unknown, depth: number, budget: Budget): Record<string, unknown> {
  const given = objectOf(type, json);
  const row: Record<string, unknown> = {};
  for (const field of type.fields) {
    const value = Object.hasOwn(given, field.name) ? given[field.name] : field.default;
    if (value === undefined) throw new DefaultMismatch(`lacks ${field.name}`);
    row[field.name] = fromDefault(field.type, value, depth + 1, budget);
  }
  return row;
}

/**
 * Avro wants the first branch of a union; every registry measured accepts a default that fits another one,
 * so any branch will do, the first that fits.
 */
function branchOf(type: UnionType, json: unknown, depth: number, budget: Budget): unknown {
  for (const [index, branch] of type.branches.entries()) {
    if (branch.kind === "float" && isRoundedBeside(type, json)) continue;
    try {
      const value = fromDefault(branch, json, depth + 1, budget);
      return isWideUnion(type) && branch.kind !== "null" ? new UnionValue(index, value) : value;
    } catch (thrown) {
      if (!(thrown instanceof DefaultMismatch)) throw thrown;
    }
  }
  const names = type.branches.map((branch) => (isNamed(branch) ? branch.fullName : branch.kind)).join(", ");
  throw new DefaultMismatch(`${shown(json)} fits no branch of the union, which are ${names}`);
}

/** A float that would round leaves the number to a double beside it. */
function isRoundedBeside({ branches }: UnionType, json: unknown): boolean {
  return typeof json === "number" && Math.fround(json) !== json && branches.some(({ kind }) => kind === "double");
}

function objectOf(type: AvroType, json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return mismatch(type, json);
  return json as Record<string, unknown>;
}

function mismatch(type: AvroType, json: unknown): never {
  const isNumber = typeof json === "number" || typeof json === "bigint";
  const range = isNumber ? (ranges[type.kind] ?? "") : "";
  const symbols = type.kind === "enum" ? `, whose symbols are ${type.symbols.slice(0, 20).join(", ")}` : "";
  throw new DefaultMismatch(`${shown(json)} is no ${type.kind}${range}${symbols}`);
}

const ranges: Readonly<Partial<Record<AvroType["kind"], string>>> = {
  int: ", which is a whole number from -2147483648 to 2147483647",
  long: ", which is a whole number from -9223372036854775808 to 9223372036854775807",
};

/** A default in a message, cut when long. */
function shown(json: unknown): string {
  if (Array.isArray(json)) return "a list";
  if (typeof json === "object" && json !== null) return "an object";
  const text = typeof json === "string" ? JSON.stringify(json) : String(json);
  return typeof json === "string" ? `the text ${text.length > 60 ? `${text.slice(0, 57)}..."` : text}` : text;
}
