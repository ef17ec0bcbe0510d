import { assert } from "../kernel/index.ts";
import { type AvroType, isTimestamp } from "./avro-type.ts";
import { parseDecimal } from "./decimal.ts";
import { type Long, longOf } from "./long.ts";

/** What a whole number means: a moment in UTC, a day, a time on an unknown clock, a time of day. */
type TimeFamily = "instant" | "date" | "local" | "clock";

interface TimeUnit {
  readonly family: TimeFamily;
  /** Nanoseconds of one. */
  readonly nanos: bigint;
}

const milli = 1_000_000n;
const timeUnits: Readonly<Record<string, TimeUnit>> = {
  date: { family: "date", nanos: 86_400_000n * milli },
  "time-millis": { family: "clock", nanos: milli },
  "time-micros": { family: "clock", nanos: 1_000n },
  "timestamp-millis": { family: "instant", nanos: milli },
  "timestamp-micros": { family: "instant", nanos: 1_000n },
  "timestamp-nanos": { family: "instant", nanos: 1n },
  "local-timestamp-millis": { family: "local", nanos: milli },
  "local-timestamp-micros": { family: "local", nanos: 1_000n },
  "local-timestamp-nanos": { family: "local", nanos: 1n },
};

export interface DecimalSpec {
  readonly precision: number;
  readonly scale: number;
}

/** The name of a logical type that Avro knows and that fits its type; undefined for others, which change nothing. */
export function logicalName(type: AvroType): string | undefined {
  if (type.kind !== "int" && type.kind !== "long") return decimalOf(type) === undefined ? undefined : "decimal";
  const name = type.attributes["logicalType"];
  if (typeof name !== "string" || !Object.hasOwn(timeUnits, name)) return undefined;
  return (name === "date" || name === "time-millis") === (type.kind === "int") ? name : undefined;
}

/** Precision and scale of a decimal; undefined for what is none, or has parameters that make no sense. */
export function decimalOf(type: AvroType): DecimalSpec | undefined {
  if ((type.kind !== "bytes" && type.kind !== "fixed") || type.attributes["logicalType"] !== "decimal")
    return undefined;
  const { precision, scale = 0 } = type.attributes;
  if (!Number.isInteger(precision) || !Number.isInteger(scale)) return undefined;
  const [digits, fraction] = [Number(precision), Number(scale)];
  return digits > 0 && fraction >= 0 && fraction <= digits ? { precision: digits, scale: fraction } : undefined;
}

/** Whether two types of one kind give their bytes one meaning. */
export function sameMeaning(a: AvroType, b: AvroType): boolean {
  const [left, right] = [decimalOf(a), decimalOf(b)];
  return logicalName(a) === logicalName(b) && left?.scale === right?.scale && left?.precision === right?.precision;
}

/**
 * How a value of one logical type becomes one of another: `raw` as it stands, a function that answers undefined for a
 * value that the other cannot hold, or `never`.
 */
export type Conversion = "raw" | "never" | ((value: never) => unknown);

/** The conversion between two types; `asUtc` takes times of unknown clocks for UTC. */
export function conversionOf(writer: AvroType, reader: AvroType, asUtc = false): Conversion {
  const decimal = decimalOf(writer);
  if (decimal !== undefined) return decimalConversion(decimal, reader);
  // Avro promotes text to bytes, and its characters would count as the digits of a binary number.
  if (writer.kind === "string" && decimalOf(reader) !== undefined) return "never";
  const [from, to] = [timeUnitOf(writer), timeUnitOf(reader)];
  if (from === undefined || to === undefined) return "raw";
  const family = asUtc && from.family !== "date" ? "instant" : from.family;
  const isSame = family === to.family || (family === "date" && (to.family === "instant" || to.family === "local"));
  if (!isSame) return "never";
  return from.nanos === to.nanos ? "raw" : timeConversion(from.nanos, to.nanos, isTimestamp(reader));
}

/**
 * Whether some value in the written type would have to be converted for some value in the wanted one, so that reading
 * by values alone, which do not know their unit or scale, could change it.
 */
export function convertsInside(writer: AvroType, reader: AvroType): boolean {
  const branches = reader.kind === "union" ? reader.branches : [reader];
  const wanted = branches
    .filter((branch) => hasParts(branch) === hasParts(writer))
    .flatMap((branch) => leavesOf(branch))
    .filter((leaf) => logicalName(leaf) !== undefined);
  return wanted.length > 0 && leavesOf(writer).some((from) => wanted.some((to) => conversionOf(from, to) !== "raw"));
}

function hasParts({ kind }: AvroType): boolean {
  return kind === "record" || kind === "map" || kind === "array";
}

