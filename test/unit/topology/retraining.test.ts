import { describe, expect, test } from "vitest";
import { compareTopic } from "../../../src/topology/changes/topic-changes.ts";
import { clusterNamesOf, formatProblem, printPlan, topicsNeeded } from "../../../src/topology/index.ts";
import { problemLines, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const label = "label: { topic: labels, on: payment_id, field: is_fraud }";
const schemas = smallSchemas;

const watched = `${smallText}monitors:
  - { name: inputs, on: features }
  - { name: truth, on: { predictions: predictions, labels: labels } }
`;
const within = (keys: string, text = watched): string => replaced(text, label, `${label}\n    ${keys}`);
const modelOf = (text: string) => soundPlan(text, { schemas }).models[0];
/** What is said of keys that stand on line 36, below the label. */
const refusals = (keys: string): string[] =>
  problemLines(within(keys), { schemas }).map((line) => line.replace(/^t\.yaml:36:/, ""));

describe("what a file leaves out", () => {
  test("is the gate with all its checks, no rollout, and a training when somebody asks", () => {
    expect(modelOf(smallText)).toMatchObject({
      label: { topic: "labels", on: "payment_id", field: "is_fraud", withinMs: undefined, matureAfterMs: undefined },
      gate: {
        recent: { rowsMin: 300, rowsMax: 5000 },
        before: { floor: "no-skill" },
        slices: [],
        sliceFloor: 0.05,
        latencyP99Ms: 5,
        sizeBytes: 5_000_000,
      },
      rollout: "none",
      retrain: undefined,
    });
  });

  test("of a retraining is what the reference says", () => {
    expect(modelOf(within("retrain: { on: [drift] }"))?.retrain).toEqual({
      on: [{ kind: "drift" }],
      mode: "full",
      rows: 50_000,
      cooldownMs: 21_600_000,
      perDay: 4,
      labelsMin: 500,
      breaker: 2,
      approve: false,
    });
  });

  test("of a shadow is two hours and a thousand records", () => {
    expect(modelOf(within("rollout: { shadow: {} }"))?.rollout).toEqual({
      shadow: { forMs: 7_200_000, recordsMin: 1_000 },
    });
  });
});

test("alerts of others are a reason that needs no monitor, and a warning says who hears them", () => {
  const text = within("retrain: { on: [{ age: 7d }, webhook] }", smallText);
  expect(modelOf(text)?.retrain?.on).toEqual([{ kind: "age", ageMs: 604_800_000 }, { kind: "webhook" }]);
  const plan = soundPlan(text, { schemas });
  expect(printPlan(plan)).toContain("  trained again on age 7d, webhook\n");
  expect(plan.warnings.filter(({ code }) => code === "MR_HOOK").map(formatProblem)).toEqual([
    "t.yaml:36:34 MR_HOOK models.fraud.retrain.on[1]: model fraud is trained on alerts of others, which only a process hears that is run with --http and MILLRACE_HOOK_TOKEN_FILE; have Alertmanager post those with the label millrace_model=fraud to /api/v1/hooks/alertmanager there",
  ]);
  expect(soundPlan(smallText, { schemas }).warnings.map(({ code }) => code)).not.toContain("MR_HOOK");
});

test("every key of gate, rollout and retrain reaches the plan", () => {
  const keys = [
    "gate: { recent: false, before: false, slices: [], sliceFloor: 0.1, latencyP99Ms: 2.5, sizeBytes: false }",
    "rollout: { shadow: { for: 1h, recordsMin: 5 } }",
    'retrain: { on: [drift, performance, { age: 7d }, { labels: 9 }, { schedule: "0 3 * * *" }, { schedule: "0 4 * * *" }], mode: warm, rows: 7, cooldown: 1h, perDay: 2, labelsMin: 0, breaker: 3, approve: true }',
  ];
  expect(modelOf(within(keys.join("\n    ")))).toMatchObject({
    gate: { recent: false, before: false, slices: [], sliceFloor: 0.1, latencyP99Ms: 2.5, sizeBytes: false },
    rollout: { shadow: { forMs: 3_600_000, recordsMin: 5 } },
    retrain: {
      on: [
        { kind: "drift" },
        { kind: "performance" },
        { kind: "age", ageMs: 604_800_000 },
        { kind: "labels", count: 9 },
        { kind: "schedule", cron: "0 3 * * *" },
        { kind: "schedule", cron: "0 4 * * *" },
      ],
      mode: "warm",
      rows: 7,
      cooldownMs: 3_600_000,
      perDay: 2,
      labelsMin: 0,
      breaker: 3,
      approve: true,
    },
  });
});

test("a label may be its presence alone, within a time, and ripen", () => {
  const text = replaced(
    smallText,
    label,
    "label: { topic: labels, on: payment_id, within: 1h, matureAfter: 7d }\n    gate: { recent: { rowsMin: 10 } }",
  );
  const plan = soundPlan(text, { schemas });
  expect(plan.models[0]?.label).toEqual({
    topic: "labels",
    on: "payment_id",
    field: undefined,
    withinMs: 3_600_000,
    matureAfterMs: 604_800_000,
  });
  expect(printPlan(plan)).toContain(
    "  label by presence in labels, joined by payment_id within 1h, its absence says false after 7d\n  gate recent on 10 to 5000 rows; before above no-skill; p99 within 5 ms; at most 5000000 bytes\n",
  );
});

test("the printed plan says when a model is trained again, and what follows", () => {
  const keys =
    'rollout: { shadow: { for: 1h } }\n    retrain: { on: [drift, { age: 7d }, { labels: 9 }, { schedule: "0 3 * * *" }], approve: true }';
  expect(printPlan(soundPlan(within(keys), { schemas }))).toContain(
    [
      "  scores beside the champion for 1h and 1000 records before it serves",
      "  trained again on drift, age 7d, 9 labels, schedule 0 3 * * *",
      "    full, of the newest 50000 rows, from 500 new labels on, approved by a person",
      "    cool-down 6h, 4 a day, breaker after 2 rejections",
    ].join("\n"),
  );
});

test("a topology with labels has a topic for requests, of one partition and a year", () => {
  const plan = soundPlan(smallText, { schemas });
  expect(plan.retraining?.group).toMatch(/\.trainer$/);
  expect(clusterNamesOf(plan)).toContain(plan.retraining?.clusterName);
  expect(
    topicsNeeded(plan, { topics: [], brokerCount: 1 }).find(({ topic }) => topic === plan.retraining?.clusterName),
  ).toEqual({
    topic: plan.retraining?.clusterName,
    partitions: 1,
    replication: undefined,
    configs: { "retention.ms": "31536000000" },
  });
});

describe("a rollout", () => {
  const shadowed = within("rollout: { shadow: { for: 1h } }");
  const topic = "small.score.shadow";

  test("has a topic for the scores of a challenger, with the partitions of the predictions and seven days", () => {
    const plan = soundPlan(shadowed, { schemas });
    expect(plan.stages.flatMap(({ infer }) => infer?.shadow ?? [])).toEqual([{ clusterName: topic }]);
    expect(clusterNamesOf(plan)).toContain(topic);
    const needed = topicsNeeded(plan, { topics: [], brokerCount: 1 }).find((one) => one.topic === topic);
    expect(needed).toEqual({
      topic,
      partitions: 2,
      replication: undefined,
      configs: { "retention.ms": "604800000" },
    });
    expect(printPlan(plan)).toContain(`  a challenger's scores go to ${topic}, 2 partitions, retention 7d\n`);
  });

  test("gives that topic room for larger records where the plan lets them through", () => {
    const plan = soundPlan(shadowed.replace("delivery:", "limits: { recordBytes: 2000000 }\ndelivery:"), { schemas });
    const needed = topicsNeeded(plan, { topics: [], brokerCount: 1 }).find((one) => one.topic === topic);
    expect(needed?.configs["max.message.bytes"]).toBe("2065536");
  });

  test("has none where there is no rollout", () => {
    expect(clusterNamesOf(soundPlan(smallText, { schemas }))).not.toContain(topic);
  });

  test("is refused where no stage serves the champion, and so nothing would ever score beside it", () => {
    const refusal =
      "t.yaml:36:14 MR_CONFLICT models.fraud.rollout: no stage infers fraud@champion: a version would have nothing to score beside, and never serve; infer fraud@champion in a stage, or write rollout: none";
    expect(problemLines(shadowed.replace("fraud@champion", "fraud@stable"), { schemas })).toEqual([refusal]);
    const without = shadowed
      .replace(/ {2}- name: score\n(.*\n)*?(?=models:)/, "")
      .replace(/ {2}- \{ name: truth.*\n/, "");
    expect(problemLines(without, { schemas }).join()).toContain("no stage infers fraud@champion");
    // A stage that is broken may be the one that is meant.
    expect(problemLines(shadowed.replace("fraud@champion", "fraudd@champion"), { schemas }).join()).not.toContain(
      "no stage infers",
    );
  });

  test("refuses a topic of the user's that is the same one, and a name that Kafka does not take", () => {
    const taken = shadowed.replace(
      "  features: {",
      "  odd: { name: small.score_shadow, format: json, external: true }\n  features: {",
    );
    expect(problemLines(taken, { schemas })).toContainEqual(
      expect.stringContaining(
        "MR_CONFLICT topics.odd.name: small.score_shadow is where a challenger of stage score writes its scores",
      ),
    );
    const name = `s${"x".repeat(62)}`;
    const long = shadowed.replace("name: score", `name: ${name}`).replace("name: small", `name: ${"t".repeat(63)}`);
    const namespace = "n".repeat(100);
    const said = problemLines(long, { schemas, namespace }).filter((line) => line.includes("challenger's scores"));
    const length = namespace.length + name.length + 63 + ".shadow".length + 2;
    expect(said).toHaveLength(length > 249 ? 1 : 0);
  });

  test("compares that topic with the one on the cluster", () => {
    const wanted = { topic, partitions: 2, replication: undefined, configs: {} };
    const found = { topic, partitions: 3, replication: 1, configs: {} };
    expect(compareTopic(wanted, found, "shadow", 1_000).blocks).toEqual([
      {
        message: `topic ${topic} has 3 partitions on the cluster and 2 in the plan`,
        hint: "delete it and run apply: a score is looked for in the partition of its prediction",
      },
    ]);
  });
});

test("a topology without labels has none", () => {
  const plan = soundPlan(replaced(smallText, `    ${label}\n`, ""), { schemas });
  expect(plan.retraining).toBeUndefined();
  expect(printPlan(plan)).not.toContain("retraining");
});

test.each<readonly [keys: string, ...said: string[]]>([
  [
    "rollout: { canary: { share: 0.1, for: 2h } }",
    "16 MR_UNSUPPORTED models.fraud.rollout.canary: this version does not have canary yet; write rollout: { shadow: { for: 2h } }, or rollout: none",
  ],
  ["rollout: {}", "14 MR_MISSING_KEY models.fraud.rollout: it says nothing; write rollout: { shadow: { for: 2h } }"],
  [
    "retrain: { on: [drift], mode: online }",
    "35 MR_UNSUPPORTED models.fraud.retrain.mode: this version does not have online yet; write mode: warm, which goes on from the version in service",
  ],
  [
    "retrain: { on: [webhook, { age: 7d }, webhook] }",
    "43 MR_CONFLICT models.fraud.retrain.on[2]: webhook is among the reasons already; remove it",
  ],
  [
    "retrain: { on: [drift, { age: 7d }, { age: 8d }] }",
    "41 MR_CONFLICT models.fraud.retrain.on[2]: age is among the reasons already; remove it",
  ],
  [
    "retrain: { on: [{}] }",
    "21 MR_MISSING_KEY models.fraud.retrain.on[0]: the entry gives no reason; write one of age, labels, schedule",
  ],
  [
    "retrain: { on: [{ age: 7d, labels: 5 }] }",
    "21 MR_CONFLICT models.fraud.retrain.on[0]: an entry is one reason: begin each with a hyphen of its own; write for example drift",
  ],
  [
    'retrain: { on: [{ schedule: "0 0 31 2 *" }] }',
    '33 MR_OUT_OF_RANGE models.fraud.retrain.on[0].schedule: expected the five fields of cron for a time that comes, such as 0 3 * * *; write for example schedule: "0 3 * * *"',
  ],
  [
    "gate: { recent: { rowsMin: 6000 } }",
    "21 MR_OUT_OF_RANGE models.fraud.gate.recent: rowsMin must not exceed rowsMax; write for example recent: { rowsMin: 300, rowsMax: 5000 }",
  ],
  [
    "gate: { slices: [amount] }",
    '22 MR_REFERENCE models.fraud.gate.slices[0]: there is no feature of the model, a text or a boolean, named "amount"; there is no feature of the model, a text or a boolean, named at all',
  ],
])("%s is refused", (keys, ...said) => {
  expect(refusals(keys)).toEqual(said);
});

describe("an alert that nothing can raise is no reason", () => {
  const monitors = (...entries: readonly string[]): string =>
    within(
      "retrain: { on: [{ age: 7d }, drift, performance] }",
      `${smallText}${entries.length === 0 ? "" : "monitors:\n"}${entries.map((entry) => `  - ${entry}\n`).join("")}`,
    );
  const drift =
    "t.yaml:36:34 MR_CONFLICT models.fraud.retrain.on[1]: no monitor looks at the features, predictions or labels of model fraud: drift would never ask for a training; write under monitors, for example: - { name: fraud-drift, on: features }";
  const performance =
    "t.yaml:36:41 MR_CONFLICT models.fraud.retrain.on[2]: no monitor looks at the predictions and labels together of model fraud: performance would never ask for a training; write under monitors, for example: - { name: fraud-performance, on: { predictions: predictions, labels: labels } }";

  test.each<readonly [entries: readonly string[], ...said: string[]]>([
    [[], drift, performance],
    [["{ name: lag, on: lag, warn: { seconds: 30 } }", "{ name: early, on: raw }"], drift, performance],
    [["{ name: inputs, on: features }"], performance],
    [["{ name: outputs, on: predictions }"], performance],
    [["{ name: truth, on: { predictions: predictions, labels: labels } }"], drift],
  ])("with the monitors %j", (entries, ...said) => {
    expect(problemLines(monitors(...entries), { schemas })).toEqual(said);
  });

  test("quality is one where a monitor of the topics says anything of it", () => {
    const asking = (entry: string) => monitors(entry).replace("drift, performance", "quality");
    const missing =
      "t.yaml:36:34 MR_CONFLICT models.fraud.retrain.on[1]: no monitor says anything of the quality of the features, predictions or labels of model fraud: quality would never ask for a training; write under monitors, for example: - { name: fraud-quality, on: features, metrics: [missing] }";
    expect(problemLines(asking("{ name: inputs, on: features }"), { schemas })).toEqual([missing]);
    const cure = missing.slice(missing.indexOf(" - {") + 3);
    expect(soundPlan(asking(cure), { schemas }).models[0]?.retrain?.on).toEqual([
      { kind: "age", ageMs: 7 * 24 * 3_600_000 },
      { kind: "quality" },
    ]);
  });

  test("an estimate is one where a monitor of the model makes any", () => {
    const asking = (entry: string) => monitors(entry).replace("drift, performance", "estimate");
    const missing =
      "t.yaml:36:34 MR_CONFLICT models.fraud.retrain.on[1]: no monitor estimates anything of model fraud: estimate would never ask for a training; write under monitors, for example: - { name: fraud-estimate, on: { predictions: predictions, labels: labels }, metrics: [estimated_auc] }";
    expect(
      problemLines(asking("{ name: truth, on: { predictions: predictions, labels: labels } }"), { schemas }),
    ).toEqual([missing]);
    const cure = missing.slice(missing.indexOf(" - {") + 3);
    expect(soundPlan(asking(cure), { schemas }).models[0]?.retrain?.on).toEqual([
      { kind: "age", ageMs: 7 * 24 * 3_600_000 },
      { kind: "estimate" },
    ]);
  });

  test("and the monitors that are named as the cure are one", () => {
    const cures = [drift, performance].map((line) => line.slice(line.indexOf(" - {") + 3));
    expect(soundPlan(monitors(...cures), { schemas }).models[0]?.retrain?.on).toHaveLength(3);
  });

  test("but a monitor that is broken may be the one that is meant", () => {
    const said = problemLines(monitors("{ name: inputs, on: featurs }"), { schemas });
    expect(said).toEqual([expect.stringContaining("MR_REFERENCE monitors[0].on")]);
  });
});

test("a model without a label cannot be trained again", () => {
  const text = replaced(smallText, label, "retrain: { on: [drift] }\n    gate: { before: false }");
  expect(problemLines(text, { schemas })).toEqual([
    "t.yaml:35:14 MR_CONFLICT models.fraud.retrain: without a label the model is never trained; say under label where training finds the truth",
    "t.yaml:36:11 MR_CONFLICT models.fraud.gate: without a label the model is never trained; say under label where training finds the truth",
  ]);
});

test("a label by presence alone has to ripen", () => {
  const text = replaced(smallText, label, "label: { topic: labels, on: payment_id }");
  expect(problemLines(text, { schemas })).toEqual([
    "t.yaml:35:12 MR_MISSING_KEY models.fraud.label: that a label is there says true, and nothing says false; name its field, or say with matureAfter when absence means false",
  ]);
});

test("a stage cannot take the name of the trainer's group", () => {
  const text = replaced(smallText, "name: features", "name: trainer");
  expect(problemLines(text, { schemas })).toEqual([
    expect.stringContaining(
      "MR_CONFLICT stages[1].name: a topology with labels has a group of the name trainer of its own; give the stage another name",
    ),
  ]);
});
