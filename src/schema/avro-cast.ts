import { formatIsoTime } from "../kernel/index.ts";
import { type AvroField, type AvroType, isTimestamp, splitNullable } from "./avro-type.ts";
import type { CastType } from "./cast.ts";
import { conversionOf, decimalOf, decimalText, isTimeFamily, logicalName, millisOf } from "./logical-type.ts";
import type { Long } from "./long.ts";
import type { ReadingRules, ValueReading } from "./reading-rules.ts";
import { type LenientRules, Resolution, type ValueReader } from "./resolved-reader.ts";
import { castReading } from "./scalar-from-json.ts";
import { Skippers } from "./skipper.ts";

/**
 * How a field under a `cast` is read from Avro; undefined where the writer's logical types say already what the cast
 * would have to guess, and the field is read as without it. Each written branch has a rule of its own: what a number
 * means is said beside the branch that was written, and a union has no logical type.
 *
 * @param values the rules by which a cast reads what it converted
 */
export function castRule(
  field: AvroField,
  written: AvroType,
  cast: CastType,
  rules: LenientRules,
  values: ReadingRules,
): ValueReader | undefined {
  const branches = written.kind === "union" ? written.branches : [written];
  const { type: wanted } = splitNullable(field.type);
  const others = branches.filter((branch) => branch.kind !== "null");
  if (others.length > 0 && others.every((branch) => ruleOf(branch, wanted, cast) === "resolve")) return undefined;
  const request: CastRequest = {
    field,
    wanted,
    cast,
    rules,
    resolution: new Resolution(new Skippers({ text: true }), rules),
    asField: castReading(cast, rules.byValue(field.type), values, field.name),
  };
  const readings = branches.map((branch) => branchReader(branch, request));
  const [only] = readings;
  return written.kind === "union" || only === undefined ? request.resolution.byIndex(readings) : only;
}

interface CastRequest {
  readonly field: AvroField;
  /** The field's type but for null. */
  readonly wanted: AvroType;
  readonly cast: CastType;
  readonly rules: LenientRules;
  readonly resolution: Resolution;
  /** Converts a value and reads it as the field. */
  readonly asField: ValueReading;
}

function branchReader(branch: AvroType, { field, wanted, cast, rules, resolution, asField }: CastRequest): ValueReader {
  switch (ruleOf(branch, wanted, cast)) {
    case "resolve":
      return resolution.resolve(branch, field.type, field.name);
    case "utc":
      return asUtc(resolution, field, branch, wanted);
    case "millis":
      return inMillis(field, branch, rules.byValue(field.type));
    case "iso":
      return asText(field, branch, rules);
    case "refused":
      return resolution.refused(branch, `a ${logicalName(branch)} is no ${cast}`, field.name);
    case "value":
      return byValue(field, branch, asField);
  }
}

type CastRule = "resolve" | "utc" | "millis" | "iso" | "refused" | "value";

/** What a cast does with one written type. A time keeps its meaning or is refused: its count alone says no unit. */
function ruleOf(branch: AvroType, wanted: AvroType, cast: CastType): CastRule {
  if (!isTimeFamily(branch)) return "value";
  // A target that says its unit takes what the writer's unit means.
  if (isTimestamp(wanted) && cast === "utc" && conversionOf(branch, wanted) === "never") return "utc";
  if (logicalName(wanted) !== undefined) return "resolve";
  if (cast === "long") return "millis";
  return cast === "string" && conversionOf(branch, millisType) !== "never" ? "iso" : "refused";
}

const millisType: AvroType = { kind: "long", attributes: { logicalType: "timestamp-millis" } };

function byValue(field: AvroField, branch: AvroType, asField: ValueReading): ValueReader {
  const read = plainReader(branch, field.name);
  const decimal = decimalOf(branch);
  if (decimal === undefined) return (cursor) => asField(read(cursor), field.name);
  return (cursor) => asField(decimalText(read(cursor) as Buffer, decimal), field.name);
}

/** What a time is as a long, in every stage and whatever unit its writer counts in. */
function inMillis(field: AvroField, branch: AvroType, asField: ValueReading): ValueReader {
  const read = plainReader(branch, field.name);
  return (cursor) => asField(millisOf(branch, read(cursor) as Long), field.name);
}

/** What a time is as text, in every stage. */
function asText(field: AvroField, branch: AvroType, rules: LenientRules): ValueReader {
  const read = plainReader(branch, field.name);
  const asField = rules.byValue(field.type);
  return (cursor) => {
    const ms = millisOf(branch, read(cursor) as Long);
    rules.time(ms, field.name);
    return asField(formatIsoTime(Number(ms)), field.name);
  };
}

function asUtc(resolution: Resolution, field: AvroField, branch: AvroType, wanted: AvroType): ValueReader {
  const conversion = conversionOf(branch, wanted, true);
  if (conversion === "never") return resolution.resolve(branch, field.type, field.name);
  return resolution.converting(branch, wanted, conversion === "raw" ? asItIs : conversion, field.name);
}

const asItIs = (value: unknown): unknown => value;

function plainReader(type: AvroType, path: string): ValueReader {
  return new Resolution(new Skippers({ text: true })).resolve(type, type, path);
}
