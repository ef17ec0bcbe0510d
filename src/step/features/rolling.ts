import { z } from "zod";
import { literal, parseExpression, printAst, type RowOp, ref, type TypedExpression } from "../../expression/index.ts";
import { type Field, type FieldType, kindText } from "../../schema/index.ts";
import { type Aggregate, needsOf, parseAggregate, readerOf } from "../aggregates.ts";
import { duration, durationMs, expressionText, fieldName, namesIn, storeName } from "../config-parts.ts";
import { defineStep, type LoweringContext, lateOps, type StoreShape, timeOf } from "../contract.ts";
import { isSettable, isTextual, requireOps } from "../fields.ts";
import { RollingMemory, type RollingResult } from "../rolling-memory.ts";
import { statedDefaultOf, textWithDefault, writtenValue } from "../stated-default.ts";

/** Most windows, and most features, of one step. */
const windowCountMax = 16;
const featureCountMax = 64;

const rollingConfig = z.strictObject({
  by: fieldName.describe("Field whose records are taken together; the key of the topic that the stage reads."),
  over: z
    .array(duration.describe("How far the window reaches back from the record's event time; that time itself is out."))
    .min(1)
    .max(windowCountMax)
    .describe(
      "Lengths of the trailing windows, such as [1h, 1d]; each makes one field per feature, `<name>_<length>`.",
    ),
  features: z
    .record(
      fieldName,
      textWithDefault.describe(
        "count(), or count, sum, mean, min, max or std of an expression; with a default for older records as { is: ..., default: ... }.",
      ),
    )
    .refine((features) => Object.keys(features).length > 0, { error: "must name at least one feature" })
    .refine((features) => Object.keys(features).length <= featureCountMax, {
      error: `must name at most ${featureCountMax} features`,
    })
    .describe("Names of features and the aggregate each is; nulls, NaN and infinities are skipped."),
  where: expressionText
    .optional()
    .describe("Counts only the records for which this boolean expression is true; the others are answered too."),
  store: storeName.optional(),
});

type RollingConfig = z.infer<typeof rollingConfig>;

export const rolling = defineStep<RollingConfig>({
  kind: "rolling",
  summary:
    "Aggregates the records of a key over trailing windows of event time, this record included: those that arrived up to it, with event time in (t - length, t]. A count of nothing is 0, every other aggregate of nothing is null; std is that of the sample.",
  config: rollingConfig,
  example: { by: "customer_id", over: ["1h", "7d"], features: { payments: "count()", amount_mean: "mean(amount)" } },
  lookBackMs: ({ over }) => Math.max(...over.map(durationMs)),
  makes: madeNames,
  lower: (config, context) => {
    const time = timeOf(context);
    const key = keyField(config, context);
    const where = whereOf(config, context);
    const parsed = Object.entries(config.features).map(([name, value]) => {
      const { text, textPath } = writtenValue(value, ["features", name]);
      return parseAggregate(text, context, textPath);
    });
    const fields = fieldsOf(config, parsed, context);
    const aggregates = parsed.filter((aggregate) => aggregate !== undefined);
    if (time === undefined || key === undefined || where === undefined) return [];
    if (fields === undefined || aggregates.length < parsed.length) return [];
    const keyText = context.expression(ref(key.name), ["by"]);
    const timeMs = context.expression(ref(time.name), []);
    const columns = columnsOf(aggregates, context);
    if (keyText === undefined || timeMs === undefined || columns === undefined) return [];
    const call: RowOp = {
      op: "call",
      memory: memoryFor(config, aggregates, columns, context),
      texts: [keyText],
      numbers: [timeMs, where, ...columns.map((column) => column.value)],
      results: fields,
      drops: [],
    };
    return [...lateOps(context), ...requireOps(key, context, ["by"]), call];
  },
});

/** Every feature over every window; they cannot be told while a window is no duration. */
function madeNames(written: unknown): readonly string[] | undefined {
  const { features, over } = { ...(written as { features?: unknown; over?: unknown } | null) };
  const windows = z.array(duration).safeParse(over);
  return windows.success
    ? namesIn(features)?.flatMap((name) => windows.data.map((window) => `${name}_${window}`))
    : undefined;
}

interface Column {
  readonly text: string;
  readonly needs: number;
  readonly value: TypedExpression;
}

