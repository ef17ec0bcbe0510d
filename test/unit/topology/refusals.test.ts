import { expect, test } from "vitest";
import { payment, problemLines, replaced, smallSchemas, smallText } from "./fixture.ts";

/** The small chain with one text replaced, and what must be said of it. */
interface Case {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly expected: readonly string[];
}

const small = (from: string, to: string): string[] =>
  problemLines(replaced(smallText, from, to), { schemas: smallSchemas });

const cases: readonly Case[] = [
  {
    name: "a stage that reads what nobody writes",
    from: "inbox: { format: json, external: true }",
    to: "inbox: { schema: payment }",
    expected: [
      "t.yaml:13:20 MR_UNFED stages[0].from.topic: stage ingest reads topic inbox, which no stage writes and which is not external; add external: true to topics.inbox if others write it, or write it from a stage",
    ],
  },
  {
    name: "two stages that write one topic",
    from: "    to: predictions",
    to: "    to: features",
    expected: [
      "t.yaml:25:9 MR_CONFLICT stages[2].to: topic features is already written by stage features; one topic has one writer; write to a topic of its own",
    ],
  },
  {
    name: "a key that changes without an ingest",
    from: "features: { schema: inferred }",
    to: "features: { schema: inferred, key: payment_id }",
    expected: [
      "t.yaml:8:38 MR_KEY topics.features.key: topic features is keyed by payment_id, and topic raw, which stage features reads, is keyed by customer_id; only an ingest stage changes the key; write key: customer_id",
    ],
  },
  {
    name: "a partition count that changes without an ingest",
    from: "features: { schema: inferred }",
    to: "features: { schema: inferred, partitions: 3 }",
    expected: [
      "t.yaml:8:45 MR_KEY topics.features.partitions: topic features has 3 partitions, and topic raw, which stage features reads, has 2; only an ingest stage changes the number; write partitions: 2, or leave it out",
    ],
  },
  {
    name: "a window over a topic without event time",
    from: "key: customer_id, time: paid_at, partitions: 2",
    to: "key: customer_id, partitions: 2",
    expected: [
      "t.yaml:22:9 MR_TIME stages[1].steps[0].rolling: stage features: the step needs event time, and the topic it reads has none; name a timestamp-millis field under `time:` of the topic",
    ],
  },
  {
    name: "an event time that is no time",
    from: "time: paid_at",
    to: "time: amount",
    expected: [
      "t.yaml:7:51 MR_TIME topics.raw.time: event time is a timestamp-millis, and amount is double; take paid_at",
    ],
  },
  {
    name: "Kafka's time where no ingest writes",
    from: "features: { schema: inferred }",
    to: "features: { schema: inferred, time: $kafka }",
    expected: [
      "t.yaml:8:39 MR_TIME topics.features.time: topic features is not written by an ingest stage, and only those see Kafka's timestamp; write time: paid_at",
    ],
  },
  {
    name: "an ingest into an inferred schema",
    from: "raw: { schema: payment,",
    to: "raw: { schema: inferred,",
    expected: [
      "t.yaml:14:9 MR_SCHEMA stages[0].to: stage ingest reads its input as the schema of topic raw, and that has none of its own; give topics.raw a schema: NAME, written in schemas/NAME.avsc",
    ],
  },
  {
    name: "a written topic without a schema",
    from: "features: { schema: inferred }",
    to: "features: { retention: 7d }",
    expected: [
      "t.yaml:8:13 MR_SCHEMA topics.features: topic features has no schema, and stage features writes it; add schema: inferred, or the name of a file in schemas/",
    ],
  },
  {
    name: "lateness where nothing is remembered",
    from: "  - name: score\n",
    to: "  - name: score\n    late: { within: 1h }\n",
    expected: [
      "t.yaml:24:11 MR_CONFLICT stages[2].late: no step of this stage remembers earlier records, so nothing can be late here; remove late, or move it to the stage with rolling or dedupe",
    ],
  },
  {
    name: "a step after infer",
    from: "          decide: { review: score >= 0.8 }",
    to: "      - filter: amount != null",
    expected: [
      "t.yaml:27:9 MR_CONFLICT stages[2].steps[0].infer: infer is the last step of its stage; move the steps after it before it, or into a stage that reads the predictions",
    ],
  },
  {
    name: "a reserved name among the kept fields",
    from: "keep: [payment_id]",
    to: "keep: [payment_id, event_id]",
    expected: [
      "t.yaml:29:30 MR_RESERVED stages[2].steps[0].infer.keep[1]: every prediction has its own event_id; reserved are event_id, event_time, model, model_version, score",
    ],
  },
  {
    name: "predictions that do not keep the field of the labels",
    from: "keep: [payment_id]",
    to: "keep: [customer_id]",
    expected: [
      "t.yaml:29:17 MR_LABEL_KEEP stages[2].steps[0].infer.keep: labels of model fraud are joined by payment_id, and the predictions of this stage do not keep it; write keep: [customer_id, payment_id]",
    ],
  },
  {
    name: "a feature that is a time",
    from: "except: [payment_id, customer_id, paid_at]",
    to: "except: [payment_id]",
    expected: [
      "t.yaml:34:15 MR_WRONG_TYPE models.fraud.features: features are numbers, booleans, strings and enums, and paid_at is timestamp; add it to except: [payment_id, paid_at]",
    ],
  },
  {
    name: "the text that joins the labels among the features that nobody named",
    from: "except: [payment_id, customer_id, paid_at]",
    to: "except: [paid_at]",
    expected: [
      "t.yaml:34:15 MR_WRONG_TYPE models.fraud.features: payment_id joins the labels to their features, and a name is no feature; add it to except: [paid_at, payment_id]",
    ],
  },
  {
    name: "a label that is text",
    from: "on: payment_id, field: is_fraud",
    to: "on: payment_id, field: event_id",
    expected: [
      "t.yaml:35:52 MR_WRONG_TYPE models.fraud.label.field: a label is a boolean or a number, and event_id is string; derive a boolean from it in the stage that writes the labels",
    ],
  },
  {
    name: "a label topic without event time",
    from: "key: payment_id, time: known_at",
    to: "key: payment_id",
    expected: [
      "t.yaml:35:21 MR_TIME models.fraud.label.topic: of several labels the last by event time counts, and topic labels has no event time; name a timestamp-millis field under topics.labels.time",
    ],
  },
  {
    name: "state where no step remembers anything",
    from: "    to: predictions",
    to: "    to: predictions\n    state: { volatile: true }",
    expected: [
      "t.yaml:26:12 MR_CONFLICT stages[2].state: no step of this stage remembers earlier records, so there is no state to hold; remove state, or move it to the stage with rolling or dedupe",
    ],
  },
  {
    name: "stores that would go on over another log",
    from: "    from: raw",
    to: "    from: { topic: raw, onLogChange: restart }",
    expected: [
      "t.yaml:18:38 MR_CONFLICT stages[1].from.onLogChange: what the steps of this stage remember is of the log as it was, and would be wrong over another; write onLogChange: halt, which says what to do then, or state: { volatile: true }",
    ],
  },
  {
    name: "too many keys, and a time to live that is none",
    from: "    late: { within: 2h }",
    to: "    late: { within: 2h }\n    state: { ttl: 0d, keys: 16777217 }",
    expected: [
      "t.yaml:21:19 MR_OUT_OF_RANGE stages[1].state.ttl: a duration is more than 0; write for example ttl: 90d",
      "t.yaml:21:29 MR_OUT_OF_RANGE stages[1].state.keys: expected at most 16777216, found 16777217; write for example keys: 5000000",
    ],
  },
  {
    name: "state that says nothing at all",
    from: "    late: { within: 2h }",
    to: "    late: { within: 2h }\n    state: {}",
    expected: [
      "t.yaml:21:12 MR_OUT_OF_RANGE stages[1].state: must say something: volatile, keys or ttl; write for example state: { keys: 5000000 }",
    ],
  },
  {
    name: "a time to live shorter than a record may be late",
    from: "    late: { within: 2h }",
    to: "    late: { within: 2h }\n    state: { ttl: 119min }",
    expected: [
      "t.yaml:21:19 MR_CONFLICT stages[1].state.ttl: a record counts until it is 2h late, and what it belongs to would be forgotten after 119min; write ttl: 2h or more, or late: { within: 119min }",
    ],
  },
  {
    name: "a time to live shorter than a record may be late by default",
    from: "    late: { within: 2h }",
    to: "    state: { ttl: 1s }",
    expected: [
      "t.yaml:20:19 MR_CONFLICT stages[1].state.ttl: a record counts until it is 1h late by default, and what it belongs to would be forgotten after 1s; write ttl: 1h or more, or late: { within: 1s }",
    ],
  },
  {
    name: "a store named twice, by hand or by its kind, and a name that no topic could have",
    from: "      - rolling: {",
    to: `      - dedupe: { by: payment_id, within: 1h, store: seen }
      - dedupe: { by: event_id, within: 1h, store: seen }
      - dedupe: { by: event_id, within: 1h, store: Not_this }
      - rolling: { by: customer_id, over: [1h], features: { k: count() } }
      - rolling: { store: rolling,`,
    expected: [
      "t.yaml:23:52 MR_CONFLICT stages[1].steps[1].dedupe.store: two steps of stage features have a store named seen; give one of them another name",
      "t.yaml:24:52 MR_OUT_OF_RANGE stages[1].steps[2].dedupe.store: must be a name in lower case with hyphens, such as by-card; write for example store: by-card",
      "t.yaml:26:27 MR_CONFLICT stages[1].steps[4].rolling.store: two steps of stage features have a store named rolling; give one of them another name",
    ],
  },
  {
    name: "a topic that a changelog is",
    from: "  labels: { schema: label,",
    to: "  labels: { name: small_features.rolling.changelog, schema: label,",
    expected: [
      "t.yaml:10:19 MR_CONFLICT topics.labels.name: small_features.rolling.changelog is the changelog of store rolling of stage features on the cluster, or differs from it only in . and _; choose another name",
    ],
  },
  {
    name: "JSON in the middle of the chain",
    from: "    to: features",
    to: "    to: { topic: features, format: json }",
    expected: [
      "t.yaml:24:11 MR_SCHEMA stages[2].from: stage score reads topic features, which is written as JSON; only what leaves the chain may be; remove format: json from topic features",
      "t.yaml:34:23 MR_SCHEMA models.fraud.features.from: training reads Avro with a schema, and topic features is JSON; name a topic that a stage writes as Avro",
    ],
  },
  {
    name: "an expression, at the place inside it",
    from: "mean: mean(amount)",
    to: "mean: mean(amuont)",
    expected: [
      "t.yaml:22:84 MR_REFERENCE stages[1].steps[0].rolling.features.mean: there is no field `amuont` here; did you mean amount?",
    ],
  },
  {
    name: "no delivery, with the line of the one to begin with",
    from: "delivery: at-least-once\n",
    to: "",
    expected: [
      "t.yaml:1:1 MR_MISSING_KEY delivery: the key is missing (what a crash may do: nothing that readers of committed records see (exactly-once), or repeat some records (at-least-once). There is no default); paste the line delivery: exactly-once (or at-least-once, which is seen sooner, and of which a crash repeats some)",
    ],
  },
  {
    name: "parts of the language that come later",
    from: "models:\n  fraud:",
    to: "profiles: []\nmodels:\n  fraud:\n    rollout: { canary: {} }",
    expected: [
      "t.yaml:31:1 MR_UNSUPPORTED profiles: this version does not have profiles yet; remove it",
      "t.yaml:34:16 MR_UNSUPPORTED models.fraud.rollout.canary: this version does not have canary yet; write rollout: { shadow: { for: 2h } }, or rollout: none",
    ],
  },
  {
    name: "a learner that comes later, and a metric that none is chosen by",
    from: "models:\n  fraud:",
    to: "models:\n  fraud:\n    metric: accuracy\n    candidates: [mlp, gbdt]",
    expected: [
      "t.yaml:33:13 MR_OUT_OF_RANGE models.fraud.metric: expected one of average_precision, auc, log_loss, brier, found accuracy; write for example metric: average_precision",
      "t.yaml:34:23 MR_UNSUPPORTED models.fraud.candidates[1]: this version does not have gbdt yet; write candidates: [logistic, mlp]",
    ],
  },
  {
    name: "a candidate that stands there twice",
    from: "models:\n  fraud:",
    to: "models:\n  fraud:\n    candidates: [mlp, logistic, mlp]",
    expected: [
      "t.yaml:33:33 MR_CONFLICT models.fraud.candidates[2]: mlp is among the candidates already, and would be fitted twice; remove it",
    ],
  },
  {
    name: "an external topic that a stage writes and another reads",
    from: "features: { schema: inferred }",
    to: "features: { schema: inferred, external: true }",
    expected: [
      "t.yaml:24:11 MR_CONFLICT stages[2].from: topic features is external, and stage features writes it; remove external: true from topics.features",
    ],
  },
  {
    name: "several inputs",
    from: "    from: raw",
    to: "    from: [raw, labels]",
    expected: [
      "t.yaml:18:11 MR_UNSUPPORTED stages[1].from: this version reads and writes one topic per stage; give each topic a stage of its own",
    ],
  },
  {
    name: "steps that come later, without calling them misspelt",
    from: "      - cast: { paid_at: timestamp-millis }",
    to: "      - lookup: { table: terminals, on: payment_id }",
    expected: [
      "t.yaml:16:9 MR_UNSUPPORTED stages[0].steps[0].lookup: this version does not have lookup yet; remove it",
    ],
  },
  {
    name: "an unknown step, with the one that is meant",
    from: "      - cast: { paid_at: timestamp-millis }",
    to: "      - casts: { paid_at: timestamp-millis }",
    expected: ['t.yaml:16:9 MR_UNKNOWN_KEY stages[0].steps[0].casts: unknown step; did you mean "cast"?'],
  },
  {
    name: "two operations in one step",
    from: "      - cast: { paid_at: timestamp-millis }",
    to: "      - cast: { paid_at: timestamp-millis }\n        require: [payment_id]",
    expected: [
      "t.yaml:16:9 MR_CONFLICT stages[0].steps[0]: a step is one operation, and here are 2: cast, require; begin each step with a hyphen of its own",
    ],
  },
  {
    name: "a key at the wrong level",
    from: "    late: { within: 2h }",
    to: "    late: { within: 2h }\n    retention: 7d",
    expected: [
      't.yaml:21:5 MR_UNKNOWN_KEY stages[1].retention: unknown key; "retention" is known under topics.NAME; check the indentation',
    ],
  },
  {
    name: "a missing key, at its parent",
    from: "    to: raw\n",
    to: "",
    expected: [
      "t.yaml:12:5 MR_MISSING_KEY stages[0].to: the key is missing (topic to write, or a mapping that says its format); write for example to: payments.clean",
    ],
  },
];

