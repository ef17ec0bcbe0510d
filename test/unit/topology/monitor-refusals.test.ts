import { expect, test } from "vitest";
import { problemLines, replaced, smallSchemas, smallText } from "./fixture.ts";

const schemas = smallSchemas;

/** Of monitors behind the small chain, whose `monitors:` stands on line 36; `t.yaml:37:` is left out of what is said. */
function refusals(monitors: string, text = smallText): string[] {
  return problemLines(`${text}monitors:\n${monitors}\n`, { schemas }).map((line) => line.replace(/^t\.yaml:37:/, ""));
}

const one = (keys: string): string => `  - { name: a, ${keys} }`;

test.each<readonly [keys: string, ...said: string[]]>([
  ["on: featurs", '20 MR_REFERENCE monitors[0].on: there is no topic "featurs"; did you mean "features"?'],
  ["on: lagg", '20 MR_REFERENCE monitors[0].on: there is no topic "lagg"; did you mean "lag"?'],
  [
    "on: inbox",
    "20 MR_UNSUPPORTED monitors[0].on: no stage of this file writes topic inbox, and this version counts what its stages write; watch a topic that a stage writes",
  ],
  [
    "on: labels",
    "20 MR_UNSUPPORTED monitors[0].on: no stage of this file writes topic labels, and this version counts what its stages write; watch a topic that a stage writes",
  ],
  [
    "on: { predictions: features }",
    "35 MR_CONFLICT monitors[0].on.predictions: topic features holds no predictions: stage features, which writes it, has no infer step; write on: features",
  ],
  [
    "on: features, window: { rows: 1000 }, season: hour-of-day, metrics: [missing, rows]",
    "62 MR_CONFLICT monitors[0].season: windows of so many rows begin at no hour, and so have no season; remove it, or write for example window: 1h",
    "94 MR_CONFLICT monitors[0].metrics[1]: how many rows a window has is what this monitor's windows are made by; remove it, or write for example window: 1h",
  ],
  [
    "on: features, metrics: [auc], detectors: [{ adwin: {} }], thresholds: { w1: 0.1 }",
    "40 MR_CONFLICT monitors[0].metrics[0]: auc measures a model by its labels, and this monitor names none; write on: { predictions: TOPIC, labels: TOPIC }, or remove it",
    "88 MR_UNSUPPORTED monitors[0].thresholds.w1: this version does not have w1 yet; remove it",
  ],
  [
    "on: features, fields: [amont, amount, amount, paid_at]",
    '39 MR_REFERENCE monitors[0].fields[0]: there is no field of topic features named "amont"; did you mean "amount"?',
    "54 MR_CONFLICT monitors[0].fields[2]: field amount is named twice; remove it",
    "62 MR_WRONG_TYPE monitors[0].fields[3]: monitors count numbers, texts, enums and booleans, and paid_at is timestamp; remove it, or derive what matters of it in a step",
  ],
  [
    "on: features, fields: [amount], metrics: [missing, unseen, missing], thresholds: { freshness: 1h, rows: 0.2 }",
    "67 MR_CONFLICT monitors[0].metrics[1]: unseen is of fields that have a vocabulary, and this monitor counts no category; remove it, or name such a field",
    "75 MR_CONFLICT monitors[0].metrics[2]: missing is named twice; remove it",
    "110 MR_CONFLICT monitors[0].thresholds.freshness: this monitor says nothing of freshness, so its threshold does nothing; write metrics: [missing, unseen, freshness], or remove it",
    "120 MR_CONFLICT monitors[0].thresholds.rows: this monitor says nothing of rows, so its threshold does nothing; write metrics: [missing, unseen, rows], or remove it",
  ],
  [
    "on: features, fields: [customer_id], detectors: [{ adwin: {} }, { adwin: { delta: 0.01 } }]",
    "64 MR_CONFLICT monitors[0].detectors: detectors watch numbers and booleans, and this monitor counts neither; remove it, or name such a field",
    "80 MR_CONFLICT monitors[0].detectors[1]: adwin is there twice, and a verdict is named after it; remove one",
  ],
  [
    "on: lag, warn: { seconds: 3 }, metrics: [rows]",
    "56 MR_CONFLICT monitors[0].metrics: metrics belongs to monitors of a topic, and this one is of the lag; remove it",
  ],
  [
    "on: features, window: 59s",
    "38 MR_OUT_OF_RANGE monitors[0].window: a window is at least 1min, and this one is 59s; write for example window: 1h",
  ],
  // Two hours, which the stage lets through, are 60 windows of 2min, and 48 of 150s.
  [
    "on: features, window: 2min",
    "38 MR_OUT_OF_RANGE monitors[0].window: windows of 2min kept open for 2h are more than 48 at once; write window: 3min or more, or late: with a shorter time",
  ],
  ["on: features, window: 150s"],
  ["on: features, window: 1min, late: 48min"],
  [
    "on: features, window: 1min, late: 49min",
    "50 MR_OUT_OF_RANGE monitors[0].late: windows of 1min kept open for 49min are more than 48 at once; write window: 2min or more, or late: with a shorter time",
  ],
  [
    "on: features, baseline: { model: fruad }",
    '49 MR_REFERENCE monitors[0].baseline.model: there is no model "fruad"; did you mean "fraud"?',
  ],
  [
    "on: raw, baseline: { model: fraud }",
    "44 MR_UNSUPPORTED monitors[0].baseline.model: model fraud learns from topic features, and this version compares windows of topic raw with rows of that topic alone; write baseline: first, or baseline: { from: TIME, to: TIME }",
  ],
  [
    "on: raw, baseline: training",
    "35 MR_REFERENCE monitors[0].baseline: no model learns from topic raw; write baseline: first",
  ],
  [
    "on: raw, baseline: { from: 2026-01-02, to: 2026-01-02 }",
    "59 MR_OUT_OF_RANGE monitors[0].baseline.to: to must be later than from; name a later time",
  ],
  [
    "on: raw, baseline: { from: 2026-01-02 }",
    "35 MR_OUT_OF_RANGE monitors[0].baseline: from and to belong together; write for example baseline: training",
  ],
  [
    "on: raw, baseline: { model: fraud, to: 2026-01-02 }",
    "35 MR_OUT_OF_RANGE monitors[0].baseline: expected either model, or from and to; write for example baseline: training",
  ],
  [
    "on: raw, baseline: {}",
    "35 MR_OUT_OF_RANGE monitors[0].baseline: expected either model, or from and to; write for example baseline: training",
  ],
  [
    "on: raw, page: { seconds: 3 }",
    "31 MR_CONFLICT monitors[0].page: page belongs to a monitor of the lag, and this one is of a topic; remove it, or write on: lag",
  ],
  [
    "on: lag, window: 1h, severity: page",
    "5 MR_MISSING_KEY monitors[0]: nothing says how much lag is too much; write for example warn: { seconds: 30 }",
    "33 MR_CONFLICT monitors[0].window: window belongs to monitors of a topic, and this one is of the lag; remove it",
    "47 MR_CONFLICT monitors[0].severity: severity belongs to monitors of a topic, and this one is of the lag; remove it",
  ],
  [
    "on: raw, held: 30s",
    "31 MR_CONFLICT monitors[0].held: held belongs to a monitor of the lag, and this one is of a topic; remove it, or write on: lag",
  ],
  [
    "on: lag, held: none",
    "5 MR_MISSING_KEY monitors[0]: nothing says how much lag is too much; write for example warn: { seconds: 30 }",
  ],
  [
    "on: lag, warn: { growing: true }",
    "31 MR_OUT_OF_RANGE monitors[0].warn: must say how much is too much: records or seconds; write for example warn: { seconds: 30 }",
  ],
])("a monitor with %s", (keys, ...said) => {
  expect(refusals(one(keys))).toEqual(said);
});