function keyField({ by }: RollingConfig, context: LoweringContext): Field | undefined {
  const field = context.field(by, ["by"]);
  if (field === undefined) return undefined;
  if (!isTextual(field.type.kind)) {
    const message = `${by} is ${kindText(field.type)}, and a key must be text, a number, a boolean or a time`;
    context.problem({ code: "MR_WRONG_TYPE", path: ["by"], message });
    return undefined;
  }
  if (by === context.keyField) return field;
  context.problem({
    code: "MR_KEY",
    path: ["by"],
    message:
      context.keyField === undefined
        ? `rolling by ${by} needs a topic that is keyed by it, and the topic that stage ${context.stage} reads has no key`
        : `rolling by ${by} needs a topic that is keyed by it, and stage ${context.stage} reads one keyed by ${context.keyField}`,
    hint:
      context.keyField === undefined
        ? `give the topic key: ${by}`
        : `write by: ${context.keyField}, or key the topic by ${by} at ingest; a re-key inside the chain is not in this version`,
  });
  return undefined;
}

/** Whether a record counts: the constant 1 without `where`. */
function whereOf({ where }: RollingConfig, context: LoweringContext): TypedExpression | undefined {
  const expression = context.expression(where ?? literal(true), ["where"]);
  if (expression === undefined || expression.type.kind === "boolean") return expression;
  context.problem({
    code: "MR_EXPRESSION_TYPE",
    path: ["where"],
    message: `the expression is ${kindText(expression.type)}, and where needs a boolean`,
  });
  return undefined;
}

/** The result fields, feature by feature and inside each by window, in the order written. */
function fieldsOf(
  config: RollingConfig,
  aggregates: readonly (Aggregate | undefined)[],
  context: LoweringContext,
): readonly Field[] | undefined {
  const fields: Field[] = [];
  const taken = new Set(context.shape.map((field) => field.name));
  let isGood = true;
  for (const [i, [name, value]] of Object.entries(config.features).entries()) {
    const written = writtenValue(value, ["features", name]);
    const isCount = aggregates[i]?.kind === "count";
    const kind = isCount ? "long" : "double";
    const type: FieldType = { kind, nullable: !isCount, avro: kind };
    const stated = aggregates[i] === undefined ? {} : statedDefaultOf(written, type, context);
    for (const window of config.over) {
      const path = ["features", name];
      const fullName = `${name}_${window}`;
      if (taken.has(fullName)) {
        context.problem({
          code: "MR_CONFLICT",
          path,
          message: `the field ${fullName} is there already`,
          hint: "use another name, and name each window once",
        });
      }
      isGood = isGood && !taken.has(fullName) && isSettable(fullName, context, path);
      taken.add(fullName);
      const condition = config.where === undefined ? "" : ` where ${config.where}`;
      const doc = `rolling ${written.text} over ${window} by ${config.by}${condition}`;
      fields.push({ name: fullName, type, doc, ...stated });
    }
  }
  return isGood ? fields : undefined;
}

/** One column per distinct argument, with what all its aggregates need. */
function columnsOf(aggregates: readonly Aggregate[], context: LoweringContext): readonly Column[] | undefined {
  const columns = new Map<string, Column>();
  for (const aggregate of aggregates) {
    if (aggregate.argument === undefined) continue;
    const { argumentText: text } = aggregate;
    const value = columns.get(text)?.value ?? context.expression(aggregate.argument, ["features"]);
    if (value === undefined) return undefined;
    columns.set(text, { text, value, needs: (columns.get(text)?.needs ?? 0) | needsOf(aggregate) });
  }
  return [...columns.values()];
}

function memoryFor(
  config: RollingConfig,
  aggregates: readonly Aggregate[],
  columns: readonly Column[],
  context: LoweringContext,
): number {
  const lengths = config.over.map(durationMs);
  const windowsMs = [...lengths].sort((a, b) => a - b);
  const reads = aggregates.flatMap((aggregate): RollingResult[] => {
    const column = aggregate.argument === undefined ? -1 : columns.findIndex((c) => c.text === aggregate.argumentText);
    return lengths.map((length) => ({ window: windowsMs.indexOf(length), column, read: readerOf(aggregate) }));
  });
  const store = { name: context.storeName("rolling", config.store), kind: "rolling", version: 1 } as const;
  const longestMs = windowsMs.at(-1) ?? 0;
  const holds: StoreShape = {
    key: config.by,
    columns: columns.map(({ text }) => text),
    where: config.where === undefined ? null : printed(config.where),
    windowsMs,
    longestMs,
    reachMs: context.latenessMs + longestMs,
    ttlMs: context.ttlMs,
  };
  const needs = columns.map((column) => column.needs);
  const options = {
    spec: store,
    windowsMs,
    latenessMs: context.latenessMs,
    keysMax: context.keysMax,
    ttlMs: context.ttlMs,
  };
  const create = (held: StoreShape = holds): RollingMemory =>
    new RollingMemory(
      { ...options, longestMs: held.longestMs },
      { columns: holds.columns, needs, reads, held: held.columns },
    );
  return context.memory({ store, holds, create });
}

/** The text in one spelling, so that blanks and brackets are no change. */
function printed(text: string): string {
  const parsed = parseExpression(text);
  return "ast" in parsed ? printAst(parsed.ast) : text;
}
