import { expect, test } from "vitest";
import { compileProgram } from "../../../src/expression/index.ts";
import { runPlannedTest } from "../../../src/testing/index.ts";
import {
  formatProblem,
  type Plan,
  printPlan,
  topologyJsonSchema,
  topologyLanguage,
  topologyReference,
} from "../../../src/topology/index.ts";
import type { JsonSchema } from "../../../src/topology/spec/levels.ts";
import { payment, problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const schemas = smallSchemas;
const warningsOf = (text: string): string[] => soundPlan(text, { schemas }).warnings.map(({ code }) => code);

test("ingest fills event_id, keys by the output topic and holds events to ahead", () => {
  const [ingest] = soundPlan(smallText, { schemas }).stages;
  expect(ingest?.ingest).toMatchObject({
    supplied: ["event_id"],
    aheadMs: 300_000,
    casts: { paid_at: "timestamp-millis" },
  });
  expect(ingest?.keyField).toBe("customer_id");
  expect(ingest?.eventTimeField).toBe("paid_at");
});

test("what counts where a file says nothing is what editors and the reference are told", () => {
  const { properties } = JSON.parse(topologyJsonSchema(topologyLanguage)) as JsonSchema;
  const told = (level: string): unknown =>
    Object.fromEntries(
      Object.entries(properties?.[level]?.properties ?? {}).map(([key, schema]) => [key, schema.default]),
    );
  const plan = soundPlan(smallText, { schemas });
  expect(plan.commit).toEqual({ everyMs: 100, records: 2_000, lingerMs: 5 });
  expect(told("commit")).toEqual(plan.commit);
  expect(plan.limits).toEqual({ recordBytes: 900_000 });
  expect(told("limits")).toEqual(plan.limits);
  const sampled = soundPlan(`${smallText}sample: { generator: card-payments }\n`, { schemas });
  expect(sampled.sample).toEqual({ generator: "card-payments", seed: 1, perSecond: 100 });
  expect(told("sample")).toEqual({ ...sampled.sample, generator: undefined });
  const [ingest] = soundPlan(smallText.replace(/, ahead: 5min/, ""), { schemas }).stages;
  expect(ingest?.ingest?.aheadMs).toBe(600_000);
  expect(topologyReference(topologyLanguage)).toContain("refused, or none. Ingest stages only. Default: `10min`.");
});

test("a model has the logistic regression as its one candidate, or those of the file, and the plan says by what one is taken", () => {
  const modelsOf = (more: string) => soundPlan(smallText.replace("  fraud:\n", `  fraud:\n${more}`), { schemas });
  const lineOf = (plan: Plan): string | undefined =>
    printPlan(plan)
      .split("\n")
      .find((line) => line.startsWith("model "));
  const [plain, both, byLoss] = [
    "",
    "    candidates: [mlp, logistic]\n",
    "    candidates: [logistic, mlp]\n    metric: log_loss\n",
  ].map(modelsOf);
  expect(plain?.models[0]).toMatchObject({ candidates: ["logistic"], metric: "average_precision" });
  expect(lineOf(plain!)).toBe("model fraud, binary, logistic");
  expect(both?.models[0]).toMatchObject({ candidates: ["mlp", "logistic"], metric: "average_precision" });
  expect(lineOf(both!)).toBe("model fraud, binary, mlp, logistic, the best by average_precision");
  expect(lineOf(byLoss!)).toBe("model fraud, binary, logistic, mlp, the best by log_loss");
});

test("the reference names every learner with the settings that it works with", () => {
  const page = topologyReference(topologyLanguage);
  expect(page).toContain("### `logistic`");
  expect(page).toContain("| `hidden` | `[32, 16]` | Units of each hidden layer. |");
  expect(page).toContain("It can go on from a version that is there.");
});

test("later stages keep the key's bytes, and what names none takes key, time and partitions of the input", () => {
  const plan = soundPlan(smallText, { schemas });
  const [, features, score] = plan.stages;
  expect([features?.keyField, score?.keyField]).toEqual([undefined, undefined]);
  expect(features?.to).toMatchObject({ key: "customer_id", time: "paid_at", partitions: 2 });
  // The rows no longer have customer_id, so that the key has no field; event time has its place in a prediction.
  expect(score?.to).toMatchObject({ key: undefined, time: "event_time", partitions: 2 });
});

test("Kafka's timestamp goes into event_time of what an ingest writes", () => {
  const timed = payment.replace('"paid_at"', '"event_time"');
  const text = smallText
    .replace("time: paid_at, partitions", "time: $kafka, partitions")
    .replace("cast: { paid_at: timestamp-millis }", "require: [payment_id]")
    .replace("customer_id, paid_at]", "customer_id, event_time]");
  const plan = soundPlan(text, { schemas: new Map([...schemas, ["payment", timed]]) });
  expect(plan.stages[0]?.ingest).toMatchObject({ supplied: ["event_id", "event_time"], kafkaTimeField: "event_time" });
  expect(plan.stages[1]?.eventTimeField).toBe("event_time");
});

test("a prediction has the fields of the contract, in their order", () => {
  const schema = soundPlan(smallText, { schemas }).topics.find(({ name }) => name === "predictions")?.schema;
  expect(schema?.fullName).toBe("millrace.small.Predictions");
  expect(schema?.shape.map(({ name, type }) => `${name} ${type.kind}`)).toEqual([
    "event_id string",
    "event_time timestamp",
    "model string",
    "model_version int",
    "score double",
    "review boolean",
    "payment_id string",
  ]);
});

test("lateness is the longest window, at least an hour and at most a day, unless the file says it", () => {
  const lateOf = (text: string): number | undefined => soundPlan(text, { schemas }).stages[1]?.lateWithinMs;
  const unsaid = replaced(smallText, "    late: { within: 2h }\n", "");
  expect(lateOf(smallText)).toBe(7_200_000);
  expect(lateOf(replaced(unsaid, "over: [1h]", "over: [5min]"))).toBe(3_600_000);
  expect(lateOf(replaced(unsaid, "over: [1h]", "over: [3h, 5min]"))).toBe(10_800_000);
  expect(lateOf(replaced(unsaid, "over: [1h]", "over: [30d]"))).toBe(86_400_000);
});

test("fields that only the given schema has take their default in every row", () => {
  const wide = payment.replace(
    '{ "name": "amount",',
    '{ "name": "source", "type": "string", "default": "card" }, { "name": "note", "type": ["null", "string"] }, { "name": "amount",',
  );
  const text = smallText
    .replace("features: { schema: inferred }", "features: { schema: wide }")
    .replace("except: [payment_id, customer_id, paid_at]", "only: [amount]");
  const stage = soundPlan(text, { schemas: new Map([...schemas, ["wide", wide]]) }).stages[1]!;
  // Without the window, whose memory a task would bring.
  const ops = stage.program.ops.filter(({ op }) => op === "assign");
  const compiled = compileProgram({ ...stage.program, ops });
  const context = { offset: 0, streamTimeMs: 0, processingTimeMs: 0, out: null as Record<string, unknown> | null };
  const row = { event_id: "inbox-0-0", payment_id: "p", customer_id: "c", paid_at: 5, amount: 1 };
  expect(compiled.run(row, context)).toBe(0);
  expect(context.out).toEqual({ ...row, source: "card", note: null });
});

test("a volatile stage has stores without a changelog, and says so in the plan", () => {
  const plan = soundPlan(
    replaced(smallText, "late: { within: 2h }", "late: { within: 2h }\n    state: { volatile: true }"),
    {
      schemas,
    },
  );
  const store = { name: "rolling", kind: "rolling", version: 1 };
  expect(plan.stages[1]?.stores).toEqual([{ store, changelog: undefined }]);
  expect(printPlan(plan)).toContain("  store rolling (rolling, version 1), volatile\n");
  expect(printPlan(plan)).not.toContain("changelog");
  expect(plan.warnings.map(formatProblem)).toEqual([
    "t.yaml:21:12 MR_STATE_VOLATILE stages[1].state: stage features keeps its stores in memory alone: a restart or a lost partition starts them empty: rolling; expect repeats and short windows after a restart, or remove volatile",
  ]);
  const durable = soundPlan(
    replaced(smallText, "late: { within: 2h }", "late: { within: 2h }\n    state: { volatile: false }"),
    {
      schemas,
    },
  );
  expect(durable.warnings).toEqual([]);
  expect(durable.stages[1]?.stores).toEqual(soundPlan(smallText, { schemas }).stages[1]?.stores);
});

test("a store is named by its step, else by its kind; a counted name is warned of, with the line to paste", () => {
  const steps = (...written: string[]) => {
    const lines = written.map((name, i) => `      - dedupe: { by: event_id, within: ${i + 1}h${name} }\n`);
    return soundPlan(replaced(smallText, "      - rolling:", `${lines.join("")}      - rolling:`), { schemas });
  };
  const namesIn = (plan: Plan) => plan.stages[1]?.stores.map(({ store }) => store.name);
  const saidIn = (plan: Plan) => plan.warnings.filter(({ code }) => code === "MR_STORE_NAME").map(formatProblem);
  const counted = steps("", "", "");
  expect(namesIn(counted)).toEqual(["dedupe", "dedupe-2", "dedupe-3", "rolling"]);
  expect(saidIn(counted)).toEqual([
    "t.yaml:23:9 MR_STORE_NAME stages[1].steps[1].dedupe: the store of this step is named dedupe-2 by its place: with another dedupe before it removed it would be taken for that one; paste store: dedupe-2",
    "t.yaml:24:9 MR_STORE_NAME stages[1].steps[2].dedupe: the store of this step is named dedupe-3 by its place: with another dedupe before it removed it would be taken for that one; paste store: dedupe-3",
  ]);
  const pasted = steps("", ", store: dedupe-2", ", store: dedupe-3");
  expect([namesIn(pasted), saidIn(pasted)]).toEqual([namesIn(counted), []]);
  // What keeps its name keeps its changelog, wherever it stands.
  const moved = steps(", store: dedupe-3", "");
  expect([namesIn(moved), saidIn(moved)]).toEqual([["dedupe-3", "dedupe", "rolling"], []]);
  expect(moved.stages[1]?.stores[0]?.changelog?.clusterName).toBe("small.features.dedupe-3.changelog");
});

test("a store holds as many keys as the stage says", () => {
  const text = replaced(smallText, "late: { within: 2h }", "late: { within: 2h }\n    state: { keys: 1 }");
  const add = (text: string, keys: readonly string[]): void => {
    const memory = soundPlan(text, { schemas }).stages[1]!.memories[0]!.create();
    for (const key of keys) {
      memory.texts[0] = key;
      memory.numbers.set([5, 1, 1]);
      memory.update({ offset: 0, streamTimeMs: 0, processingTimeMs: 0, out: null });
    }
  };
  expect(() => add(text, ["a", "a"])).not.toThrow();
  expect(() => add(text, ["a", "b"])).toThrow(
    "it holds 1 keys, the most that the store of one task may hold; raise state.keys",
  );
  expect(() => add(smallText, ["a", "b"])).not.toThrow();
});

test("a store forgets a key when the stage says so, counted in stream time, and the plan says it", () => {
  const text = replaced(smallText, "late: { within: 2h }", "late: { within: 2h }\n    state: { ttl: 150min }");
  const plan = soundPlan(replaced(text, "over: [1h]", "over: [1d]"), { schemas });
  expect(printPlan(plan)).toContain("\n  forgets a key 150min after its last record\n");
  expect(printPlan(soundPlan(smallText, { schemas }))).not.toContain("forgets");
  const memory = plan.stages[1]!.memories[0]!.create();
  const minute = 60_000;
  const count = (atMin: number, streamMin: number): unknown => {
    memory.texts[0] = "c1";
    memory.numbers.set([atMin * minute, 1, 1]);
    memory.update({ offset: 0, streamTimeMs: streamMin * minute, processingTimeMs: 0, out: null });
    return memory.results[0];
  };
  expect([count(0, 0), count(150, 150), count(301, 301)]).toEqual([1, 2, 1]);
  // 400 minutes have passed for others by the time that this one comes, an hour late.
  expect([count(340, 460), count(460, 460)]).toEqual([1, 2]);
});

test("warns when ingest changes the partition count or the key", () => {
  const inbox = "inbox: { format: json, external: true";
  expect(warningsOf(replaced(smallText, inbox, `${inbox}, partitions: 2, key: customer_id`))).toEqual([]);
  expect(warningsOf(replaced(smallText, inbox, `${inbox}, partitions: 6`))).toContain("MR_MIXED_BACKLOG");
  expect(warningsOf(replaced(smallText, inbox, `${inbox}, key: payment_id`))).toContain("MR_MIXED_BACKLOG");
});

test("an input says what follows when its log has changed; what is the default is not printed and leaves the hash alone", () => {
  const plain = soundPlan(smallText, { schemas });
  const with_ = (policy: string) =>
    soundPlan(replaced(smallText, "ahead: 5min", `ahead: 5min, onLogChange: ${policy}`), { schemas });
  const policies = (plan: typeof plain) => plan.stages.map(({ onLogChange }) => onLogChange);
  expect(policies(plain)).toEqual(["halt", "halt", "halt"]);
  expect(printPlan(with_("halt"))).toBe(printPlan(plain));
  const going = with_("restart");
  expect(policies(going)).toEqual(["restart", "halt", "halt"]);
  const said = printPlan(going)
    .split("\n")
    .filter((line) => !printPlan(plain).includes(line));
  expect(said).toEqual([
    "  goes on where the log differs when it was cut back or made anew",
    expect.stringMatching(/^plan [0-9a-f]+$/),
  ]);
});

test("a stage says what becomes of records that fail; what is the default is not printed and leaves the hash alone", () => {
  const plain = soundPlan(smallText, { schemas });
  const with_ = (errors: string) =>
    soundPlan(replaced(smallText, "  - name: ingest\n", `  - name: ingest\n    errors: ${errors}\n`), { schemas });
  expect(plain.stages[0]?.errors).toEqual({ decode: "dead-letter", process: "dead-letter", produce: "dead-letter" });
  expect(printPlan(with_("{ decode: dead-letter, produce: dead-letter }"))).toBe(printPlan(plain));
  const strict = with_("{ decode: halt, process: { retry: 1 }, produce: { retry: 5 } }");
  expect(strict.stages[0]?.errors).toEqual({ decode: "halt", process: { retry: 1 }, produce: { retry: 5 } });
  expect(strict.stages[1]?.errors).toEqual(plain.stages[1]?.errors);
  const said = printPlan(strict)
    .split("\n")
    .filter((line) => !printPlan(plain).includes(line));
  expect(said).toEqual([
    "  halts at a record that fails in decode",
    "  tries a record that fails in process 1 time more",
    "  tries a record that fails in produce 5 times more",
    expect.stringMatching(/^plan [0-9a-f]+$/),
  ]);
});

test.each([
  ["{}", "must say something"],
  ["{ decode: { retry: 3 } }", "decode"],
  ["{ process: { retry: 0 } }", "retry"],
  ["{ process: retry }", "process"],
  ["{ encode: halt }", "encode"],
])("errors: %s is refused", (errors, about) => {
  const text = replaced(smallText, "  - name: ingest\n", `  - name: ingest\n    errors: ${errors}\n`);
  expect(problemLines(text, { schemas })).toEqual([expect.stringContaining(about)]);
});

test("warns when events may be dated further ahead than a later stage allows lateness", () => {
  expect(warningsOf(replaced(smallText, "ahead: 5min", "ahead: 2h"))).not.toContain("MR_AHEAD_WIDE");
  expect(warningsOf(replaced(smallText, "ahead: 5min", "ahead: 3h"))).toContain("MR_AHEAD_WIDE");
  expect(warningsOf(replaced(smallText, "ahead: 5min", "ahead: none"))).toContain("MR_AHEAD_WIDE");
});

const withTest = (body: string): string => `${smallText}tests:\n  - name: t\n${body}`;

test("a test of an infer stage without a stub is refused with the line to paste", () => {
  const text = withTest("    stage: score\n    given: [{ payment_id: p }]\n    expect: { records: [] }\n");
  expect(problemLines(text, { schemas })).toEqual([
    "t.yaml:37:5 MR_MISSING_KEY tests[0].with: stage score asks model fraud, and a test needs a stub for it; paste this line into the test:\n  with: { models: { fraud: 0.93 } }",
  ]);
});

test("a stub is a number or an expression over the features", () => {
  const text = (stub: string): string =>
    withTest(
      `    stage: score\n    with: { models: { fraud: ${stub} } }\n    given: [{ payment_id: p }]\n    expect: { records: [] }\n`,
    );
  const stubOf = (stub: string): unknown => soundPlan(text(stub), { schemas }).tests[0]?.stubs["fraud"];
  expect(stubOf("0.5")).toEqual({ kind: "score", score: 0.5 });
  expect(stubOf('"coalesce(amount, 0.0) / 100.0"')).toMatchObject({ kind: "program" });
  expect(problemLines(text('"amount > 1"'), { schemas })[0]).toContain("MR_EXPRESSION_TYPE");
});

test("text is given to ingest stages only, and given rows may leave fields out but not invent them", () => {
  const ingest = withTest(
    '    stage: ingest\n    given: ["{", { any: 1 }]\n    expect: { deadLetters: [MR_PARSE, MR_REQUIRED] }\n',
  );
  expect(soundPlan(ingest, { schemas }).tests[0]?.given).toEqual([
    { kind: "text", text: "{" },
    { kind: "row", value: { any: 1 } },
  ]);
  const other = withTest(
    '    stage: features\n    given: ["{", { amuont: 1 }, { amount: many }]\n    expect: { filtered: 0 }\n',
  );
  expect(problemLines(other, { schemas }).map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
    "t.yaml:39:13 MR_WRONG_TYPE tests[0].given[0]:",
    "t.yaml:39:20 MR_REFERENCE tests[0].given[1].amuont:",
    "t.yaml:39:43 MR_WRONG_TYPE tests[0].given[2].amount:",
  ]);
});