/** The types without parts in a type. */
function leavesOf(type: AvroType, seen = new Set<AvroType>()): readonly AvroType[] {
  if (seen.has(type)) return [];
  seen.add(type);
  switch (type.kind) {
    case "record":
      return type.fields.flatMap((field) => leavesOf(field.type, seen));
    case "union":
      return type.branches.flatMap((branch) => leavesOf(branch, seen));
    case "array":
      return leavesOf(type.items, seen);
    case "map":
      return leavesOf(type.values, seen);
    default:
      return [type];
  }
}

/** True for a whole number that counts units of time, of whatever clock. */
export function isTimeFamily(type: AvroType): boolean {
  return timeUnitOf(type) !== undefined;
}

/** Milliseconds of a written time, floored, on the clock that its writer meant. */
export function millisOf(writer: AvroType, value: Long): Long {
  const unit = timeUnitOf(writer);
  const convert = unit && timeConversion(unit.nanos, milli, true);
  const ms = convert?.(value);
  assert(ms !== undefined, "only a time has milliseconds, and a day has them within a long");
  return ms;
}

function timeUnitOf(type: AvroType): TimeUnit | undefined {
  const name = logicalName(type);
  return name === undefined ? undefined : timeUnits[name];
}

/** To coarser units exactly, but for milliseconds, which are the floor, as they are of text. */
function timeConversion(from: bigint, to: bigint, floors: boolean): (value: Long) => Long | undefined {
  if (from > to) {
    const factor = from / to;
    return (value) => {
      const exact = BigInt(value) * factor;
      return BigInt.asIntN(64, exact) === exact ? longOf(exact) : undefined;
    };
  }
  const divisor = to / from;
  const plain = Number(divisor);
  return (value) => {
    if (typeof value === "number" && floors) return Math.floor(value / plain) + 0;
    const exact = BigInt(value);
    const rest = ((exact % divisor) + divisor) % divisor;
    return rest === 0n || floors ? longOf((exact - rest) / divisor) : undefined;
  };
}

function decimalConversion(from: DecimalSpec, reader: AvroType): Conversion {
  const to = decimalOf(reader);
  if (to === undefined) return reader.kind === "bytes" || reader.kind === "fixed" ? "raw" : "never";
  const isBytes = reader.kind === "bytes";
  if (isBytes && from.scale === to.scale && from.precision <= to.precision) return "raw";
  const size = reader.kind === "fixed" ? reader.size : undefined;
  return (bytes: Buffer) => {
    const unscaled = rescaled(unscaledOf(bytes), from.scale, to.scale);
    if (unscaled === undefined || digitsOf(unscaled) > to.precision) return undefined;
    return bytesOf(unscaled, size);
  };
}

function rescaled(unscaled: bigint, from: number, to: number): bigint | undefined {
  if (to >= from) return unscaled * 10n ** BigInt(to - from);
  const divisor = 10n ** BigInt(from - to);
  return unscaled % divisor === 0n ? unscaled / divisor : undefined;
}

function digitsOf(unscaled: bigint): number {
  return String(unscaled < 0n ? -unscaled : unscaled).length;
}

/** How many digits a decimal has, zeros in front not counted. */
export function decimalDigits(bytes: Buffer): number {
  return digitsOf(unscaledOf(bytes));
}

/** The bytes of a number that is written out, exactly; undefined where the type is no decimal or cannot hold it. */
export function decimalBytes(text: string, type: AvroType): Buffer | undefined {
  const to = decimalOf(type);
  const decimal = parseDecimal(text);
  if (to === undefined || decimal === undefined || decimal.exponent < -to.scale) return undefined;
  const magnitude = BigInt(decimal.digits || "0") * 10n ** BigInt(decimal.exponent + to.scale);
  if (digitsOf(magnitude) > to.precision) return undefined;
  return bytesOf(decimal.isNegative ? -magnitude : magnitude, type.kind === "fixed" ? type.size : undefined);
}

/** Two's complement, big-endian. */
function unscaledOf(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString("hex")}`));
}

/** In the fewest bytes, or in `size`; undefined when these are too few. */
function bytesOf(unscaled: bigint, size: number | undefined): Buffer | undefined {
  let length = size ?? 1;
  while (BigInt.asIntN(length * 8, unscaled) !== unscaled) {
    if (size !== undefined) return undefined;
    length++;
  }
  const hex = BigInt.asUintN(length * 8, unscaled).toString(16);
  return Buffer.from(hex.padStart(length * 2, "0"), "hex");
}

/** The digits of a decimal, as many behind the point as its scale says. */
export function decimalText(bytes: Buffer, { scale }: DecimalSpec): string {
  const unscaled = unscaledOf(bytes);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? "-" : ""}${whole}${scale === 0 ? "" : `.${digits.slice(-scale)}`}`;
}
