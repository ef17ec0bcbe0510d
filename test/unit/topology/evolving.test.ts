import fc from "fast-check";
import { expect, test } from "vitest";
import { TopologyDriver } from "../../../src/testing/index.ts";
import { type Plan, printPlan } from "../../../src/topology/index.ts";
import { Evolution } from "./evolving.ts";
import { planText, replaced, smallSchemas, smallText } from "./fixture.ts";

const rollingLine = "      - rolling: { by: customer_id, over: [1h], features: { n: count(), mean: mean(amount) } }\n";
const options = { schemas: smallSchemas };

/** The small chain with steps behind those of its feature stage. */
function withSteps(...steps: string[]): string {
  return replaced(smallText, rollingLine, [rollingLine, ...steps.map((step) => `      - ${step}\n`)].join(""));
}

function fieldOf(plan: Plan, topic: string, name: string): Record<string, unknown> {
  const { json } = plan.topics.find((candidate) => candidate.name === topic)!.schema!;
  return (json as { fields: Record<string, unknown>[] }).fields.find((field) => field["name"] === name)!;
}

async function applied(...texts: string[]): Promise<Evolution> {
  const evolution = new Evolution();
  for (const text of texts) await evolution.apply(text, options);
  return evolution;
}

const first = smallText;
const ratio = withSteps("derive: { ratio: n_1h / 2 }");
const withDefault = withSteps("derive: { ratio: { is: n_1h / 2, default: 0.5 } }");

test("before anything is registered a new field is as its expression says", async () => {
  const plan = await new Evolution().plan(ratio, options);
  expect(fieldOf(plan, "features", "ratio")).toMatchObject({ type: "double" });
  expect(fieldOf(plan, "features", "ratio")).not.toHaveProperty("default");
});

// It was refused: READER_FIELD_MISSING_DEFAULT_VALUE, and there was no way to add a feature.
test("a field that a registered schema lacks may be null, and plan and apply say that older records lack it", async () => {
  const evolution = await applied(first);
  const plan = await evolution.plan(ratio, options);
  expect(fieldOf(plan, "features", "ratio")).toEqual({
    name: "ratio",
    type: ["null", "double"],
    default: null,
    doc: "derive n_1h / 2; null in older records",
  });
  expect(printPlan(plan)).toContain("\n  older records lack ratio (null)\n");
  expect(await evolution.apply(ratio, options)).toEqual([
    "+ schema features-value: version 2, reads version 1; adds ratio (null in older records)",
  ]);
});

test("a field with a default has that in older records, and may not be null", async () => {
  const evolution = await applied(first);
  const plan = await evolution.plan(withDefault, options);
  expect(fieldOf(plan, "features", "ratio")).toMatchObject({ type: "double", default: 0.5 });
  expect(printPlan(plan)).toContain("\n  older records lack ratio (0.5)\n");
  expect(await evolution.apply(withDefault, options)).toEqual([
    "+ schema features-value: version 2, reads version 1; adds ratio (0.5 in older records)",
  ]);
});

test("a feature of rolling is added in the same two ways, by each of its windows", async () => {
  const evolution = await applied(first);
  const grown = (count: string): string => replaced(smallText, "{ n: count(),", `{ n: count(), all: ${count},`);
  const nullable = await evolution.plan(grown("count()"), options);
  expect(fieldOf(nullable, "features", "all_1h")).toMatchObject({ type: ["null", "long"], default: null });
  const given = await evolution.plan(grown("{ is: count(), default: 1 }"), options);
  expect(fieldOf(given, "features", "all_1h")).toMatchObject({ type: "long", default: 1 });
});

test("a default for an aggregate that may be null comes first in its union", async () => {
  const text = replaced(smallText, "mean: mean(amount)", "mean: { is: mean(amount), default: 3 }");
  const plan = await new Evolution().plan(text, options);
  expect(fieldOf(plan, "features", "mean_1h")).toMatchObject({ type: ["double", "null"], default: 3 });
});

test("a new decision and a newly kept field of a prediction may be null in older predictions", async () => {
  const evolution = await applied(withDefault);
  const more = replaced(
    replaced(withDefault, "keep: [payment_id]", "keep: [payment_id, n_1h, ratio]"),
    "decide: { review: score >= 0.8 }",
    "decide: { review: score >= 0.8, stop: score >= 0.9 }",
  );
  const plan = await evolution.plan(more, options);
  expect(fieldOf(plan, "predictions", "stop")).toMatchObject({ type: ["null", "boolean"], default: null });
  expect(fieldOf(plan, "predictions", "n_1h")).toMatchObject({ type: ["null", "long"], default: null });
  // The default that the topology gave where the field is made goes with it.
  expect(fieldOf(plan, "predictions", "ratio")).toMatchObject({ type: "double", default: 0.5 });
});