for (const { name, from, to, expected } of cases) {
  test(`refuses ${name}`, () => {
    expect(small(from, to)).toEqual(expected);
  });
}

test("refuses stages that feed each other in a circle, and names them in order", () => {
  const text = replaced(smallText, "    from: raw", "    from: predictions");
  expect(problemLines(text, { schemas: smallSchemas })).toEqual([
    "t.yaml:18:11 MR_CYCLE stages[1].from: the stages feed each other in a circle: features -> score -> features; read from a topic that lies before the circle",
  ]);
});

test("a written topic whose schema lacks event_id is refused with the line to paste", () => {
  const bare = payment.replace('    { "name": "event_id", "type": "string" },\n', "");
  const lines = problemLines(smallText, { schemas: new Map([...smallSchemas, ["payment", bare]]) });
  expect(lines).toEqual([
    't.yaml:7:18 MR_EVENT_ID topics.raw.schema: schema payment has no field event_id, which every record that a stage writes carries; paste this line into the fields of schemas/payment.avsc:\n  { "name": "event_id", "type": "string" },',
  ]);
});

test("an inbox's own event_id is refused with the alias that renames it, and accepted with the alias", () => {
  const text = replaced(smallText, "format: json, external: true", "format: json, external: true, schema: payment");
  expect(problemLines(text, { schemas: smallSchemas })).toEqual([expect.stringContaining('"aliases": ["event_id"]')]);
  const renamed = payment.replace('"name": "amount"', '"name": "amount", "aliases": ["event_id"]');
  expect(problemLines(text, { schemas: new Map([...smallSchemas, ["payment", renamed]]) })).toEqual([]);
});