test("every key of the language has a sentence, in the JSON Schema and on the reference page", () => {
  const bare: string[] = [];
  const visit = (node: JsonSchema, path: string): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      if (!/^[A-Z`].*\.$/s.test(child.description ?? "")) bare.push(`${path}.${name}`);
      visit(child, `${path}.${name}`);
    }
    for (const option of node.anyOf ?? []) visit(option, path);
    if (typeof node.additionalProperties === "object") visit(node.additionalProperties, `${path}.*`);
    if (node.items !== undefined) visit(node.items, `${path}[]`);
  };
  visit(JSON.parse(topologyJsonSchema(topologyLanguage)), "");
  expect(bare).toEqual([]);
  const page = topologyReference(topologyLanguage);
  for (const step of topologyLanguage.catalogue) expect(page).toContain(`### \`${step.kind}\``);
  expect(page).toContain("| `delivery` | `exactly-once` or `at-least-once` | yes |");
});

test("text and enums are features, printed as categories, and a stub may compare them", async () => {
  const text = smallText.replace("except: [payment_id, customer_id, paid_at]", "except: [payment_id, paid_at]");
  const stub = `tests:
  - name: a customer decides
    stage: score
    with: { models: { fraud: "customer_id == 'c1' ? 0.9 : 0.2" } }
    given: [{ payment_id: p1, customer_id: c1 }, { payment_id: p2, customer_id: c2 }, { payment_id: p3, customer_id: c1 }]
    expect: { records: [{ score: 0.9, review: true }, { score: 0.2, review: false }, { score: 0.9 }] }
`;
  const plan = soundPlan(text + stub, { schemas: smallSchemas });
  expect(plan.models[0]?.features).toEqual([
    { name: "customer_id", kind: "category" },
    { name: "amount", kind: "number" },
    { name: "n_1h", kind: "number" },
    { name: "mean_1h", kind: "number" },
  ]);
  expect(printPlan(plan)).toContain("features of features: customer_id (category), amount, n_1h, mean_1h");
  expect(await runPlannedTest(plan, plan.tests[0]!)).toEqual([]);
});

test("the linger is 5 ms unless the file says otherwise, and is printed only then, so that plans made before keep their hash", () => {
  const lingering = (commit: string) =>
    soundPlan(smallText.replace("delivery: at-least-once", `delivery: at-least-once\n${commit}`), { schemas });
  const plain = soundPlan(smallText, { schemas });
  expect(plain.commit.lingerMs).toBe(5);
  expect(lingering("commit: { lingerMs: 5 }").hash).toBe(plain.hash);
  const patient = lingering("commit: { lingerMs: 250 }");
  expect(patient.commit).toEqual({ everyMs: 100, records: 2_000, lingerMs: 250 });
  expect(printPlan(patient)).toContain("\n  sends after 250ms at the latest\n");
});