test("a stage's own new records carry the value, and its readers read the old ones", async () => {
  const evolution = await applied(first);
  const registry = evolution.registry;
  const sent = { value: JSON.stringify({ payment_id: "p", customer_id: "c", paid_at: "2026-01-01T00:00:00Z" }) };
  const before = new TopologyDriver(await evolution.plan(first, options), { registry, models: { fraud: 0.5 } });
  const old = await before.send("inbox", [sent]);
  const reading = replaced(ratio, "decide: { review: score >= 0.8 }", 'decide: { lacks: "ratio == null" }');
  await evolution.apply(reading, options);
  const after = new TopologyDriver(await evolution.plan(reading, options), { registry, models: { fraud: 0.5 } });
  const fresh = await after.send("inbox", [sent]);
  expect(fresh.rows["features"]).toMatchObject([{ n_1h: 1, ratio: 0.5 }]);
  expect(fresh.rows["predictions"]).toMatchObject([{ lacks: false }]);
  const replayed = await after.stage("score").feedBatches(old.stages["features"]!.batches);
  expect(replayed.deadLetters).toEqual([]);
  expect(replayed.rows).toMatchObject([{ lacks: true }]);
});

test("a removed field is dropped, and one that is added again may be null", async () => {
  const evolution = await applied(ratio);
  expect(await evolution.apply(first, options)).toEqual([
    "+ schema features-value: version 2, reads version 1; drops ratio",
  ]);
  const plan = await evolution.plan(ratio, options);
  expect(fieldOf(plan, "features", "ratio")).toMatchObject({ type: ["null", "double"], default: null });
  expect(await evolution.apply(ratio, options)).toHaveLength(1);
});

test("a field that is added again with another type is refused: its first records are still there", async () => {
  const evolution = await applied(ratio, first);
  const asText = replaced(
    withSteps('derive: { ratio: "to_string(n_1h)" }'),
    "except: [payment_id, customer_id, paid_at]",
    "only: [n_1h]",
  );
  const { problems } = await evolution.changes(asText, options);
  expect(problems).toMatchObject([{ code: "MR_SCHEMA_INCOMPATIBLE", path: ["topics", "features", "schema"] }]);
  expect(problems[0]?.message).toBe(
    "the schema of topic features cannot read version 1 of features-value: field ratio is string? now, and was double",
  );
  expect(problems[0]?.hint).toContain("another name");
});

test("int widens to long and to double, and does not narrow again", async () => {
  const of = (expression: string): string => withSteps(`derive: { h: "${expression}" }`);
  const evolution = await applied(of("hour(paid_at)"), of("to_long(hour(paid_at))"), of("to_double(hour(paid_at))"));
  expect((await evolution.registry.versions("features-value")).length).toBe(3);
  const { problems } = await evolution.changes(of("hour(paid_at)"), options);
  expect(problems).toMatchObject([
    {
      code: "MR_SCHEMA_INCOMPATIBLE",
      message:
        "the schema of topic features cannot read version 3 of features-value: field h is int now, and was double",
      hint: "keep h double, with to_double(...) around its expression, or give the new field another name",
    },
  ]);
});

test("a default given later serves the records without the field, and the field may still be null", async () => {
  const evolution = await applied(first, ratio);
  const plan = await evolution.plan(withDefault, options);
  expect(fieldOf(plan, "features", "ratio")).toMatchObject({ type: ["double", "null"], default: 0.5 });
  expect(await evolution.apply(withDefault, options)).toEqual(["+ schema features-value: version 3, reads version 2"]);
});

test("a default taken back leaves a field that may be null", async () => {
  const evolution = await applied(first, withDefault);
  const plan = await evolution.plan(ratio, options);
  expect(fieldOf(plan, "features", "ratio")).toMatchObject({ type: ["null", "double"], default: null });
});

test("a topic under another name in the file, and the same on the cluster, keeps its record's name", async () => {
  const evolution = await applied(first);
  const renamed = first
    .replaceAll("features: { schema: inferred }", "rows: { schema: inferred, name: features }")
    .replaceAll("to: features", "to: rows")
    .replaceAll("from: features", "from: rows");
  const { lines, problems } = await evolution.changes(renamed, options);
  expect({ lines, problems }).toEqual({ lines: [], problems: [] });
});

