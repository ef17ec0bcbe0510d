import type { RecordSchema } from "../../schema/index.ts";

export type ValueFormat = "avro" | "json";

/** A topic of the topology, resolved. */
export interface PlannedTopic {
  /** As in the file; what every reference uses. */
  readonly name: string;
  /** On the cluster: `name:` or the key, behind the namespace unless external. */
  readonly clusterName: string;
  readonly external: boolean;
  readonly format: ValueFormat;
  /** Subject in the registry: `<clusterName>-value`; undefined for JSON. */
  readonly subject: string | undefined;
  /** Undefined for an external topic without `schema`. */
  readonly schema: RecordSchema | undefined;
  readonly schemaFrom: "file" | "inferred" | "none";
  readonly key: string | undefined;
  /** The event-time field of the value. */
  readonly time: string | undefined;
  /** True when the file says `time: $kafka`: the ingest puts Kafka's timestamp into the field `event_time`. */
  readonly timeFromKafka: boolean;
  /** Undefined for an external topic that does not say. */
  readonly partitions: number | undefined;
  /** Undefined leaves it to the broker, like `replication`. */
  readonly retentionMs: number | undefined;
  readonly replication: number | undefined;
  /** Stages that write it, by name. */
  readonly writers: readonly string[];
  /** Fields of an inferred schema that records of some registered version lack: they are read as their default. */
  readonly olderLack: readonly string[];
}

/** A topic of Millrace's own that holds what a store holds: compacted, partition n for task n. */
export interface PlannedChangelog {
  /** `<namespace.><topology>.<stage>.<store>.changelog`. */
  readonly clusterName: string;
  /** Those of the stage's input; undefined while an external input does not say. */
  readonly partitions: number | undefined;
}