test("rows that do not fit a given schema are refused field by field; defaults fill in what is missing", () => {
  const wide = payment.replace(
    '{ "name": "amount", "type": ["null", "double"], "default": null }',
    '{ "name": "amount", "type": "double" }, { "name": "n_1h", "type": "int" }, { "name": "extra", "type": "int" }, { "name": "source", "type": "string", "default": "card" }',
  );
  const text = replaced(
    replaced(smallText, "features: { schema: inferred }", "features: { schema: wide }"),
    "except: [payment_id, customer_id, paid_at]",
    "only: [amount]",
  );
  expect(problemLines(text, { schemas: new Map([...smallSchemas, ["wide", wide]]) })).toEqual([
    "t.yaml:19:9 MR_SCHEMA stages[1].to: field amount may be null after the steps, and the schema does not allow null; add a step - require: [amount], or fill it in with impute",
    "t.yaml:19:9 MR_SCHEMA stages[1].to: field n_1h is long after the steps, and the schema says int; change the type in the schema, or convert the field in a step",
    "t.yaml:19:9 MR_SCHEMA stages[1].to: schema Payment asks for field extra, and the steps do not make it; add a step such as - derive: { extra: ... }, or give the field a default",
  ]);
});

test("shape problems and semantic problems of one file come together, in the file's order", () => {
  const text = smallText
    .replace("partitions: 2", "partitions: two")
    .replace("mean(amount)", "mean(")
    .replace("on: payment_id, field: is_fraud", "on: payment_id, field: is_frod");
  const found = problemLines(text, { schemas: smallSchemas }).map((line) => line.split(" ").slice(0, 2).join(" "));
  expect(found).toEqual([
    "t.yaml:7:72 MR_WRONG_TYPE",
    "t.yaml:22:84 MR_EXPRESSION_SYNTAX",
    "t.yaml:35:52 MR_REFERENCE",
  ]);
});

