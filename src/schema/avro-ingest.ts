import { type AvroField, type AvroType, isTimestamp, type RecordType, splitNullable } from "./avro-type.ts";
import type { CastType } from "./cast.ts";
import { conversionOf, decimalOf, decimalText, logicalName, needsUtc } from "./logical-type.ts";
import type { Long } from "./long.ts";
import { exactNumbers, type ReadingRules, type ValueReading } from "./reading-rules.ts";
import { Resolution, type ValueReader } from "./resolved-reader.ts";
import { castReading } from "./scalar-from-json.ts";
import { Skippers } from "./skipper.ts";
import { checkTime } from "./time-bounds.ts";
import type { IngestPlanRules } from "./transcode-plan.ts";
import { UnionValue } from "./union-value.ts";
import { valueReading } from "./value-from-json.ts";

/** How an ingest reads Avro that others have written. */
export interface AvroIngestOptions {
  /** Of the topic it writes. */
  readonly type: RecordType;
  readonly casts: Readonly<Record<string, CastType>>;
  readonly key: string | undefined;
  readonly supplied: readonly string[];
  /** Earliest time that a number without a unit may mean. */
  readonly timesFromMs: number;
}

/** A field that no written value but null can fit, and why. */
export interface NeverFits {
  readonly field: string;
  readonly why: string;
}

/** The rules of one writer's plan. `unknown` and `never` are filled as it is made and used. */
export function avroIngestRules(
  options: AvroIngestOptions,
  unknown: { count: number },
  never: NeverFits[],
): IngestPlanRules {
  // Which field is the event time, and its bounds, is the caller's business: other times may lie further off.
  const values: ReadingRules = {
    ownForm: false,
    times: { eventTime: undefined, bareFromMs: options.timesFromMs },
    absent: "refused",
    casts: {},
    unknown,
    numbers: exactNumbers,
  };
  const byValue = (type: AvroType): ValueReading => valueReading(type, values);
  const rules: IngestPlanRules = {
    byValue,
    unknown,
    never: (field, why) => {
      if (!never.some((known) => known.field === field && known.why === why)) never.push({ field, why });
    },
    time: (time, path) => {
      checkTime(Number(time), path, false);
    },
    key: options.key,
    supplied: new Set(options.supplied),
    fieldRule: (field, written) => {
      const cast = Object.hasOwn(options.casts, field.name) ? options.casts[field.name] : undefined;
      return cast === undefined ? undefined : castRule(field, written, cast, rules, values);
    },
  };
  return rules;
}

/** Undefined where the writer's logical type says already what the cast would have to guess. */
function castRule(
  field: AvroField,
  written: AvroType,
  cast: CastType,
  rules: IngestPlanRules,
  values: ReadingRules,
): ValueReader | undefined {
  const { type } = splitNullable(written);
  const { type: wanted } = splitNullable(field.type);
  if (isTimestamp(wanted) && logicalName(type) !== undefined) {
    if (!needsUtc(type, wanted)) return undefined;
    return utcNames.has(cast) ? asUtc(field, written, rules) : undefined;
  }
  const read = new Resolution(new Skippers({ text: true })).resolve(written, written, field.name);
  const asField = castReading(cast, rules.byValue(field.type), values, field.name);
  const decimal = decimalOf(type);
  return (cursor) => {
    const value = read(cursor);
    const plain = value instanceof UnionValue ? value.value : value;
    const given = decimal !== undefined && Buffer.isBuffer(plain) ? decimalText(plain, decimal) : plain;
    return asField(given, field.name);
  };
}

/** Casts that take a time on an unknown clock for UTC. */
const utcNames: ReadonlySet<string> = new Set(["utc"]);

function asUtc(field: AvroField, written: AvroType, rules: IngestPlanRules): ValueReader {
  const { type } = splitNullable(written);
  const { type: wanted } = splitNullable(field.type);
  const convert = conversionOf(type, wanted, true);
  const read = new Resolution(new Skippers({ text: true })).resolve(written, written, field.name);
  return (cursor) => {
    const value = read(cursor) as Long | null;
    if (value === null) return rules.byValue(field.type)(null, field.name);
    const time = (typeof convert === "function" ? convert(value as never) : value) as Long;
    rules.time(time, field.name);
    return time;
  };
}