test("two monitors of one name would be one store", () => {
  expect(refusals(`${one("on: features")}\n${one("on: raw")}`)).toEqual([
    "t.yaml:38:13 MR_CONFLICT monitors[1].name: two monitors are named a; a name makes one store, and one record per window; give one of them another name",
  ]);
});

test("a topic that is written as JSON cannot be counted yet", () => {
  const text = replaced(
    smallText,
    "predictions: { schema: inferred }",
    "predictions: { schema: inferred, format: json }",
  );
  expect(refusals(one("on: predictions"), text)).toEqual([
    "20 MR_UNSUPPORTED monitors[0].on: topic predictions is written as JSON, and this version counts what is written as Avro; watch a topic before it that is Avro",
  ]);
});

test("windows need an event time that every row has", () => {
  const last = "- name: features";
  const timeless = replaced(smallText, "labels: {", "plain: { schema: inferred }\n  labels: {");
  const keyed = replaced(timeless, last, `- { name: plain, from: raw, to: plain }\n  ${last}`);
  expect(refusals(one("on: plain"), keyed)).toEqual([]);
  const without = [...schemas].map(([name, text]): [string, string] => [
    name,
    text.replace(
      '{ "type": "long", "logicalType": "timestamp-millis" } },\n    { "name": "amount"',
      '["null", { "type": "long", "logicalType": "timestamp-millis" }] },\n    { "name": "amount"',
    ),
  ]);
  const nullable = problemLines(`${smallText}monitors:\n${one("on: raw")}\n`, { schemas: new Map(without) });
  expect(nullable).toContain(
    "t.yaml:37:20 MR_TIME monitors[0].on: windows are of event time, and paid_at of topic raw may be null; do not let paid_at be null in the schema",
  );
});