const afterCast = (...steps: readonly string[]): string[] =>
  small(
    "      - cast: { paid_at: timestamp-millis }",
    ["cast: { paid_at: timestamp-millis }", ...steps].map((step) => `      - ${step}`).join("\n"),
  ).map((line) => line.replace(/;[^;]*$/, ""));

// A field called __proto__ was planned and vanished: zod strips the key.
test.each([
  ["derive", "derive: { __proto__: amount, e: amount }", "stages[0].steps[1].derive"],
  ["derive alone", "derive: { __proto__: amount }", "stages[0].steps[1].derive"],
  ["cast", "cast: { __proto__: double }", "stages[0].steps[1].cast"],
])("refuses __proto__ as a name under %s, once and at its place", (_name, step, path) => {
  expect(afterCast(step)).toEqual([
    `t.yaml:17:${step.indexOf("__proto__") + 9} MR_UNKNOWN_KEY ${path}.__proto__: nothing can be called __proto__`,
  ]);
});

test("refuses __proto__ as a name of features, decisions and topics", () => {
  expect(small("n: count()", "__proto__: count()")).toEqual([
    "t.yaml:22:61 MR_UNKNOWN_KEY stages[1].steps[0].rolling.features.__proto__: nothing can be called __proto__; choose another name",
  ]);
  expect(small("decide: { review", "decide: { __proto__")).toEqual([
    "t.yaml:30:21 MR_UNKNOWN_KEY stages[2].steps[0].infer.decide.__proto__: nothing can be called __proto__; choose another name",
  ]);
  expect(small("  labels: {", "  __proto__: { schema: label }\n  labels: {")).toEqual([
    "t.yaml:10:3 MR_UNKNOWN_KEY topics.__proto__: nothing can be called __proto__; choose another name",
  ]);
});

