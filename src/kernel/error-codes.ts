/**
 * The closed table of codes. Every code that a user can meet is here, in the reference page made from
 * it, and nowhere else; a test compares the three.
 *
 * - `record`: one record could not be processed; it is in the dead letters.
 * - `config`: a topology, schema or flag is wrong; nothing ran.
 * - `warning`: odd but safe; the command went on.
 * - `operation`: the world did not do what was asked.
 */
export const errorCodes = {
  MR_DECODE_MAGIC: { kind: "record", meaning: "The value does not begin with the byte 0 of Confluent's framing." },
  MR_DECODE_SHORT: { kind: "record", meaning: "The value is shorter than the 5 bytes of Confluent's framing." },
  MR_DECODE_UNKNOWN_SCHEMA: { kind: "record", meaning: "The registry does not know the schema id of the value." },
  MR_DECODE_BODY: { kind: "record", meaning: "The bytes after the schema id do not fit the schema." },
  MR_BATCH_CORRUPT: {
    kind: "record",
    meaning: "A stored record batch is damaged or lies about its size: one dead letter for all of its records.",
  },
  MR_PARSE: { kind: "record", meaning: "The value is empty, null or not JSON." },
  MR_REQUIRED: { kind: "record", meaning: "A required field or the key is missing or null." },
  MR_CAST: { kind: "record", meaning: "A field has the wrong type, or a time is out of range." },
  MR_EXPRESSION: { kind: "record", meaning: "An expression gave a number that is not finite." },
  MR_LATE: { kind: "record", meaning: "The event time is older than stream time minus the allowed lateness." },
  MR_TOO_LARGE: { kind: "record", meaning: "The record is larger than limits.recordBytes or a topic's own limit." },
  MR_REFUSED: { kind: "record", meaning: "The broker refused the output or dead letter, with the code it says." },
  MR_INFER: { kind: "record", meaning: "The model gave no finite score for the record." },
  MR_RULE: { kind: "record", meaning: "A data rule of the schema's contract does not hold." },

  MR_YAML: { kind: "config", meaning: "The file is not readable YAML." },
  MR_UNKNOWN_KEY: { kind: "config", meaning: "A key, step or name that the topology language does not have." },
  MR_MISSING_KEY: { kind: "config", meaning: "A key that must be there is not." },
  MR_WRONG_TYPE: { kind: "config", meaning: "A value has the wrong type." },
  MR_OUT_OF_RANGE: { kind: "config", meaning: "A value is outside the allowed range or set." },
  MR_REFERENCE: { kind: "config", meaning: "A topic, stage, field, model or schema that does not exist." },
  MR_CONFLICT: { kind: "config", meaning: "Two things that exclude each other, or one name used twice." },
  MR_AMBIGUOUS: { kind: "config", meaning: "Several things are meant by what is written, and none is taken." },
  MR_UNSUPPORTED: { kind: "config", meaning: "A key or flag that this version does not have yet." },
  MR_ENVIRONMENT: {
    kind: "config",
    meaning: "An environment variable or file that a value names is not set or not readable.",
  },
  MR_EXPRESSION_SYNTAX: { kind: "config", meaning: "An expression cannot be parsed." },
  MR_EXPRESSION_TYPE: { kind: "config", meaning: "An expression does not fit the types of its fields." },
  MR_SCHEMA: { kind: "config", meaning: "An Avro schema is not valid, or is not usable where it stands." },
  MR_SCHEMA_INCOMPATIBLE: { kind: "config", meaning: "A schema cannot read data written with its predecessor." },
  MR_EVENT_ID: { kind: "config", meaning: "A schema of a written topic lacks event_id, or an input brings its own." },
  MR_RESERVED: { kind: "config", meaning: "A field name that a prediction record needs for itself." },
  MR_KEY: { kind: "config", meaning: "A key, key change or partition count that would break the order per key." },
  MR_TIME: { kind: "config", meaning: "A step needs event time and the topic has none." },
  MR_CYCLE: { kind: "config", meaning: "Stages feed each other in a circle." },
  MR_UNFED: { kind: "config", meaning: "A stage reads a topic that no stage writes and that is not external." },
  MR_LABEL_KEEP: { kind: "config", meaning: "The field that joins labels is not kept in the predictions." },
  MR_TEST_FAILED: { kind: "config", meaning: "A case under tests does not hold." },
  MR_USAGE: { kind: "config", meaning: "A command, flag or argument is wrong." },

  MR_YAML_READING: {
    kind: "warning",
    meaning:
      "YAML reads something else than people do: a comment inside an expression, an anchor, zeros before a number.",
  },
  MR_STATE_VOLATILE: {
    kind: "warning",
    meaning: "A volatile stage keeps its stores in memory alone: a restart or a lost partition starts them empty.",
  },
  MR_STORE_NAME: {
    kind: "warning",
    meaning: "A store has no name of its own, so that an edit of the steps may lose its state.",
  },
  MR_STATE_MOVED: {
    kind: "warning",
    meaning: "The offset of a task with stores was committed by somebody else; the stores keep what they have learnt.",
  },
  MR_SNAPSHOT: {
    kind: "warning",
    meaning:
      "A snapshot of a store cannot be used or written; the state is read from its changelog, which takes longer.",
  },
  MR_STATE_EMPTY: {
    kind: "warning",
    meaning:
      "A store starts empty although its task has read records before: nothing was written down in its changelog. It is whole again after its longest window.",
  },
  MR_MIXED_BACKLOG: {
    kind: "warning",
    meaning: "Ingest changes key or partition count: a backlog arrives mixed and may be late.",
  },
  MR_ALIAS: { kind: "warning", meaning: "An alias names another field of its own record, and is not looked at." },
  MR_INPUT_RANGE: {
    kind: "warning",
    meaning: "An input of a model lies beyond its trained range by more than half of it; the model gets the end.",
  },
  MR_EXPOSED: { kind: "warning", meaning: "A password crosses a network in the clear." },
  MR_VARIABLE_UNKNOWN: { kind: "warning", meaning: "A variable begins with MILLRACE_ and is none that is read." },
  MR_BROKER_FULL: { kind: "warning", meaning: "The in-process broker drops old records to stay within its memory." },
  MR_NO_JUDGE: { kind: "warning", meaning: "A process runs stages with monitors and not what judges them." },
  MR_HOOK: {
    kind: "warning",
    meaning: "A model is trained on alerts of others, and nobody hears them, or what was posted was not taken.",
  },
  MR_AHEAD_WIDE: { kind: "warning", meaning: "Events may be dated further ahead than a later stage allows lateness." },

  MR_PARTITION: {
    kind: "warning",
    meaning:
      "A partition cannot be read or written: it has no leader or too few replicas, or its broker does not answer.",
  },
  MR_QUOTA: { kind: "warning", meaning: "A broker holds this client back, as a quota of the cluster says." },
  MR_BROKER: { kind: "operation", meaning: "Kafka cannot be reached or refuses the request." },
  MR_REGISTRY: { kind: "operation", meaning: "The schema registry cannot be reached or refuses the request." },
  MR_TOPIC_MISSING: { kind: "operation", meaning: "A topic does not exist on the cluster." },
  MR_TOPIC_MISMATCH: { kind: "operation", meaning: "A topic on the cluster differs from the plan." },
  MR_SUBJECT_MISSING: { kind: "operation", meaning: "A schema is not registered under its subject." },
  MR_OFFSET_RANGE: { kind: "operation", meaning: "The offset to read is no longer, or not yet, in the log." },
  MR_LOG_CHANGED: {
    kind: "operation",
    meaning: "A partition's log was cut back or its topic made anew: what was read is no longer in it.",
  },
  MR_RECORD_REFUSED: { kind: "operation", meaning: "The broker refuses a record." },
  MR_CLIENT_PATCH: {
    kind: "operation",
    meaning: "The Kafka client on disk is not the version this was built against.",
  },
  MR_STATE_CHANGED: { kind: "operation", meaning: "A store on the cluster is not as the plan has it." },
  MR_STATE_IN_USE: { kind: "operation", meaning: "A store is to be emptied while workers of its stage run." },
  MR_STATE_FULL: { kind: "operation", meaning: "A store of a task holds as many keys as it can." },
  MR_STATE_CORRUPT: {
    kind: "operation",
    meaning: "An entry of a changelog cannot be read: the log is damaged, or others have written to it.",
  },
  MR_MODEL_MISSING: {
    kind: "operation",
    meaning:
      "A model has no version yet, and its stage waits for one; or one that predictions were made with is gone from the models directory.",
  },
  MR_MODEL: { kind: "operation", meaning: "A model version is missing, damaged or does not fit the features." },
  MR_TRAINING: { kind: "operation", meaning: "Training cannot be done on the rows found." },
  MR_BASELINE: { kind: "operation", meaning: "A monitor's baseline cannot be measured on what its topic holds." },
  MR_DEV_SESSION: { kind: "operation", meaning: "No running dev session answers." },
  MR_FENCED: { kind: "operation", meaning: "Another process has begun to write what one at a time may write." },
  MR_GROUP: { kind: "operation", meaning: "A consumer group did not rebalance in order, or a task was opened again." },
  MR_INSTANCE: { kind: "operation", meaning: "Another process has joined under the same instance id; this one ends." },
  MR_WORKER: { kind: "operation", meaning: "The worker process of a supervised run died, or had to be killed." },
  MR_UNBALANCED: {
    kind: "operation",
    meaning:
      "What became of records does not add up to what was read. Nothing of them was committed: a bug in Millrace.",
  },
  MR_DRAIN_TIMEOUT: { kind: "operation", meaning: "A stop took longer than it may; what was in hand is done again." },
  MR_INTERNAL: { kind: "operation", meaning: "A bug in Millrace, or an error that nobody foresaw." },
  MR_NOTIFY: { kind: "operation", meaning: "Somebody could not be told of an alert." },
  MR_IO: { kind: "operation", meaning: "A file cannot be read or written." },
} as const satisfies Record<`MR_${string}`, { kind: "record" | "config" | "warning" | "operation"; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** The codes a dead letter can carry. */
export type RecordErrorCode = {
  [C in ErrorCode]: (typeof errorCodes)[C]["kind"] extends "record" ? C : never;
}[ErrorCode];