test("several models that learn from the topic are not chosen between", () => {
  const other =
    "  other:\n    task: binary\n    features: { from: features, except: [payment_id, customer_id, paid_at] }\n";
  const lines = problemLines(`${smallText}${other}monitors:\n${one("on: features")}\n`, { schemas });
  expect(lines).toEqual([
    "t.yaml:40:5 MR_AMBIGUOUS monitors[0].baseline: several models learn from topic features: fraud, other; write baseline: { model: fraud }, or baseline: first",
  ]);
  const chosen = one("on: features, baseline: { model: other }");
  expect(problemLines(`${smallText}${other}monitors:\n${chosen}\n`, { schemas })).toEqual([]);
});

test("names that the judge and the notifier need are not to be had, and only with monitors", () => {
  const text = replaced(smallText, "- name: score", "- name: monitor");
  expect(problemLines(text, { schemas })).toEqual([]);
  expect(refusals(one("on: raw"), text)).toEqual([
    "t.yaml:23:11 MR_CONFLICT stages[2].name: a topology with monitors has a group of the name monitor of its own; give the stage another name",
  ]);
  const topic = replaced(smallText, "labels: {", "small.partials: { external: true }\n  labels: {");
  expect(problemLines(topic, { schemas })).toEqual([
    't.yaml:10:19 MR_CONFLICT topics["small.partials"]: small.partials is a topic that Millrace keeps for itself; choose another name',
  ]);
  const lag = replaced(smallText, "labels: {", "lag: { external: true }\n  labels: {");
  expect(refusals(one("on: lag, warn: { seconds: 3 }"), lag)).toEqual([
    "t.yaml:38:20 MR_AMBIGUOUS monitors[0].on: lag is how far the stages are behind, and there is a topic of that name too; give the topic another name in this file, with name: lag where it is described",
  ]);
});

test("the changelog of what is counted has a name that Kafka takes, and no other topic has it", () => {
  const long = "m".repeat(100);
  const namespace = "n".repeat(100);
  // 100 of the namespace, 20 of the topology, 8 of the stage, 108 of the store, 9 of changelog and four dots: 249.
  const text = `${replaced(smallText, "name: small", `name: small${"l".repeat(15)}`)}monitors:\n  - { name: ${long}, on: features }\n`;
  expect(problemLines(text, { schemas, namespace })).toEqual([]);
  expect(problemLines(text.replace("smalll", "smallll"), { schemas, namespace })).toEqual([
    expect.stringMatching(
      /changelog of store monitor\.m+, n+\.\.\., has more than 249 characters; shorten the namespace, or the name of the monitor$/,
    ),
  ]);
  const taken = replaced(smallText, "labels: {", "small.features.monitor.a.changelog: { external: true }\n  labels: {");
  expect(refusals(one("on: features"), taken)).toEqual([
    't.yaml:10:39 MR_CONFLICT topics["small.features.monitor.a.changelog"]: small.features.monitor.a.changelog is the changelog of store monitor.a of stage features on the cluster, or differs from it only in . and _; choose another name',
  ]);
});

test("what is broken before a monitor is told once, and nothing is said of what follows from it", () => {
  const about = (from: string, to: string, on: string): string[] =>
    refusals(one(`on: ${on}`), replaced(smallText, from, to)).map((line) => line.split(" ")[2] ?? "");
  expect(about("score >= 0.8", "scor >= 0.8", "predictions")).toEqual(["stages[2].steps[0].infer.decide.review:"]);
  expect(about("to: predictions", "to: [1]", "predictions")).toEqual(["stages[2].to:"]);
  expect(about("task: binary", "task: guess", "features")).toEqual(["models.fraud.task:"]);
  expect(about("late: { within: 2h }", "late: { within: soon }", "features")).toEqual(["stages[1].late.within:"]);
});

test("monitors that are no list are told once", () => {
  const said = (text: string): string[] => problemLines(`${smallText}${text}\n`, { schemas });
  expect(said("monitors: []")).toEqual([
    "t.yaml:36:11 MR_OUT_OF_RANGE monitors: expected at least 1 entry; write for example monitors: [{ name: inputs, on: payments.features, window: 1h }]",
  ]);
  expect(said("monitors: { a: 1 }\nalerts: { cooldown: 1h }")).toEqual([
    "t.yaml:36:11 MR_WRONG_TYPE monitors: expected a list, found a mapping; write for example monitors: [{ name: inputs, on: payments.features, window: 1h }]",
  ]);
});