test("an enum that a field takes from its input may gain symbols and not lose them", async () => {
  const schemaWith = (symbols: string[]): Map<string, string> => {
    const field = { name: "kind", type: { type: "enum", name: "Kind", symbols } };
    const payment = JSON.parse(smallSchemas.get("payment")!) as { fields: unknown[] };
    return new Map([...smallSchemas, ["payment", JSON.stringify({ ...payment, fields: [...payment.fields, field] })]]);
  };
  const text = replaced(smallText, "except: [payment_id, customer_id, paid_at]", "only: [n_1h]");
  const evolution = new Evolution();
  for (const symbols of [["A"], ["A", "B"]]) await evolution.apply(text, { schemas: schemaWith(symbols) });
  const { problems } = await evolution.changes(text, { schemas: schemaWith(["A"]) });
  expect(problems.map(({ code }) => code)).toEqual(["MR_SCHEMA_INCOMPATIBLE", "MR_SCHEMA_INCOMPATIBLE"]);
});

test("a stage behind that reads the field as never null is told why it may be", async () => {
  const evolution = await applied(first);
  const deciding = (on: string): string =>
    replaced(ratio, "decide: { review: score >= 0.8 }", `decide: { review: "${on} > 1 || score >= 0.8" }`);
  const [problem] = await evolution.problems(deciding("ratio"), options);
  expect(problem).toMatch(/ratio.*null/);
  expect(await evolution.problems(deciding("coalesce(ratio, 0)"), options)).toEqual([]);
});

test("a plan is the same before and after its own schemas are registered, whatever was there before", async () => {
  const texts = [
    first,
    ratio,
    withDefault,
    withSteps("derive: { other: n_1h + 1 }"),
    withSteps("derive: { other: n_1h + 1, ratio: n_1h / 2 }"),
    replaced(smallText, "{ n: count(),", "{ n: count(), all: { is: count(), default: 1 },"),
    replaced(smallText, "keep: [payment_id]", "keep: [payment_id, n_1h]"),
  ];
  const sequences = fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(sequences, async (sequence) => {
      const evolution = new Evolution();
      for (const text of sequence) {
        const { hash } = await evolution.plan(text, options);
        await evolution.apply(text, options);
        expect((await evolution.plan(text, options)).hash).toBe(hash);
        expect((await evolution.changes(text, options)).lines).toEqual([]);
      }
    }),
    { numRuns: 12 },
  );
});

/** The schema of the payments with its fields changed. */
function paymentWith(edit: (fields: Record<string, unknown>[]) => unknown[]): { schemas: ReadonlyMap<string, string> } {
  const payment = JSON.parse(smallSchemas.get("payment")!) as { fields: Record<string, unknown>[] };
  const changed = JSON.stringify({ ...payment, fields: edit(payment.fields) });
  return { schemas: new Map([...smallSchemas, ["payment", changed]]) };
}

const numbersOnly = replaced(smallText, "except: [payment_id, customer_id, paid_at]", "only: [n_1h]");

test("a field that a given schema gains needs a default, which goes with it into the topics behind", async () => {
  const evolution = new Evolution();
  await evolution.apply(numbersOnly, options);
  const bare = paymentWith((fields) => [...fields, { name: "shop", type: "string" }]);
  const { problems } = await evolution.changes(numbersOnly, bare);
  expect(problems).toMatchObject([
    { code: "MR_SCHEMA_INCOMPATIBLE", path: ["topics", "raw", "schema"], hint: "give shop a default" },
  ]);
  const sound = paymentWith((fields) => [...fields, { name: "shop", type: "string", default: "web" }]);
  const plan = await evolution.plan(numbersOnly, sound);
  expect(fieldOf(plan, "features", "shop")).toMatchObject({ type: "string", default: "web" });
  // The first time around nothing needs one, and nothing has one.
  expect(fieldOf(await new Evolution().plan(numbersOnly, sound), "features", "shop")).not.toHaveProperty("default");
  await evolution.apply(numbersOnly, sound);
});

test("a key field that is renamed with an alias is another field in the topics behind", async () => {
  const evolution = new Evolution();
  await evolution.apply(numbersOnly, options);
  const renamed = paymentWith((fields) =>
    fields.map((field) =>
      field["name"] === "customer_id" ? { ...field, name: "client_id", aliases: ["customer_id"] } : field,
    ),
  );
  const text = numbersOnly.replaceAll("customer_id", "client_id");
  const { problems, lines } = await evolution.changes(text, renamed);
  expect({ problems, lines }).toEqual({
    problems: [],
    lines: [
      "+ schema raw-value: version 2, reads version 1; adds client_id (null in older records); drops customer_id",
      "+ schema features-value: version 2, reads version 1; adds client_id (null in older records); drops customer_id",
    ],
  });
});

