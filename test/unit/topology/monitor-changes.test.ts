import { expect, test } from "vitest";
import {
  type ClusterState,
  type ClusterTopic,
  changesFor,
  clusterNamesOf,
  graphOf,
  partOf,
  schemasNeeded,
  startProblems,
  topicsNeeded,
} from "../../../src/topology/index.ts";
import { smallSchemas, smallText, soundPlan } from "./fixture.ts";

const text = `${smallText}monitors:
  - { name: inputs, on: features }
  - { name: behind, on: lag, warn: { seconds: 30 } }
`;
const plan = soundPlan(text, { schemas: smallSchemas });
const bare = soundPlan(smallText, { schemas: smallSchemas });

const inbox: ClusterTopic = { topic: "inbox", partitions: 2, replication: 1, configs: {} };
const empty: ClusterState = {
  cluster: { topics: [inbox], brokerCount: 1 },
  versions: new Map(),
  registered: new Set(),
};
const days90 = String(90 * 86_400_000);

/** A cluster with everything as planned, but for settings of one topic. */
function asPlanned(name = "", change: Partial<ClusterTopic> = {}): ClusterState {
  const topics = topicsNeeded(plan, empty.cluster).map((topic) => ({
    ...topic,
    replication: topic.replication ?? 1,
    ...(topic.topic === name ? change : {}),
  }));
  const versions = schemasNeeded(plan).map(
    ({ subject, schema }, id) => [subject, [{ id, version: 1, subject, text: JSON.stringify(schema.json) }]] as const,
  );
  return {
    cluster: { topics: [inbox, ...topics], brokerCount: 1 },
    versions: new Map(versions),
    registered: new Set(versions.map(([subject]) => subject)),
  };
}

test("monitors need four topics of one partition, and a changelog for each stage that counts", () => {
  const without = new Set(clusterNamesOf(bare));
  const added = topicsNeeded(plan, empty.cluster).filter(({ topic }) => !without.has(topic));
  expect(added).toEqual([
    {
      topic: "small.features.monitor.inputs.changelog",
      partitions: 2,
      replication: undefined,
      configs: { "cleanup.policy": "compact" },
    },
    {
      topic: "small.partials",
      partitions: 1,
      replication: undefined,
      configs: {
        "cleanup.policy": "compact,delete",
        "retention.ms": days90,
        "message.timestamp.type": "LogAppendTime",
      },
    },
    { topic: "small.baselines", partitions: 1, replication: undefined, configs: { "cleanup.policy": "compact" } },
    { topic: "small.verdicts", partitions: 1, replication: undefined, configs: { "retention.ms": days90 } },
    { topic: "small.alerts", partitions: 1, replication: undefined, configs: { "retention.ms": days90 } },
  ]);
  expect(clusterNamesOf(plan).filter((topic) => !without.has(topic))).toEqual(added.map(({ topic }) => topic));
});

test("what monitors write is registered, with the alerts as JSON left out", () => {
  const { registerSchemas } = changesFor(plan, empty);
  const bySubject = new Map(registerSchemas.map(({ subject, json }) => [subject, (json as { name: string }).name]));
  expect([...bySubject].slice(-3)).toEqual([
    ["small.partials-value", "Partial"],
    ["small.baselines-value", "Baseline"],
    ["small.verdicts-value", "Verdict"],
  ]);
});

test("a worker does not start before its monitors have their topics and schemas, whichever stages it runs", () => {
  const part = partOf(plan, plan.stages.slice(0, 1));
  const lacking = startProblems(changesFor(part, empty)).map(({ message }) => message);
  expect(lacking).toContain("topic small.partials does not exist");
  expect(lacking).toContain("the plan's schema is no version of small.verdicts-value");
  expect(startProblems(changesFor(plan, asPlanned()))).toEqual([]);
});

test("a cluster as planned needs nothing, in whatever order it lists its policies", () => {
  expect(changesFor(plan, asPlanned()).lines).toEqual([]);
  const configs = { "cleanup.policy": "delete,compact", "retention.ms": days90 };
  expect(changesFor(plan, asPlanned("small.partials", { configs })).lines).toEqual([]);
});

test("partials that are only deleted, or only compacted, are in the way", () => {
  for (const policy of ["delete", "compact"]) {
    const configs = { "cleanup.policy": policy, "retention.ms": days90 };
    expect(changesFor(plan, asPlanned("small.partials", { configs })).problems).toEqual([
      {
        code: "MR_TOPIC_MISMATCH",
        path: ["topics", "small.partials"],
        message: `topic small.partials has cleanup.policy ${policy}, and the plan needs compact,delete: what was counted or judged would be gone before it is read`,
        hint: "run kafka-configs.sh --alter --entity-type topics --entity-name small.partials --add-config cleanup.policy=[compact,delete]",
      },
    ]);
  }
});

test("verdicts with two partitions have no order and are in the way", () => {
  const [problem] = changesFor(plan, asPlanned("small.verdicts", { partitions: 2 })).problems;
  expect(problem).toMatchObject({
    code: "MR_TOPIC_MISMATCH",
    hint: "delete it and run apply: what is judged needs one order",
  });
});

test("the changelog of what is counted grows with the input", () => {
  const wider = soundPlan(text.replace("partitions: 2", "partitions: 4"), { schemas: smallSchemas });
  const changes = changesFor(wider, asPlanned());
  expect(changes.growTopics).toContainEqual({ topic: "small.features.monitor.inputs.changelog", partitions: 4 });
});

test("the graph shows what is watched", () => {
  const lines = graphOf(plan).split("\n");
  const features = plan.topics.findIndex(({ name }) => name === "features");
  expect(lines.slice(-3)).toEqual([`  monitor0(["inputs"])`, `  topic${features} -. watched .-> monitor0`, ""]);
});
