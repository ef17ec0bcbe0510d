import { expect, test } from "vitest";
import {
  type ClusterState,
  type ClusterTopic,
  changesFor,
  clusterNamesOf,
  type Plan,
  printChanges,
  schemasNeeded,
  topicsNeeded,
} from "../../../src/topology/index.ts";
import { payment, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const plan = soundPlan(smallText, { schemas: smallSchemas });

const described = (topic: string, partitions: number, configs: Record<string, string> = {}): ClusterTopic => ({
  topic,
  partitions,
  replication: 1,
  configs,
});

const inbox = described("inbox", 2);

/** A cluster on which everything that the plan needs is there, as planned. */
function asPlanned(of: Plan): ClusterState {
  const cluster = { topics: [inbox], brokerCount: 1 };
  const topics = topicsNeeded(of, cluster).map((topic) => ({ ...topic, replication: topic.replication ?? 1 }));
  const latest = of.topics.flatMap(({ subject, schema, external }, id) =>
    subject === undefined || schema === undefined || external
      ? []
      : [[subject, { id, version: 1, subject, text: JSON.stringify(schema.json) }] as const],
  );
  const registered = new Set(latest.map(([subject]) => subject));
  return { cluster: { topics: [inbox, ...topics], brokerCount: 1 }, latest: new Map(latest), registered };
}

const emptyRegistry = { latest: new Map(), registered: new Set<string>() };

function withTopic(state: ClusterState, topic: ClusterTopic): ClusterState {
  const others = state.cluster.topics.filter((candidate) => candidate.topic !== topic.topic);
  return { ...state, cluster: { ...state.cluster, topics: [...others, topic] } };
}

test("an empty cluster gets the topics of the plan, dead letters and control, and every schema", () => {
  const state = { cluster: { topics: [inbox], brokerCount: 1 }, ...emptyRegistry };
  expect(printChanges(changesFor(plan, state))).toBe(`changes
  + topic raw: 2 partitions
  + topic features: 2 partitions
  + topic predictions: 2 partitions
  + topic labels: 1 partition
  + topic small.dead-letters: 2 partitions, max.message.bytes 1114124, retention 30d
  + topic small.control: 1 partition, cleanup.policy compact
  + schema raw-value: version 1
  + schema features-value: version 1
  + schema predictions-value: version 1
  + schema labels-value: version 1
`);
});

test("a cluster as planned needs nothing", () => {
  const changes = changesFor(plan, asPlanned(plan));
  expect(printChanges(changes)).toBe("changes\n  none: the cluster is as planned\n");
  expect(changes).toMatchObject({ createTopics: [], registerSchemas: [], problems: [], warnings: [] });
});

test("names to ask the cluster and the registry for are those of the plan", () => {
  expect(clusterNamesOf(plan)).toEqual([
    "inbox",
    "raw",
    "features",
    "predictions",
    "labels",
    "small.dead-letters",
    "small.control",
  ]);
  expect(schemasNeeded(plan).map(({ subject }) => subject)).toEqual([
    "raw-value",
    "features-value",
    "predictions-value",
    "labels-value",
  ]);
});

test("an external topic that is missing is a problem and is not created", () => {
  const changes = changesFor(plan, { cluster: { topics: [], brokerCount: 1 }, ...emptyRegistry });
  expect(changes.problems.map(({ code, path }) => `${code} ${path.join(".")}`)).toEqual([
    "MR_TOPIC_MISSING topics.inbox",
  ]);
  expect(changes.createTopics.map(({ topic }) => topic)).not.toContain("inbox");
});

test("dead letters have as many partitions as the widest input and room for its largest record", () => {
  const wide = described("inbox", 12, { "max.message.bytes": "5000000" });
  const dead = topicsNeeded(plan, { topics: [wide], brokerCount: 1 }).find(
    ({ topic }) => topic === "small.dead-letters",
  );
  expect(dead).toEqual({
    topic: "small.dead-letters",
    partitions: 12,
    replication: undefined,
    // 5,000,000 and 64 KiB; 30 days.
    configs: { "max.message.bytes": "5065536", "retention.ms": "2592000000" },
  });
});

test("an inbox with another number of partitions than the file could know is warned about", () => {
  const changes = changesFor(plan, withTopic(asPlanned(plan), described("inbox", 12)));
  expect(changes.warnings.map(({ code }) => code)).toEqual(["MR_MIXED_BACKLOG"]);
  expect(changes.problems.map(({ path }) => path.join("."))).toEqual(["topics.small.dead-letters"]);
});

test("another partition count of our own topic is in the way; another retention is only shown", () => {
  const kept = soundPlan(replaced(smallText, "partitions: 2 }", "partitions: 2, retention: 7d }"), {
    schemas: smallSchemas,
  });
  const changes = changesFor(kept, withTopic(asPlanned(kept), described("raw", 3, { "retention.ms": "3600000" })));
  expect(changes.lines).toEqual([
    "! topic raw has 3 partitions on the cluster and 2 in the plan; change the plan, or move to a new topic: keys would change partition",
    "~ topic raw differs: retention 1h, planned retention 7d",
  ]);
  expect(changes.problems.map(({ code }) => code)).toEqual(["MR_TOPIC_MISMATCH"]);
});

test("a schema that reads its predecessor becomes the next version, one that does not is refused", () => {
  const state = asPlanned(plan);
  const subject = "raw-value";
  const before = (text: string): ClusterState => ({
    ...state,
    latest: new Map([...state.latest, [subject, { id: 9, version: 4, subject, text }]]),
    registered: new Set(),
  });
  const without = payment.replace(',\n    { "name": "amount", "type": ["null", "double"], "default": null }', "");
  expect(changesFor(plan, before(without)).lines).toEqual(["+ schema raw-value: version 5, reads version 4"]);
  const asText = payment.replace('["null", "double"], "default": null', '"string"');
  const refused = changesFor(plan, before(asText));
  expect(refused.problems.map(({ code }) => code)).toEqual(["MR_SCHEMA_INCOMPATIBLE"]);
  expect(refused.registerSchemas).toEqual([]);
});

// It was announced as a new version for ever, and the registry answered the old one each time.
test("a schema that went back to a registered text needs nothing, unless it cannot read the newest version", () => {
  const subject = "raw-value";
  const state = asPlanned(plan);
  const newest = (text: string): ClusterState => ({
    ...state,
    latest: new Map([...state.latest, [subject, { id: 9, version: 4, subject, text }]]),
  });
  const wider = payment.replace('"default": null }', '"default": null }, { "name": "note", "type": "string" }');
  expect(changesFor(plan, newest(wider))).toMatchObject({ lines: [], registerSchemas: [], problems: [] });
  const asText = payment.replace('["null", "double"], "default": null', '"string"');
  expect(changesFor(plan, newest(asText)).problems.map(({ code }) => code)).toEqual(["MR_SCHEMA_INCOMPATIBLE"]);
});

test("a model without a version is warned about, with the command that makes one", () => {
  const changes = changesFor(plan, { ...asPlanned(plan), aliases: new Set() });
  expect(changes.warnings).toMatchObject([{ code: "MR_MODEL_MISSING", hint: "run millrace train --model fraud" }]);
  expect(changesFor(plan, { ...asPlanned(plan), aliases: new Set(["fraud@champion"]) }).warnings).toEqual([]);
});