test("a given schema that takes over from an inferred one is told which name its record had", async () => {
  const evolution = new Evolution();
  await evolution.apply(first, options);
  const inferred = (await evolution.plan(first, options)).topics.find(({ name }) => name === "features")!.schema!;
  const text = replaced(first, "features: { schema: inferred }", "features: { schema: rows }");
  const given = (name: string): { schemas: Map<string, string> } => ({
    schemas: new Map([...smallSchemas, ["rows", JSON.stringify({ ...(inferred.json as object), name })]]),
  });
  const { problems } = await evolution.changes(text, given("Rows"));
  expect(problems[0]?.message).toContain("the record is Rows now, and was Features");
  expect(problems[0]?.hint).toBe('name it Features, or give it "aliases": ["millrace.small.Features"]');
  expect((await evolution.changes(text, given("Features"))).lines).toEqual([]);
});

test("an inferred schema that takes over from a given one keeps the name of its record", async () => {
  const evolution = new Evolution();
  const inferred = (await evolution.plan(first, options)).topics.find(({ name }) => name === "features")!.schema!;
  const rows = JSON.stringify({ ...(inferred.json as object), name: "Rows" });
  const schemas = new Map([...smallSchemas, ["rows", rows]]);
  await evolution.apply(replaced(first, "features: { schema: inferred }", "features: { schema: rows }"), { schemas });
  const { lines, problems } = await evolution.changes(first, options);
  expect({ lines, problems }).toEqual({ lines: [], problems: [] });
});

test("a registered version that is no schema stands in the way, and the others are still read", async () => {
  const evolution = await applied(first);
  evolution.registry.add("features-value", { type: "string" });
  const { problems } = await evolution.changes(first, options);
  expect(problems).toMatchObject([{ code: "MR_SCHEMA_INCOMPATIBLE", path: ["topics", "features", "schema"] }]);
  expect(problems[0]?.hint).toContain("delete that version from the registry");
});

test.each([
  ["hour(paid_at) < 6", "0", "boolean", "true or false"],
  ["hour(paid_at) < 6", '"true"', "boolean", "true or false"],
  ["hour(paid_at)", "0.5", "int", "whole number of 32 bits"],
  ["hour(paid_at)", "2147483648", "int", "whole number of 32 bits"],
  ["to_long(hour(paid_at))", "0.25", "long", "whole number up to 2^53"],
  ["n_1h / 2", '"much"', "double", "number"],
  ["payment_id", "1", "string", "text"],
  ["paid_at", '"yesterday"', "timestamp", "ISO 8601 time before 2100"],
  ["paid_at", '"2200-01-01"', "timestamp", "ISO 8601 time before 2100"],
])("a default of %s that is %s is refused: it is no value of its type", (is, given, kind, word) => {
  const { problems } = planText(withSteps(`derive: { made: { is: "${is}", default: ${given} } }`), options);
  const said = problems.filter(({ path }) => path.at(-1) === "default").map(({ message }) => message);
  expect(said).toEqual([`the field is ${kind}, and the default ${JSON.stringify(JSON.parse(given))} is no ${word}`]);
});

test.each([
  ["hour(paid_at) < 6", "false", "boolean", false],
  ["hour(paid_at)", "3", "int", 3],
  ["payment_id", '""', "string", ""],
  ["paid_at", '"1970-01-01T00:00:01Z"', { type: "long", logicalType: "timestamp-millis" }, 1000],
])("a default of %s that is %s is in the schema from the first version on", async (is, given, type, value) => {
  const text = withSteps(`derive: { made: { is: "${is}", default: ${given} } }`).replace(
    "except: [payment_id, customer_id, paid_at]",
    "only: [n_1h]",
  );
  const plan = await new Evolution().plan(text, options);
  expect(fieldOf(plan, "features", "made")).toMatchObject({ type, default: value });
});

test("a null and a value leave a field whose default comes first in its union as they are", async () => {
  const text = replaced(smallText, "mean: mean(amount)", "mean: { is: mean(amount), default: 3 }");
  const driver = new TopologyDriver(await new Evolution().plan(text, options), { models: { fraud: 0.5 } });
  const sent = (amount: number | null) => ({
    value: JSON.stringify({ payment_id: "p", customer_id: "c", paid_at: "2026-01-01T00:00:00Z", amount }),
  });
  const fed = await driver.send("inbox", [sent(null), sent(8)]);
  expect(fed.rows["features"]).toMatchObject([{ mean_1h: null }, { mean_1h: 8 }]);
});

test("records of a topic that have no event_id are not ours: nothing stands in for it", async () => {
  const evolution = new Evolution();
  const { json } = (await evolution.plan(first, options)).topics.find(({ name }) => name === "features")!.schema!;
  const { fields, ...record } = json as { fields: { name: string }[] };
  const others = fields.filter(({ name }) => name !== "event_id");
  evolution.registry.add("features-value", { ...record, fields: others });
  const { problems } = await evolution.changes(first, options);
  expect(problems).toMatchObject([{ code: "MR_SCHEMA_INCOMPATIBLE", hint: "move to a new topic" }]);
  expect(problems[0]?.message).toContain("field event_id was not there");
});