test("a decimal comma inside { } is told as the comma that it is", () => {
  expect(afterCast("derive: { a: amount > 0,5 }")).toEqual([
    't.yaml:17:33 MR_OUT_OF_RANGE stages[0].steps[1].derive["5"]: must be a name: letters, digits and _, not beginning with a digit',
  ]);
  expect(small("decide: { review: score >= 0.8", "decide: { review: score >= 0,8").at(0)).toMatch(
    /; inside \{ \} a comma ends the text before it: write a fraction with a point, as in 0\.5, or quote the text$/,
  );
});

test.each([
  ["seconds", "epoch-seconds"],
  ["unix", "epoch-seconds"],
  ["millis", "epoch-millis"],
  ["microseconds", "epoch-micros"],
  ["nanos", "epoch-nanos"],
])("cast to %s names %s", (written, meant) => {
  const step = "cast: { paid_at: timestamp-millis }";
  expect(small(step, `cast: { paid_at: ${written} }`).at(0)).toContain(`; did you mean "${meant}"?`);
});

// Every unknown field after the first wrong step was passed over, not only those that the step would have made.
test("after a step that is wrong only what it would have made is not reported", () => {
  const lines = afterCast(
    "derive: { e: nope, f: e + 1, g: f + 1 }",
    "filter: e > 1 && g > 1",
    "derive: { h: e + zzz }",
    "filter: h > yyy",
    "require: [f, xxx]",
  );
  expect(lines).toEqual([
    "t.yaml:17:22 MR_REFERENCE stages[0].steps[1].derive.e: there is no field `nope` here",
    "t.yaml:19:26 MR_REFERENCE stages[0].steps[3].derive.h: there is no field `zzz` here",
    "t.yaml:20:21 MR_REFERENCE stages[0].steps[4].filter: there is no field `yyy` here",
    't.yaml:21:22 MR_REFERENCE stages[0].steps[5].require[1]: there is no field "xxx" here',
  ]);
});

