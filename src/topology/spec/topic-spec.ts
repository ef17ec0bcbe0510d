import { z } from "zod";
import { duration, key, reference, topicName } from "./values.ts";

/** How values are encoded; csv is not there yet. */
export const valueFormat = z.enum(["json", "avro"]);

/** One entry under `topics:`. */
export const topicSpec = z
  .strictObject({
    schema: key(
      reference,
      "Name of the Avro schema in schemas/ (without .avsc), or `inferred` for the schema that follows from the steps.",
      "inferred",
    ).optional(),
    format: key(
      valueFormat,
      "How values are encoded; avro in Confluent's framing unless said otherwise.",
      "json",
    ).optional(),
    external: key(
      z.boolean(),
      "True for a topic that others make: it is never created here and stands outside the namespace.",
      true,
    ).optional(),
    name: key(
      topicName,
      "Name on the cluster when it differs from the name used in this file.",
      "payments.inbox",
    ).optional(),
    key: key(reference, "Field whose value, as text, is the record's key.", "customer_id").optional(),
    time: key(
      reference,
      "Field that holds the event time; `$kafka` on a topic that an ingest stage writes takes Kafka's timestamp.",
      "paid_at",
    ).optional(),
    partitions: key(
      z.int().min(1).max(10_000),
      "Number of partitions; inherited from the input of the stage that writes the topic.",
      4,
    ).optional(),
    retention: key(duration, "How long records are kept; the broker's default when left out.", "7d").optional(),
    replication: key(
      z.int().min(1).max(20),
      "Copies of each partition; the broker's default when left out.",
      3,
    ).optional(),
  })
  .meta({ description: "A Kafka topic that the stages read or write." });

export type TopicSpec = z.infer<typeof topicSpec>;
