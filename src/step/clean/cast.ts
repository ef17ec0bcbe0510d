import { z } from "zod";
import { call, type RowOp, ref } from "../../expression/index.ts";
import { type CastType, castTargets, castTypes, type Field } from "../../schema/index.ts";
import { fieldName } from "../config-parts.ts";
import { defineStep, type LoweringContext } from "../contract.ts";
import { settableField } from "../fields.ts";

/** The function that reaches each target from a value. */
const functions: Readonly<Record<CastType, string>> = {
  boolean: "to_boolean",
  int: "to_int",
  long: "to_long",
  float: "to_float",
  double: "to_double",
  string: "to_string",
  "timestamp-millis": "to_timestamp",
  "epoch-seconds": "epoch_seconds",
  "epoch-millis": "epoch_millis",
  "epoch-micros": "epoch_micros",
  "epoch-nanos": "epoch_nanos",
  // Only an ingest sees the clocks of Avro's local times; text and numbers are UTC anyway.
  utc: "to_timestamp",
};

const castConfig = z
  .record(fieldName, z.enum(castTypes).describe("The type that the field's value is converted to."))
  .refine((casts) => Object.keys(casts).length > 0, { error: "must name at least one field" })
  .describe("Field names and the type each is converted to.");

export const cast = defineStep({
  kind: "cast",
  summary:
    "Converts fields to another type, and sends records whose value does not convert to the dead letters as MR_CAST. In an ingest stage it lets text be read as the number or time that the schema asks for. A target means the same in every stage, and in the functions `to_int`, `to_timestamp`, `epoch_seconds` and so on.",
  details: [
    "| target | what it takes |",
    "|---|---|",
    ...castTypes.map((type) => `| \`${type}\` | ${castTargets[type].takes} |`),
  ].join("\n"),
  config: castConfig,
  example: { items: "long" },
  casts: (config) => config,
  lower: (config, context) => {
    const ops: RowOp[] = [];
    for (const [name, target] of Object.entries(config)) {
      if (context.ingest) checkReading(name, target, context);
      else ops.push(...conversion(name, target, context));
    }
    return ops;
  },
});

/** In ingest the reader converts, to the type in the schema; naming another type would be a promise not kept. */
function checkReading(name: string, target: CastType, context: LoweringContext): void {
  const field = context.field(name, [name]);
  if (field === undefined || field.type.kind === castTargets[target].kind) return;
  const { kind } = field.type;
  context.problem({
    code: "MR_WRONG_TYPE",
    path: [name],
    message: `${name} is ${kind} in the schema it is read as, not ${target}`,
    hint: `write ${name}: ${kind === "timestamp" ? "timestamp-millis" : kind}, or change the schema`,
  });
}

function conversion(name: string, target: CastType, context: LoweringContext): readonly RowOp[] {
  const field = settableField(name, context, [name]);
  const { kind } = castTargets[target];
  const via = functions[target];
  const value = field && context.expression(call(via, ref(name)), [name]);
  if (field === undefined || value === undefined) return [];
  const avro = kind === "timestamp" ? { type: "long", logicalType: "timestamp-millis" } : kind;
  const converted: Field = {
    name,
    type: { kind, nullable: value.type.nullable, avro },
    doc: `cast to ${target}`,
  };
  return [{ op: "assign", field: converted, value }];
}
