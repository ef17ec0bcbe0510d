import { eventTimeEndMs, RecordError } from "../kernel/index.ts";
import { type AvroField, type AvroType, isTimestamp, type RecordType, splitNullable } from "./avro-type.ts";
import { type CastType, castValue } from "./cast.ts";
import { conversionOf, decimalOf, decimalText, needsUtc } from "./logical-type.ts";
import type { Long } from "./long.ts";
import { Resolution, type ValueReader } from "./resolved-reader.ts";
import { Skippers } from "./skipper.ts";
import type { IngestPlanRules } from "./transcode-plan.ts";
import { UnionValue } from "./union-value.ts";
import { fieldReadings, type ValueReading } from "./value-from-json.ts";

/** How an ingest reads Avro that others have written. */
export interface AvroIngestOptions {
  /** Of the topic it writes. */
  readonly type: RecordType;
  readonly casts: Readonly<Record<string, CastType>>;
  readonly key: string | undefined;
  readonly supplied: readonly string[];
}

/** A field that no written value but null can fit, and why. */
export interface NeverFits {
  readonly field: string;
  readonly why: string;
}

/** 0001-01-01, the first day that ISO 8601 writes with four digits and Avro's readers agree on. */
const timeMinMs = -62_135_596_800_000;

/** The rules of one writer's plan. `unknown` and `never` are filled as it is made and used. */
export function avroIngestRules(
  options: AvroIngestOptions,
  unknown: { count: number },
  never: NeverFits[],
): IngestPlanRules {
  const byValue = (type: AvroType): ValueReading => {
    const field: AvroField = { ...fieldBlank, type };
    const rules = { ownForm: false, timeRange: true, absent: "refused", casts: {}, unknown } as const;
    const [reading] = fieldReadings({ ...options.type, fields: [field] }, rules);
    return reading?.read ?? ((value) => value);
  };
  const rules: IngestPlanRules = {
    byValue,
    unknown,
    never: (field, why) => {
      if (!never.some((known) => known.field === field && known.why === why)) never.push({ field, why });
    },
    time: (time, path) => {
      if (typeof time === "number" && time >= timeMinMs && time < eventTimeEndMs) return;
      throw new RecordError("MR_CAST", `field ${path}: a time outside 0001-2100`);
    },
    key: options.key,
    supplied: new Set(options.supplied),
    fieldRule: (field, written) => {
      const cast = Object.hasOwn(options.casts, field.name) ? options.casts[field.name] : undefined;
      return cast === undefined ? undefined : castRule(field, written, cast, rules);
    },
  };
  return rules;
}

const fieldBlank = {
  name: "value",
  aliases: [],
  default: undefined,
  doc: undefined,
  sensitive: false,
  attributes: {},
} as const;

/** Undefined where the writer's logical type says already what the cast would have to guess. */
function castRule(
  field: AvroField,
  written: AvroType,
  cast: CastType,
  rules: IngestPlanRules,
): ValueReader | undefined {
  const { type } = splitNullable(written);
  const { type: wanted } = splitNullable(field.type);
  if (isTimestamp(wanted) && conversionOf(type, wanted) !== "raw") {
    if (!needsUtc(type, wanted)) return undefined;
    return utcNames.has(cast) ? asUtc(field, written, rules) : undefined;
  }
  const read = new Resolution(new Skippers({ text: true })).resolve(written, written, field.name);
  const asField = rules.byValue(field.type);
  const decimal = decimalOf(type);
  return (cursor) => {
    const value = read(cursor);
    const plain = value instanceof UnionValue ? value.value : value;
    const given = decimal !== undefined && Buffer.isBuffer(plain) ? decimalText(plain, decimal) : plain;
    return asField(castValue(cast, given, field.name), field.name);
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
