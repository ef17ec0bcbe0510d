import { z } from "zod";
import { parseSchedule } from "../../training/index.ts";
import { defaults } from "./defaults.ts";
import { duration, key, reference } from "./values.ts";

/** Everything under `models.<name>.label`. */
export const labelSpec = z.strictObject({
  topic: key(reference, "Topic that says, later, what came true.", "payments.labels"),
  on: key(reference, "Field that joins a label to its features; predictions must keep it.", "payment_id"),
  field: key(
    reference,
    "Boolean or number that is to be predicted; any value but 0, 1, true, false and null stops the training. Left out, that a label is there says true; absence says false only with matureAfter.",
    "is_fraud",
  ).optional(),
  within: key(
    duration,
    "A label counts for the events of its key that lie at most so long before it. Left out, for all events of its key.",
    "1h",
  ).optional(),
  matureAfter: key(
    duration,
    "How long after an event the absence of a label means false, once the label topic's own time has passed that. Left out, absence says nothing.",
    "7d",
  ).optional(),
});

const { gate, shadow, retrain } = defaults;

const rowsMax = 1_000_000;

const recentSpec = z
  .strictObject({
    rowsMin: key(z.int().min(1).max(rowsMax), "Fewer rows decide nothing.", 300, gate.rowsMin).optional(),
    rowsMax: key(z.int().min(1).max(rowsMax), "The newest so many are looked at.", 5000, gate.rowsMax).optional(),
  })
  .refine((recent) => (recent.rowsMin ?? gate.rowsMin) <= (recent.rowsMax ?? gate.rowsMax), {
    error: "rowsMin must not exceed rowsMax",
  });

const off = z.literal(false);

/** Everything under `models.<name>.gate`; `false` switches a check off. */
export const gateSpec = z.strictObject({
  recent: key(
    z.union([off, recentSpec]),
    "On the newest rows, which neither version has learned from, no worse than the version in service. false switches it off.",
    { rowsMin: 300, rowsMax: 5000 },
  ).optional(),
  before: key(
    z.union([off, z.strictObject({ floor: key(z.enum(["no-skill"]), "A model that knows no inputs.", "no-skill") })]),
    "On the rows before those, better than a model that knows nothing but how often the label is true. false switches it off.",
    { floor: "no-skill" },
    { floor: gate.floor },
  ).optional(),
  slices: key(
    z.array(reference).max(20),
    "Features, texts or booleans, each of whose values is looked at by itself.",
    ["country"],
    [],
  ).optional(),
  sliceFloor: key(
    z.number().positive().max(100),
    "By how much the mean loss of such a part may grow, in nats per row.",
    0.05,
    gate.sliceFloor,
  ).optional(),
  latencyP99Ms: key(
    z.union([off, z.number().positive().max(60_000)]),
    "Longest time that 99 of 100 rows may take to score, in milliseconds. false switches it off.",
    5,
    gate.latencyP99Ms,
  ).optional(),
  sizeBytes: key(
    z.union([off, z.int().min(1).max(1_000_000_000)]),
    "Largest size of the model's own files. false switches it off.",
    5_000_000,
    gate.sizeBytes,
  ).optional(),
});

const shadowSpec = z.strictObject({
  for: key(duration, "So much event time of the stage that scores.", "2h", shadow.for).optional(),
  recordsMin: key(
    z.int().min(1).max(1_000_000_000),
    "So many records of it; both are to be reached.",
    1000,
    shadow.recordsMin,
  ).optional(),
});

/** Everything under `models.<name>.rollout`. */
export const rolloutSpec = z.union([
  z.enum(["none"]),
  z.strictObject({
    shadow: key(
      shadowSpec,
      "The new version first scores beside the one that serves, as challenger: its scores go to <topology>.<stage>.shadow, and one that fails is not promoted.",
      {
        for: "2h",
      },
    ).optional(),
  }),
]);

const oneTrigger = z
  .strictObject({
    age: key(duration, "So much event time after the version was put in service.", "7d").optional(),
    labels: key(z.int().min(1).max(1_000_000_000), "So many labels since the last training.", 5000).optional(),
    schedule: key(
      z.string().refine((text) => parseSchedule(text) !== undefined, {
        error: "expected the five fields of cron for a time that comes, such as 0 3 * * *",
      }),
      "By the clock in UTC: minute, hour, day of the month, month, day of the week.",
      "0 3 * * *",
    ).optional(),
  })
  .refine((entry) => Object.keys(entry).length <= 1, {
    error: "an entry is one reason: begin each with a hyphen of its own",
    params: { code: "MR_CONFLICT" },
  });

/** Everything under `models.<name>.retrain`. */
export const retrainSpec = z.strictObject({
  on: key(
    z.array(z.union([z.enum(["drift", "performance", "estimate", "quality", "webhook"]), oneTrigger])).min(1),
    "Reasons: drift is an alert of a monitor on the model's features, predictions or labels, performance one of a monitor on its predictions and labels together, estimate one of what such a monitor estimates before labels are there, quality one of the state of rows on the topics that drift looks at. What was broken is learned from when it is whole again: of quality the request comes when its incident has closed. webhook is an alert of somebody else that names the model, as Alertmanager posts it to a run with --http and MILLRACE_HOOK_TOKEN_FILE.",
    ["drift", { age: "7d" }],
  ),
  mode: key(
    z.enum(["full", "warm"]),
    "What a training begins with: nothing (full), or the version in service (warm).",
    "full",
    retrain.mode,
  ).optional(),
  rows: key(
    z.int().min(1).max(1_000_000_000),
    "So many of the newest rows are learned from.",
    50_000,
    retrain.rows,
  ).optional(),
  cooldown: key(duration, "Event time after a request in which no other is made.", "6h", retrain.cooldown).optional(),
  perDay: key(z.int().min(1).max(1_000), "Requests in a day of event time, at most.", 4, retrain.perDay).optional(),
  labelsMin: key(
    z.int().min(0).max(1_000_000_000),
    "Labels since the last training without which there is none.",
    500,
    retrain.labelsMin,
  ).optional(),
  breaker: key(
    z.int().min(1).max(100),
    "After so many versions in a row that did not pass within one incident, nothing but age asks again for a day of event time.",
    2,
    retrain.breaker,
  ).optional(),
  approve: key(
    z.boolean(),
    "A version that has passed waits until a person approves it.",
    true,
    retrain.approve,
  ).optional(),
});

export type GateEntry = z.infer<typeof gateSpec>;
export type RolloutEntry = z.infer<typeof rolloutSpec>;
export type RetrainEntry = z.infer<typeof retrainSpec>;
