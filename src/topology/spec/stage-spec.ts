import { z } from "zod";
import type { StepDefinition } from "../../step/index.ts";
import { defaults } from "./defaults.ts";
import { errorsSpec } from "./errors-spec.ts";
import { valueFormat } from "./topic-spec.ts";
import { ahead, duration, kebabName, key, reference, startPosition, timesFromDate } from "./values.ts";

const fromSpec = z.strictObject({
  topic: key(reference, "Topic to read, by its name under topics.", "payments.inbox"),
  format: key(valueFormat, "How its values are encoded, when the topic does not say.", "json").optional(),
  start: key(
    startPosition,
    "Where to begin when nothing is committed yet: earliest (the default), latest or an ISO 8601 time.",
    "earliest",
  ).optional(),
  ahead: key(
    ahead,
    "How far an event time may lie after Kafka's timestamp before the record is refused, or none. Ingest stages only.",
    "10min",
    defaults.from.ahead,
  ).optional(),
  timesFrom: key(
    timesFromDate,
    "Earliest time that a bare number may mean, instead of 1973-03-03: numbers of milliseconds before it look like seconds, and are refused. Ingest stages only.",
    "1970-01-01",
  ).optional(),
  onLogChange: key(
    z.enum(["halt", "restart"]),
    "What follows when the log is no longer the one that was read, because the cluster lost its end or the topic was made anew: halt (the default), with the command to go on, or restart, which goes on by itself from where the log differs.",
    "restart",
  ).optional(),
  tombstones: key(
    z.enum(["dead-letter", "drop"]),
    "What becomes of records without a value: dead-letter (the default) or drop, which counts them as filtered under the reason `tombstone`. Ingest stages only.",
    "drop",
  ).optional(),
});

const toSpec = z.strictObject({
  topic: key(reference, "Topic to write, by its name under topics.", "payments.predictions"),
  format: key(valueFormat, "How its values are encoded, when the topic does not say.", "json").optional(),
});

const lateSpec = z.strictObject({
  within: key(duration, "How far behind stream time an event may be and still count.", "1h"),
  // biome-ignore lint/suspicious/noThenProperty: `then` is a word of the topology language, and nothing awaits a spec.
  then: key(z.enum(["dead-letter"]), "Where late records go.", "dead-letter").optional(),
});

const stateSpec = z
  .strictObject({
    volatile: key(
      z.boolean(),
      "True keeps what the steps remember in memory alone: no changelog is written, and a restart or a partition that moves starts empty.",
      true,
    ).optional(),
    keys: key(
      z.int().min(1).max(defaults.state.keys),
      "Keys that each store of a partition holds at most; one more halts the stage as MR_STATE_FULL.",
      5_000_000,
      defaults.state.keys,
    ).optional(),
    ttl: key(
      duration,
      "Time to live: a key whose last record lies further behind stream time is forgotten, and begins anew with its next record, also where a window or `within` looks back further. At least `late.within`. By default a key goes when nothing looks back to it any more.",
      "90d",
    ).optional(),
  })
  .refine((state) => Object.keys(state).length > 0, { error: "must say something: volatile, keys or ttl" });

/**
 * A stage without its steps, which are checked one by one: what is wrong with one step must not hide the rest.
 */
export const stageHead = z.strictObject({
  name: key(kebabName, "Name of the stage; its consumer group is `<topology>.<stage>`.", "clean"),
  from: key(
    z.union([reference, fromSpec]),
    "Topic to read, or a mapping that says more about the reading.",
    "payments.raw",
  ),
  to: key(z.union([reference, toSpec]), "Topic to write, or a mapping that says its format.", "payments.clean"),
  late: key(
    lateSpec,
    "What counts as late, for stages whose steps remember earlier records; by default the longest window, at least 1h and at most 1d.",
    // biome-ignore lint/suspicious/noThenProperty: as above.
    { within: "1h", then: "dead-letter" },
  ).optional(),
  state: key(stateSpec, "How what the steps remember is held, for stages whose steps remember earlier records.", {
    keys: 5_000_000,
  }).optional(),
  errors: key(errorsSpec, "What becomes of records that fail, by the place where they do.", {
    decode: "halt",
    produce: { retry: 5 },
  }).optional(),
});

export type StageHead = z.infer<typeof stageHead>;

/** One entry under `steps:`: a mapping of exactly one key, the kind of the step. */
function stepSpec(catalogue: readonly StepDefinition<unknown>[]): z.ZodType {
  const kinds: Record<string, z.ZodType> = {};
  for (const step of catalogue) kinds[step.kind] = key(step.config, step.summary, step.example).optional();
  return z.strictObject(kinds).meta({
    description: "One operation on each record.",
    minProperties: 1,
    maxProperties: 1,
  });
}

/** One entry under `stages:`, with the steps of the catalogue. */
export function stageSpec(catalogue: readonly StepDefinition<unknown>[]): z.ZodType {
  return stageHead
    .extend({
      steps: key(z.array(stepSpec(catalogue)), "Operations on each record, in this order.", [
        { require: ["payment_id"] },
      ]).optional(),
    })
    .meta({ description: "A consumer group with its steps." });
}
