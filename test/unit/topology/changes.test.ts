import { expect, test } from "vitest";
import {
  type ClusterState,
  type ClusterTopic,
  changesFor,
  clusterNamesOf,
  type Plan,
  partOf,
  printChanges,
  printPlan,
  schemasNeeded,
  startProblems,
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
  const versions = schemasNeeded(of).map(
    ({ subject, schema }, id) => [subject, [{ id, version: 1, subject, text: JSON.stringify(schema.json) }]] as const,
  );
  const registered = new Set(versions.map(([subject]) => subject));
  return { cluster: { topics: [inbox, ...topics], brokerCount: 1 }, versions: new Map(versions), registered };
}

const emptyRegistry = { versions: new Map(), registered: new Set<string>() };

function withTopic(state: ClusterState, topic: ClusterTopic): ClusterState {
  const others = state.cluster.topics.filter((candidate) => candidate.topic !== topic.topic);
  return { ...state, cluster: { ...state.cluster, topics: [...others, topic] } };
}

test("an empty cluster gets the topics of the plan, dead letters, control and accounts, and every schema", () => {
  const state = { cluster: { topics: [inbox], brokerCount: 1 }, ...emptyRegistry };
  expect(printChanges(changesFor(plan, state))).toBe(`changes
  + topic raw: 2 partitions
  + topic features: 2 partitions
  + topic predictions: 2 partitions
  + topic labels: 1 partition
  + topic small.features.rolling.changelog: 2 partitions, cleanup.policy compact
  + topic small.dead-letters: 2 partitions, max.message.bytes 1114124, retention 30d
  + topic small.control: 1 partition, cleanup.policy compact
  + topic small.accounts: 2 partitions, cleanup.policy compact
  + topic small.adoptions: 1 partition, cleanup.policy delete, retention.ms -1
  + topic small.retraining: 1 partition, retention 365d
  + schema raw-value: version 1
  + schema features-value: version 1
  + schema predictions-value: version 1
  + schema labels-value: version 1
  + schema small.adoptions-value: version 1
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
    "small.features.rolling.changelog",
    "small.dead-letters",
    "small.control",
    "small.accounts",
    "small.adoptions",
    "small.retraining",
  ]);
  expect(schemasNeeded(plan).map(({ subject }) => subject)).toEqual([
    "raw-value",
    "features-value",
    "predictions-value",
    "labels-value",
    "small.adoptions-value",
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
  expect(changes.warnings.map(({ code, path }) => `${code} ${path.join(".")}`)).toEqual([
    "MR_MIXED_BACKLOG topics.inbox",
    // What goes there goes to its partition's number modulo those that are there: no reason to keep a worker from starting.
    "MR_TOPIC_MISMATCH topics.small.dead-letters",
    "MR_TOPIC_MISMATCH topics.small.accounts",
  ]);
  expect(changes.problems).toEqual([]);
});

test("another partition count of our own topic is in the way; another retention is only shown", () => {
  const kept = soundPlan(replaced(smallText, "partitions: 2 }", "partitions: 2, retention: 7d }"), {
    schemas: smallSchemas,
  });
  const changes = changesFor(kept, withTopic(asPlanned(kept), described("raw", 3, { "retention.ms": "3600000" })));
  expect(changes.lines).toEqual([
    "! topic raw has 3 partitions on the cluster and 2 in the plan; write partitions: 3, or move to a new topic: keys would change partition",
    "~ topic raw differs: retention 1h, planned retention 7d; apply leaves it: run kafka-configs.sh --alter --entity-type topics --entity-name raw --add-config retention.ms=604800000",
  ]);
  expect(changes.problems.map(({ code }) => code)).toEqual(["MR_TOPIC_MISMATCH"]);
});

test("a schema that reads its predecessor becomes the next version, one that does not is refused", () => {
  const state = asPlanned(plan);
  const subject = "raw-value";
  const before = (text: string): ClusterState => ({
    ...state,
    versions: new Map([...state.versions, [subject, [{ id: 9, version: 4, subject, text }]]]),
    registered: new Set(),
  });
  const without = payment.replace(',\n    { "name": "amount", "type": ["null", "double"], "default": null }', "");
  expect(changesFor(plan, before(without)).lines).toEqual([
    "+ schema raw-value: version 5, reads version 4; adds amount (null in older records)",
  ]);
  const asText = payment.replace('["null", "double"], "default": null', '"string"');
  const refused = changesFor(plan, before(asText));
  expect(refused.problems.map(({ code }) => code)).toEqual(["MR_SCHEMA_INCOMPATIBLE"]);
  expect(refused.registerSchemas).toEqual([]);
});

test("a default that differs in the last digit of 16 is a new version", () => {
  const withId = (digits: string) =>
    payment.replace('"default": null }', `"default": null }, { "name": "id", "type": "long", "default": ${digits} }`);
  const subject = "raw-value";
  const state = asPlanned(plan);
  const linesAfter = (text: string): readonly string[] => {
    const versions = new Map([...state.versions, [subject, [{ id: 9, version: 4, subject, text }]]]);
    const wide = soundPlan(smallText, { schemas: new Map([...smallSchemas, ["payment", withId("9007199254740992")]]) });
    const { lines } = changesFor(wide, { ...state, versions, registered: new Set() });
    return lines.filter((line) => line.includes(subject));
  };
  expect(linesAfter(withId("9007199254740992"))).toEqual([]);
  expect(linesAfter(withId("9007199254740993"))).toEqual(["+ schema raw-value: version 5, reads version 4"]);
  expect(linesAfter(payment)).toEqual([
    "+ schema raw-value: version 5, reads version 4; adds id (9007199254740992 in older records)",
  ]);
});

// It was announced as a new version for ever, and the registry answered the old one each time.
test("a schema that went back to a registered text needs nothing, unless it cannot read the newest version", () => {
  const subject = "raw-value";
  const state = asPlanned(plan);
  const newest = (text: string): ClusterState => ({
    ...state,
    versions: new Map([...state.versions, [subject, [{ id: 9, version: 4, subject, text }]]]),
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

test.each([
  ["raw", { "cleanup.policy": "compact" }, "all but the newest record of each key would go"],
  ["raw", { "cleanup.policy": "compact,delete" }, "all but the newest record of each key would go"],
  ["small.dead-letters", { "cleanup.policy": "compact" }, "all but the newest record of each key would go"],
  ["small.control", { "cleanup.policy": "delete" }, "aliases would be deleted with time"],
  ["small.control", { "cleanup.policy": "compact,delete" }, "aliases would be deleted with time"],
  ["small.accounts", { "cleanup.policy": "delete" }, "those of partitions without new records would be deleted"],
  ["small.features.rolling.changelog", { "cleanup.policy": "delete" }, "state would be deleted with time"],
  ["small.features.rolling.changelog", { "cleanup.policy": "compact,delete" }, "state would be deleted with time"],
  ["small.features.rolling.changelog", { "max.message.bytes": "900090" }, "may need 900091"],
  ["raw", { "max.message.bytes": "900090" }, "may need 900091"],
])("topic %s with %j is in the way of apply and run", (topic, configs, why) => {
  const state = asPlanned(plan);
  const found = state.cluster.topics.find((candidate) => candidate.topic === topic)!;
  const changes = changesFor(plan, withTopic(state, { ...found, configs: { ...found.configs, ...configs } }));
  expect(changes.problems).toMatchObject([{ code: "MR_TOPIC_MISMATCH", path: ["topics", topic] }]);
  expect(changes.problems[0]?.message).toContain(why);
  expect(changes.problems[0]?.hint).toContain(`--entity-name ${topic} --add-config ${Object.keys(configs)[0]}=`);
  expect(startProblems(changes)).toEqual(changes.problems);
});

test.each([
  ["raw", { "max.message.bytes": "900091" }],
  ["labels", { "max.message.bytes": "5000000", "cleanup.policy": "delete", "retention.ms": "1" }],
  ["small.dead-letters", { "max.message.bytes": "5000000" }],
])("topic %s with %j has room enough, and what the plan does not say is not compared", (topic, configs) => {
  const state = asPlanned(plan);
  const found = state.cluster.topics.find((candidate) => candidate.topic === topic)!;
  const changes = changesFor(plan, withTopic(state, { ...found, configs: { ...found.configs, ...configs } }));
  expect(changes.lines).toEqual([]);
});

test("replication and a smaller dead-letter topic are shown, with the command where there is one", () => {
  const state = asPlanned(plan);
  const text = replaced(smallText, "partitions: 2 }", "partitions: 2, replication: 3 }");
  const replicated = soundPlan(text, { schemas: smallSchemas });
  expect(changesFor(replicated, state).lines).toEqual([
    "~ topic raw differs: replication 1, planned 3; apply leaves it",
    "~ topic small.features.rolling.changelog differs: replication 1, planned 3; apply leaves it",
    "~ topic small.dead-letters differs: replication 1, planned 3; apply leaves it",
    "~ topic small.control differs: replication 1, planned 3; apply leaves it",
    "~ topic small.accounts differs: replication 1, planned 3; apply leaves it",
    "~ topic small.adoptions differs: replication 1, planned 3; apply leaves it",
    "~ topic small.retraining differs: replication 1, planned 3; apply leaves it",
  ]);
  expect(startProblems(changesFor(replicated, state))).toEqual([]);
});

// An external topic's other settings are its owner's affair; a record that it refuses is ours.
test("of an external topic existence, stated partitions, and the room of one that is written are compared", () => {
  const text = replaced(
    smallText,
    "predictions: { schema: inferred }",
    "predictions: { schema: inferred, external: true }",
  );
  const written = soundPlan(text, { schemas: smallSchemas });
  const around = (configs: Record<string, string>): ClusterState =>
    withTopic(asPlanned(written), described("predictions", 2, configs));
  expect(changesFor(written, around({ "max.message.bytes": "1000" })).problems).toMatchObject([
    { code: "MR_TOPIC_MISMATCH", path: ["topics", "predictions"] },
  ]);
  expect(changesFor(written, around({ "cleanup.policy": "compact", "retention.ms": "1" })).lines).toEqual([]);
  const small = described("inbox", 2, { "max.message.bytes": "1000" });
  expect(changesFor(plan, withTopic(asPlanned(plan), small)).problems).toEqual([]);
});

test("a worker does not start before what apply would make is there, and names the command", () => {
  const problems = startProblems(changesFor(plan, { cluster: { topics: [inbox], brokerCount: 1 }, ...emptyRegistry }));
  expect(problems.map(({ code, hint }) => `${code} ${hint}`)).toEqual([
    ...new Array(10).fill("MR_TOPIC_MISSING run millrace apply"),
    ...new Array(5).fill("MR_SUBJECT_MISSING run millrace apply"),
  ]);
});

test("an external topic that is missing is told to its owner, and apply is not advised", () => {
  const around = asPlanned(plan);
  const state = { ...around, cluster: { ...around.cluster, topics: around.cluster.topics.filter((t) => t !== inbox) } };
  const problems = startProblems(changesFor(plan, state));
  expect(problems).toMatchObject([{ code: "MR_TOPIC_MISSING", message: "topic inbox is external and does not exist" }]);
  expect(problems[0]?.hint).not.toContain("apply");
});

test("a schema that differs from the newest version only in what readers do not see does not keep a worker from starting", () => {
  const subject = "raw-value";
  const text = payment.replace('"name": "Payment"', '"name": "Payment", "doc": "As before."');
  const state = { ...asPlanned(plan), registered: new Set<string>() };
  const versions = new Map([...state.versions, [subject, [{ id: 9, version: 4, subject, text }]]]);
  const changes = changesFor(plan, { ...state, versions });
  expect(changes.registerSchemas).toMatchObject([{ subject, isAlike: true }]);
  expect(startProblems(changes)).toEqual([]);
});

test("stages that run alone ask for their own topics, and for those of the whole topology", () => {
  const part = partOf(plan, plan.stages.slice(0, 1));
  const whole = ["small.dead-letters", "small.control", "small.accounts", "small.retraining"];
  expect(clusterNamesOf(part)).toEqual(["inbox", "raw", ...whole]);
});

// 0.1 let it through, and the records may be gone: a worker that runs today must start tomorrow.
test("a registered schema that cannot read an older version than the newest is warned about; a new one is refused", () => {
  const subject = "raw-value";
  const asText = payment.replace('["null", "double"], "default": null', '"string"');
  const without = payment.replace(',\n    { "name": "amount", "type": ["null", "double"], "default": null }', "");
  const texts = (newest: string) =>
    [asText, newest].map((text, at) => ({ id: at + 8, version: at + 1, subject, text }));
  const around = asPlanned(plan);
  const kept = changesFor(plan, { ...around, versions: new Map([...around.versions, [subject, texts(payment)]]) });
  expect(kept.problems).toEqual([]);
  expect(kept.warnings).toMatchObject([{ code: "MR_SCHEMA_INCOMPATIBLE", path: ["topics", "raw", "schema"] }]);
  expect(kept.warnings[0]?.message).toContain("version 1 of raw-value cannot be read");
  const registered = new Set([...around.registered].filter((name) => name !== subject));
  const versions = new Map([...around.versions, [subject, texts(without)]]);
  const fresh = changesFor(plan, { ...around, registered, versions });
  expect(fresh.problems).toMatchObject([{ code: "MR_SCHEMA_INCOMPATIBLE" }]);
  expect(fresh.problems[0]?.message).toContain("cannot read version 1 of raw-value");
});

test("topics of Millrace's own are copied as often as the most copied topic of the topology", () => {
  const text = replaced(smallText, "partitions: 2 }", "partitions: 2, replication: 3 }").replace(
    "features: { schema: inferred }",
    "features: { schema: inferred, replication: 2 }",
  );
  const own = topicsNeeded(soundPlan(text, { schemas: smallSchemas }), { topics: [], brokerCount: 3 });
  const copies = Object.fromEntries(own.map(({ topic, replication }) => [topic, replication]));
  expect(copies).toMatchObject({
    raw: 3,
    features: 2,
    "small.dead-letters": 3,
    "small.control": 3,
    "small.accounts": 3,
  });
  expect(copies["small.features.rolling.changelog"]).toBe(3);
});

const direct = `apiVersion: millrace/v1
kind: Topology
name: direct
delivery: at-least-once
limits: { recordBytes: 2000000 }
topics:
  outside: { format: json, external: true }
  clean: { schema: payment, key: customer_id, time: paid_at, partitions: 2 }
stages:
  - name: clean
    from: outside
    to: clean
    steps:
      - dedupe: { by: payment_id, within: 1d }
`;

test("the changelog of a store behind an external input has the partitions that the cluster tells", () => {
  const outside = soundPlan(direct, { schemas: smallSchemas });
  expect(outside.stages[0]?.stores).toEqual([
    {
      store: { name: "dedupe", kind: "ids", version: 1 },
      changelog: { clusterName: "direct.clean.dedupe.changelog", partitions: undefined },
    },
  ]);
  expect(printPlan(outside)).toContain("changelog direct.clean.dedupe.changelog, partitions as outside, compacted");
  const needed = topicsNeeded(outside, { topics: [described("outside", 12)], brokerCount: 1 });
  expect(needed.find(({ topic }) => topic === "direct.clean.dedupe.changelog")).toEqual({
    topic: "direct.clean.dedupe.changelog",
    partitions: 12,
    replication: undefined,
    // 2,000,000 and 64 KiB.
    configs: { "cleanup.policy": "compact", "max.message.bytes": "2065536" },
  });
});

test("a namespace stands before changelogs too", () => {
  const { stages } = soundPlan(smallText, { schemas: smallSchemas, namespace: "staging" });
  expect(stages.map(({ stores }) => stores.map(({ changelog }) => changelog))).toEqual([
    [],
    [{ clusterName: "staging.small.features.rolling.changelog", partitions: 2 }],
    [],
  ]);
});