test("what a step with a wrong shape would have made is told from its keys", () => {
  expect(afterCast("derive: { e: [1] }", "filter: e > zzz")).toEqual([
    expect.stringContaining("MR_WRONG_TYPE stages[0].steps[1].derive.e"),
    "t.yaml:18:21 MR_REFERENCE stages[0].steps[2].filter: there is no field `zzz` here",
  ]);
  const rolling = small(
    "features: { n: count(), mean: mean(amount) } }",
    "features: { n: count(), mean: mean(amuont) } }\n      - filter: n_1h > 1 && n_2h > 1",
  );
  expect(rolling).toEqual([
    expect.stringContaining("there is no field `amuont` here"),
    expect.stringContaining("stages[1].steps[1].filter: there is no field `n_2h` here"),
  ]);
});

test("after a step that this version does not know nothing is said about fields that it may make", () => {
  expect(afterCast("lookup: { table: terminals, on: payment_id }", "filter: zzz > 1")).toEqual([
    expect.stringContaining("MR_UNSUPPORTED"),
  ]);
});

test("every name of an expression that is no field is reported, once", () => {
  expect(afterCast("filter: aaa > bbb && aaa > 1")).toEqual([
    "t.yaml:17:17 MR_REFERENCE stages[0].steps[1].filter: there is no field `aaa` here",
    "t.yaml:17:23 MR_REFERENCE stages[0].steps[1].filter: there is no field `bbb` here",
  ]);
});

test.each(["1e308", "-1e308", "1e300"])("a number far out of range, %s, is reported once", (number) => {
  const lines = small("delivery: at-least-once", `delivery: at-least-once\ncommit: { everyMs: ${number} }`);
  expect(lines).toEqual([
    expect.stringMatching(
      /^t\.yaml:5:20 MR_OUT_OF_RANGE commit\.everyMs: expected at (most 60000|least 1), found -?1e\+30/,
    ),
  ]);
});

test.each([
  [".nan", "NaN"],
  [".inf", "Infinity"],
  ["-.inf", "-Infinity"],
])("%s is not called a number where a number is expected", (text, name) => {
  const sample = (key: string): string[] =>
    small("delivery: at-least-once", `delivery: at-least-once\nsample: { generator: card-payments, ${key}: ${text} }`);
  expect(sample("perSecond")).toEqual([expect.stringContaining(`expected a number, found ${name};`)]);
  expect(sample("seed")).toEqual([expect.stringContaining(`expected a whole number, found ${name};`)]);
});

test("a namespace given beside the file is held to the rule of the file's own", () => {
  const given = (namespace: string): string[] => problemLines(smallText, { schemas: smallSchemas, namespace });
  expect(given("staging.eu-1")).toEqual([]);
  expect(given("")).toEqual([]);
  expect(given("../x")).toEqual([
    't.yaml:1:1 MR_OUT_OF_RANGE namespace: a namespace has only letters, digits, dots, underscores and hyphens; choose another namespace than the given "../x"',
  ]);
  expect(given("n".repeat(101))).toEqual([expect.stringContaining("a namespace has at most 100 characters")]);
});

test("the cure for predictions that meet no labels names no field that the rows do not have", () => {
  const lean = payment.replace('{ "name": "payment_id", "type": "string" },', "");
  const text = smallText
    .replace("features: { schema: inferred }", "features: { schema: lean }")
    .replace("late: { within: 2h }", "")
    .replace(/- rolling: .*/, '- filter: "true"')
    .replace("keep: [payment_id]", "keep: [customer_id]")
    .replace("{ from: features, except: [payment_id, customer_id, paid_at] }", "{ from: raw, only: [amount] }");
  const schemas = new Map([...smallSchemas, ["lean", lean]]);
  expect(problemLines(text, { schemas })).toEqual([
    expect.stringMatching(
      /MR_LABEL_KEEP .* do not keep it; its rows have no payment_id: carry it through the stages before, or name under label\.on a field that they have$/,
    ),
  ]);
});

test("topics that differ in nothing but . and _ on the cluster are one to Kafka's metrics, and are refused", () => {
  expect(
    small(
      "  labels:",
      "  in_box: { format: json, external: true, name: in.box }\n  inbox2: { format: json, external: true, name: in_box }\n  labels:",
    ),
  ).toEqual([
    expect.stringMatching(
      /^t\.yaml:11:\d+ MR_CONFLICT topics\.inbox2\.name: topics in_box and inbox2 are the same topic /,
    ),
  ]);
});

test("a name on the cluster has at most 249 characters, the namespace included", () => {
  const planned = (length: number): string[] =>
    problemLines(replaced(smallText, "raw: { schema", `raw: { name: ${"r".repeat(length)}, schema`), {
      schemas: smallSchemas,
      namespace: "staging",
    });
  expect(planned(249 - "staging.".length)).toEqual([]);
  expect(planned(250 - "staging.".length)).toEqual([
    expect.stringMatching(
      /MR_OUT_OF_RANGE topics\.raw\.name: the name on the cluster, staging\.r+\.\.\., has more than 249/,
    ),
  ]);
});

test("a changelog's name on the cluster has at most 249 characters, and store: is what shortens it", () => {
  const planned = (length: number): string[] => {
    const named = replaced(smallText, "rolling: { by", `rolling: { store: ${"s".repeat(length)}, by`);
    const text = replaced(named, "name: small\n", `name: ${"t".repeat(40)}\n`);
    return problemLines(text, { schemas: smallSchemas, namespace: "n".repeat(98) });
  };
  // 98 of the namespace, 40 of the topology, 8 of the stage, 9 of changelog, and 4 dots leave 90.
  expect(planned(90)).toEqual([]);
  expect(planned(91)).toEqual([
    expect.stringMatching(
      /^t\.yaml:17:5 MR_OUT_OF_RANGE stages\[1\]: the name on the cluster of the changelog of store s+, n+\.\.\., has more than 249 characters; shorten the namespace, or name the store with store:/,
    ),
  ]);
});
