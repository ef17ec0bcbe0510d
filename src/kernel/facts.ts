import type { ErrorCode } from "./error-codes.ts";
import type { MetricName } from "./metrics.ts";
import type { Logger, ProblemFields } from "./ports.ts";
import { Tallies } from "./tallies.ts";

/** What a field of a fact holds; with `?` it may be left out. An error code stands for itself and is not given. */
type FieldKind = "text" | "text?" | "number" | "number?" | "number or null" | "texts" | "code" | ErrorCode;

/** What a metric takes of a fact: a field, or 1 for the fact itself; and the fields that its labels show. */
interface Feed {
  readonly by: string | 1;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * One thing that can happen.
 *
 * `says` makes a log line of it, whose fields are those listed, in their order; a field that the sentence names in
 * braces stands only there. `feeds` adds to metrics.
 */
export interface FactDefinition {
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly level?: "debug" | "info" | "warn" | "error";
  readonly says?: string;
  readonly feeds?: { readonly [M in MetricName]?: Feed };
}

/**
 * Everything that code says of itself while it runs: once per event, or once per chunk, never per record. A new one is
 * one line here; log lines, counts and `/metrics` follow from it.
 */
// biome-ignore format: one line each, so that the table can be read as one
export const facts = {
  // What became of a chunk.
  chunkCommitted: { fields: { task: "number", in: "number", out: "number", late: "number", seconds: "number" }, feeds: { millrace_records_in_total: { by: "in" }, millrace_records_out_total: { by: "out" }, millrace_late_records_total: { by: "late" }, millrace_commits_total: { by: 1 }, millrace_stage_duration_seconds: { by: "seconds" } } },
  recordsFiltered: { fields: { task: "number", reason: "text", count: "number" }, feeds: { millrace_records_filtered_total: { by: "count", labels: { reason: "reason" } } } },
  recordsFailed: { fields: { task: "number", code: "code", count: "number" }, feeds: { millrace_record_errors_total: { by: "count", labels: { error_class: "code" } }, millrace_dlq_records_total: { by: "count", labels: { error_class: "code" } } } },
  recordsLate: { fields: { task: "number", code: "MR_LATE", count: "number" }, feeds: { millrace_dlq_records_total: { by: "count", labels: { error_class: "code" } } } },
  eventsDone: { fields: { task: "number", seconds: "number" }, feeds: { millrace_end_to_end_latency_seconds: { by: "seconds" } } },
  rowsScored: { fields: { seconds: "number" }, feeds: { millrace_inference_duration_seconds: { by: "seconds" } } },

  // The life of a task.
  tasksChanged: { fields: {}, feeds: { millrace_rebalances_total: { by: 1 } } },
  taskReopened: { level: "warn", says: "The task is opened again.", fields: { task: "number", code: "code", reason: "text", state: "text" }, feeds: { millrace_reopenings_total: { by: 1, labels: { error_class: "code" } } } },
  taskDegraded: { level: "error", says: "The task is degraded: it could not be reopened for 30 s.", fields: { task: "number", code: "MR_GROUP", attempts: "number" } },
  taskUnscored: { level: "error", says: "The task is degraded: its scorer does not answer.", fields: { task: "number", code: "MR_MODEL", reason: "text" } },
  taskWell: { level: "info", says: "The task works again.", fields: { task: "number" } },
  taskLost: { level: "info", says: "The task is lost.", fields: { task: "number", reason: "text" } },
  storesEmptied: { level: "warn", says: "Another member has worked on the partition; its stores start empty.", fields: { task: "number", code: "MR_STATE_VOLATILE", offset: "number" } },
  storesRestoring: { level: "info", says: "The stores are being restored.", fields: { task: "number", percent: "number", secondsLeft: "number" } },
  restoreStalled: { level: "warn", says: "The restore of a task stands still: nothing can be read of its changelog; it goes on by itself.", fields: { task: "number", code: "MR_BROKER", waitsFor: "text", waitedSeconds: "number" } },
  storesRestored: { level: "info", says: "The stores are restored.", fields: { task: "number", entries: "number", fromSnapshots: "number?", seconds: "number" } },
  snapshotIgnored: { level: "warn", says: "A snapshot is of no use; the store is read from its changelog alone.", fields: { task: "number", code: "MR_SNAPSHOT", store: "text", reason: "text" } },
  snapshotTaken: { level: "debug", says: "A snapshot was taken.", fields: { task: "number", store: "text", entries: "number", bytes: "number", seconds: "number" }, feeds: { millrace_snapshots_total: { by: 1 } } },
  snapshotFailed: { fields: { task: "number" }, feeds: { millrace_snapshot_failures_total: { by: 1 } } },
  snapshotsPaused: { level: "warn", says: "Snapshots cannot be written; the work goes on, and they are tried again.", fields: { code: "MR_SNAPSHOT", reason: "text" } },
  snapshotsResumed: { level: "info", says: "Snapshots are written again.", fields: {} },
  snapshotsElsewhere: { level: "warn", says: "Another process keeps the task's snapshots in the state directory; this one takes none.", fields: { task: "number", code: "MR_SNAPSHOT" } },
  storeEmpty: { level: "warn", says: "A store has nothing written down and starts empty, although records were read before.", fields: { task: "number", code: "MR_STATE_EMPTY", store: "text", offset: "number", wholeAfterSeconds: "number" } },
  offsetMoved: { level: "warn", says: "Somebody else has committed the offset of a task with stores; these keep what they have learnt, and records that are read again count twice.", fields: { task: "number", code: "MR_STATE_MOVED", offset: "number" } },
  recordRefused: { level: "warn", says: "A record was refused; its input becomes a dead letter.", fields: { task: "number", topic: "text", partition: "number", code: "MR_RECORD_REFUSED" } },
  refusalStops: { level: "error", says: "A record that cannot be named or set aside was refused; the offset stops here.", fields: { task: "number", topic: "text", partition: "number", code: "MR_RECORD_REFUSED" } },
  recordsDeleted: { level: "error", says: "Records were deleted by the topic's retention before they were read.", fields: { task: "number", code: "MR_OFFSET_RANGE", from: "number", to: "number" } },
  recordUnforeseen: { level: "error", says: "An error that nobody foresaw was thrown for a record; it is in the dead letters.", fields: { partition: "number", code: "code", error: "text" } },
  countsUnbalanced: { level: "error", says: "What became of a chunk's records does not add up to what was read; it is not committed.", fields: { task: "number", code: "MR_UNBALANCED", in: "number", fates: "number" } },

  // The life of a stage.
  storesVolatile: { level: "warn", says: "Stores live in memory: a restart or a lost partition starts them empty.", fields: { code: "MR_STATE_VOLATILE", stores: "texts" } },
  stageHalted: { level: "error", says: "The stage is halted.", fields: { code: "code", reason: "text", error: "text" } },
  commitMissedAtStop: { level: "error", says: "A task could not commit while its stage stopped; its chunk is done again later.", fields: { code: "code", reason: "text", error: "text" } },
  groupNotLeft: { level: "warn", says: "The group was not left in order.", fields: { code: "code", reason: "text" } },
  inputGrown: { level: "info", says: "The input topic has more partitions, and they are read.", fields: { topic: "text", from: "number", to: "number" } },
  inputGrownUnderStores: { level: "warn", says: "The input topic has more partitions: keys move between tasks, and a key's rows lie in two of them until the older ones age out.", fields: { topic: "text", from: "number", to: "number", code: "MR_KEY", stores: "texts" } },
  outputGrown: { level: "warn", says: "The output topic has more partitions: this stage writes to those it found until it starts again, and then the same key goes to another partition.", fields: { topic: "text", from: "number", to: "number", code: "MR_KEY" } },
  partitionsUncounted: { level: "debug", says: "The partitions of the stage's topics could not be counted.", fields: { reason: "text" } },
  modelAwaited: { level: "info", says: "waiting for model {model}: run millrace train", fields: { model: "text" } },
  modelStoreSilent: { level: "warn", says: "The model store does not answer; it is asked again.", fields: { model: "text", version: "number", code: "MR_MODEL", waitedSeconds: "number" } },
  heartbeatsUnsent: { level: "warn", says: "Tasks could not say how far they are; the judge of the monitors waits for them.", fields: { code: "code", topic: "text", reason: "text" } },
  modelServed: { level: "info", says: "The model is in service.", fields: { model: "text", version: "number" } },

  // The life of a worker.
  workerReady: { level: "info", says: "Ready.", fields: { stages: "texts" } },
  stageCounted: { level: "info", says: "Stage counts.", fields: { stage: "text", status: "text", in: "number", out: "number", filtered: "number", late: "number", deadLetters: "number", lag: "number or null" } },
  catchUpBlocked: { level: "error", says: "{blockedBy}", fields: { stage: "text", code: "code", blockedBy: "text" } },
  drainFailed: { level: "error", says: "Draining a stage ended with an error.", fields: { stage: "text", code: "code", reason: "text" } },
  drainTimedOut: { level: "error", says: "Draining took too long; what was in hand is done again later.", fields: { code: "MR_DRAIN_TIMEOUT", drainTimeoutMs: "number" } },
  stageRevived: { level: "info", says: "The stage's topics are there again; it goes on.", fields: {} },
  drainUnanswered: { level: "warn", says: "No broker answers; what was in hand is done again later.", fields: { code: "MR_BROKER" } },
  loopBlocked: { level: "warn", says: "The process stood still; its groups may have taken it for dead, which costs a rebalance.", fields: { code: "MR_GROUP", blockedMs: "number" } },
  workerStarted: { level: "info", says: "Worker started.", fields: { pid: "number" } },
  workerDied: { level: "error", says: "The worker died; it is started again in its place.", fields: { code: "MR_WORKER", how: "text", deaths: "number" } },
  workerGivenUp: { level: "error", says: "The worker died five times within a minute; the run ends. Its own last lines say of what.", fields: { code: "MR_WORKER", how: "text", deaths: "number" } },
  workerKilled: { level: "error", says: "The worker did not end in time and was killed; what was in hand is done again later.", fields: { code: "MR_DRAIN_TIMEOUT", drainTimeoutMs: "number" } },
  slotsGivenUp: { level: "warn", says: "The dead worker's partitions are given to other workers.", fields: { code: "MR_WORKER", groups: "texts" } },
  slotsNotGivenUp: { level: "warn", says: "The dead worker's groups could not be told; they wait for its session.", fields: { code: "code", reason: "text" } },
  workerEnded: { level: "debug", says: "The worker has ended.", fields: {} },

  // Schemas and their registry.
  registryAwaited: { level: "warn", says: "The schema registry does not answer; waiting for it.", fields: { schemaId: "number?", code: "code", reason: "text", waitedSeconds: "number" }, feeds: { millrace_schema_registry_waits_total: { by: 1 } } },
  registryAnswers: { level: "info", says: "The schema registry answers again.", fields: { schemaId: "number?" } },
  writerSchemaUnread: { level: "warn", says: "A writer schema cannot be read.", fields: { schemaId: "number", code: "MR_DECODE_BODY", reason: "text" } },
  fieldNeverFits: { level: "warn", says: "A field of this writer schema never fits; its records become dead letters.", fields: { schemaId: "number", field: "text", code: "MR_CAST", reason: "text" } },

  // The cluster and its partitions, as a client sees them.
  clusterSilent: { level: "warn", says: "The cluster does not answer; waiting for it.", fields: { code: "MR_BROKER", brokers: "texts" } },
  clientHeldBack: { level: "warn", says: "The broker holds this client back, as a quota says; what it sends waits.", fields: { code: "MR_QUOTA", broker: "text", clientId: "text", forMs: "number" } },
  partitionsUnread: { level: "warn", says: "Partitions cannot be read; the others go on.", fields: { code: "MR_PARTITION", topic: "text", partitions: "texts", node: "number?", reason: "text", forMs: "number" } },
  partitionsUnwritten: { level: "warn", says: "Partitions cannot be written to; whoever writes to them waits.", fields: { code: "MR_PARTITION", topic: "text", partitions: "texts", node: "number?", reason: "text", forMs: "number" } },
  partitionsReadAgain: { level: "info", says: "Partitions are read again.", fields: { topic: "text", partitions: "texts", forMs: "number" } },
  partitionsWrittenAgain: { level: "info", says: "Partitions are written to again.", fields: { topic: "text", partitions: "texts", forMs: "number" } },
  batchDamaged: { level: "warn", says: "A fetched batch is damaged.", fields: { code: "MR_BATCH_CORRUPT", partition: "text", reason: "text" } },
  batchPassedOver: { level: "error", says: "A damaged batch is passed over as one dead letter.", fields: { code: "MR_BATCH_CORRUPT", partition: "text", reason: "text", offsets: "text" } },
  recordsGone: { level: "error", says: "Records were deleted by retention before they were read.", fields: { partition: "text", position: "number", first: "number", code: "MR_OFFSET_RANGE" } },
  recordsDropped: { level: "error", says: "Records were deleted by retention before they were read.", fields: { topic: "text", partition: "number", position: "number", first: "number", code: "MR_OFFSET_RANGE" } },
  logChanged: { level: "error", says: "The log of a partition has changed; its task begins anew where it differs.", fields: { code: "MR_LOG_CHANGED", partition: "text", position: "number", to: "number", change: "text" } },
  fetchRepeated: { level: "debug", says: "A fetch did not succeed and is repeated.", fields: { node: "number", reason: "text" } },
  clientSpoke: { level: "debug", says: "Kafka client spoke.", fields: { part: "text", broker: "text?", detail: "text" } },
  brokerFull: { level: "warn", says: "The in-process broker drops the oldest records of a topic.", fields: { code: "MR_BROKER_FULL", topic: "text", partition: "number", logStartOffset: "number", limit: "text" } },

  // A member and its group.
  groupJoined: { level: "debug", says: "Joined the group.", fields: { group: "text", generation: "number", tasks: "texts" } },
  groupLeftUnanswered: { level: "debug", says: "The group was left without an answer.", fields: { group: "text", reason: "text" } },
  heartbeatUnanswered: { level: "debug", says: "A heartbeat was not answered.", fields: { group: "text", reason: "text" } },
  inputsUncounted: { level: "debug", says: "The partitions of the inputs could not be counted.", fields: { group: "text", reason: "text" } },
  inputsGrown: { level: "info", says: "An input has more partitions; the group shares them out.", fields: { group: "text" } },
  tasksGivenBackLate: { level: "warn", says: "Tasks were not given back in time; the group goes on without waiting for them.", fields: { code: "MR_GROUP", group: "text" } },
  tasksThrewAtRevoke: { level: "warn", says: "Tasks threw while they were given back.", fields: { code: "MR_GROUP", group: "text", reason: "text" } },
  memberRevokesLate: { level: "warn", says: "A member took too long to revoke its tasks.", fields: { code: "MR_GROUP", group: "text", generation: "number" } },
  memberThrewAtRevoke: { level: "warn", says: "A member threw while it revoked its tasks.", fields: { code: "MR_GROUP", group: "text", reason: "text" } },
  instanceDisputed: { level: "warn", says: "Another process starts under the same instance id; one of them ends.", fields: { code: "MR_INSTANCE", group: "text" } },
  memberGivenUp: { level: "warn", says: "The group had given this member up; it joins again.", fields: { code: "MR_GROUP", group: "text" } },
  offsetsLost: { level: "warn", says: "The group has lost offsets that were committed; it goes on from older ones.", fields: { code: "MR_GROUP", group: "text", tasks: "texts" } },
  offsetsDoubted: { level: "info", says: "The group answers older offsets than were committed; it is asked again.", fields: { group: "text", tasks: "texts" } },
  taskCommitsApart: { level: "debug", says: "A task commits by itself for a while.", fields: { group: "text", task: "text" } },
  transactionNotAborted: { level: "debug", says: "A transaction could not be aborted.", fields: { transactionalId: "text", reason: "text" } },
  transactionalIdNotTaken: { level: "debug", says: "A transactional id could not be taken anew.", fields: { transactionalId: "text", reason: "text" } },

  // Monitors: what is judged, and who is told.
  judgeElsewhere: { level: "warn", says: "The stages that run here count for monitors, and the judge is not among them: without another process that runs it nobody is told.", fields: { code: "MR_NO_JUDGE", judgeGroup: "text" } },
  ownRecordUnread: { level: "warn", says: "Records of a topic of Millrace's own cannot be read and are passed over.", fields: { code: "code", topic: "text", offset: "number", count: "number", reason: "text" } },
  verdictWritten: { fields: { monitor: "text", verdict: "text" }, feeds: { millrace_verdicts_total: { by: 1, labels: { monitor: "monitor", verdict: "verdict" } } } },
  alertWritten: { fields: { monitor: "text", event: "text" }, feeds: { millrace_alert_events_total: { by: 1, labels: { monitor: "monitor", event: "event" } } } },
  lagUnseen: { level: "warn", says: "How far the stages are behind cannot be seen now; nobody is told of it meanwhile.", fields: { code: "code", reason: "text" } },
  ownTopicReadAgain: { level: "warn", says: "A topic of Millrace's own is read again.", fields: { code: "code", topic: "text", reason: "text" } },
  baselineWritten: { level: "info", says: "A baseline is in service.", fields: { monitor: "text", baseline: "text", origin: "text", rows: "number", windows: "number" } },
  baselineAwaited: { level: "info", says: "A monitor has no baseline yet.", fields: { monitor: "text", reason: "text" } },
  baselineUnmeasured: { level: "warn", says: "A baseline cannot be measured now; it is tried again.", fields: { code: "code", monitor: "text", reason: "text" } },
  windowsOfBefore: { level: "info", says: "Windows of labelled predictions were joined before the monitor was changed; they are passed over, and nothing is said of them.", fields: { monitor: "text", windows: "number" } },
  notificationSent: { level: "debug", says: "A notification was sent.", fields: { target: "text", id: "text", attempt: "number" }, feeds: { millrace_notifications_sent_total: { by: 1, labels: { target: "target" } } } },
  notificationRepeated: { level: "warn", says: "A notification could not be sent; it is tried again.", fields: { target: "text", id: "text", code: "MR_NOTIFY", attempt: "number", reason: "text" }, feeds: { millrace_notifications_repeated_total: { by: 1, labels: { target: "target" } } } },
  notificationFailed: { level: "error", says: "A notification could not be sent and is given up; what it says stands on the alerts topic.", fields: { target: "text", id: "text", code: "MR_NOTIFY", attempts: "number", reason: "text" }, feeds: { millrace_notifications_failed_total: { by: 1, labels: { target: "target" } } } },
  notificationsDropped: { level: "error", says: "Notifications were dropped; what they say stands on the alerts topic.", fields: { target: "text", code: "MR_NOTIFY", count: "number", reason: "text" }, feeds: { millrace_notifications_dropped_total: { by: "count", labels: { target: "target" } } } },
  notificationsOld: { level: "warn", says: "Alerts are too old to tell anybody; they stand on the alerts topic.", fields: { topic: "text", code: "MR_NOTIFY", count: "number" }, feeds: { millrace_notifications_old_total: { by: "count", labels: { topic: "topic" } } } },

  // Models and their aliases.
  inputHeld: { level: "warn", says: "An input lies far outside what the model was trained on; it is held to that range.", fields: { code: "MR_INPUT_RANGE", model: "text", version: "number", input: "text", rows: "number" } },
  aliasMoved: { level: "info", says: "The alias has moved; its version is opened, and tasks take it over between two chunks.", fields: { model: "text", alias: "text", version: "number", inService: "number" } },
  versionRefused: { level: "error", says: "The version that an alias names cannot be served; the one in service goes on.", fields: { code: "code", model: "text", alias: "text", version: "number", reason: "text" } },
  versionAdopted: { level: "info", says: "A task scores with another version from here on.", fields: { task: "number", model: "text", version: "number", offset: "number" } },
  versionServedAgain: { level: "debug", says: "A task scores with the version that was adopted here.", fields: { task: "number", model: "text", version: "number", offset: "number" } },
  shadowBegun: { level: "info", says: "A task scores with a challenger too from here on.", fields: { task: "number", model: "text", version: "number", offset: "number" } },
  shadowEnded: { level: "info", says: "A task scores with the challenger no more.", fields: { task: "number", model: "text", version: "number", offset: "number" } },
  challengerUnopened: { level: "warn", says: "A task cannot open a challenger and will not score with it; where no task can, it is not promoted.", fields: { task: "number", model: "text", version: "number", offset: "number", code: "MR_MODEL", reason: "text" } },
  challengerFailed: { level: "warn", says: "A challenger failed; the task scores with it no more, and it is not promoted.", fields: { task: "number", model: "text", version: "number", offset: "number", code: "MR_MODEL", reason: "text" }, feeds: { millrace_challenger_failures_total: { by: 1 } } },
  controlTopicReadAgain: { level: "warn", says: "The control topic is read again.", fields: { code: "code", topic: "text", reason: "text" } },
  aliasesUnfollowed: { level: "error", says: "Reading the control topic ended; new aliases are not seen.", fields: { code: "code", topic: "text", reason: "text" } },
  versionOpened: { level: "debug", says: "A model version was opened.", fields: { model: "text", version: "number" } },
  tfjsReady: { level: "info", says: "TensorFlow.js is ready.", fields: { backend: "text" } },
  tfjsBackendAbsent: { level: "debug", says: "A TensorFlow.js backend is absent.", fields: { backend: "text", reason: "text" } },
  tfjsDenseDiffers: { level: "info", says: "A network of dense layers answers otherwise here than in TensorFlow.js, which serves it instead.", fields: { version: "text", difference: "number" } },

  // Retraining.
  retrainingMoved: { level: "info", says: "A retraining has moved on: {event}.", fields: { event: "text", model: "text", request: "text", cause: "text", incident: "text?", reason: "text?" }, feeds: { millrace_retrains_total: { by: 1, labels: { trigger: "cause", outcome: "event" } } } },
  trainingGoesOn: { level: "info", says: "A training goes on: {phase}.", fields: { phase: "text", model: "text", request: "text", done: "number", total: "number", loss: "number?" } },
  hookTaken: { level: "info", says: "Alerts of others were told.", fields: { reported: "number", resolved: "number", known: "number", own: "number", refused: "number", truncated: "number" } },
  hookTruncated: { level: "warn", says: "Alertmanager left alerts out of its post; they ask for nothing.", fields: { code: "MR_HOOK", alerts: "number" } },
  hookRefused: { level: "warn", says: "A post of alerts was refused; another for the same reason is not said for a minute.", fields: { code: "MR_HOOK", status: "number", reason: "text" } },
  hookUnwritten: { level: "warn", says: "Alerts of others could not be written down; whoever posted them was told to come again.", fields: { code: "code", alerts: "number", reason: "text" } },
  hookUnheard: { level: "warn", says: "Models are trained on alerts of others, and this process does not hear them: without another that does, none is.", fields: { code: "MR_HOOK", models: "texts", lacks: "texts" } },
  trainingFailed: { level: "error", says: "A training ended without a version.", fields: { model: "text", request: "text", code: "code", reason: "text" } },

  // A command and its surroundings.
  clusterPasswordExposed: { level: "warn", says: "The password of the cluster is sent in the clear: PLAIN without TLS.", fields: { code: "MR_EXPOSED", brokers: "texts", mend: "text" } },
  registryPasswordExposed: { level: "warn", says: "The password of the registry is sent in the clear: basic authentication without TLS.", fields: { code: "MR_EXPOSED", registry: "text", mend: "text" } },
  clusterNotAsPlanned: { level: "warn", says: "The cluster is not as planned.", fields: { code: "code", reason: "text" } },
  variableUnknown: { level: "warn", says: "A variable that Millrace does not read is set.", fields: { code: "MR_VARIABLE_UNKNOWN", variable: "text", hint: "text?" } },
  sampleEnded: { level: "error", says: "Feeding the sample ended.", fields: { code: "code", reason: "text" } },
  devSessionListens: { level: "debug", says: "The dev session listens.", fields: { port: "number" } },
} as const satisfies Readonly<Record<string, FactDefinition>>;

export type FactName = keyof typeof facts;

interface KindValues {
  readonly text: string;
  readonly "text?": string | undefined;
  readonly number: number;
  readonly "number?": number | undefined;
  readonly "number or null": number | null;
  readonly texts: readonly string[];
  readonly code: ErrorCode;
}

type Kinds<N extends FactName> = (typeof facts)[N]["fields"];
type ValueOf<K> = K extends keyof KindValues ? KindValues[K] : never;
type Names<N extends FactName, K> = {
  [F in keyof Kinds<N>]: Kinds<N>[F] extends K ? F : never;
}[keyof Kinds<N>];

/** What has to be given with a fact. */
export type FactFields<N extends FactName> = {
  readonly [F in Names<N, "text" | "number" | "number or null" | "texts" | "code">]: ValueOf<Kinds<N>[F]>;
} & { readonly [F in Names<N, "text?" | "number?">]?: ValueOf<Kinds<N>[F]> };

/** A fact that is a log line and no more. */
type SaidFact = { [N in FactName]: (typeof facts)[N] extends { readonly feeds: unknown } ? never : N }[FactName];

/** Says a fact that feeds no metric, for those who have a log and no counts. */
export function say<N extends SaidFact>(logger: Logger, name: N, given: FactFields<N>): void {
  new Facts(logger).emit(name, given);
}

/** Fields that stand before a fact's own in every log line: where it happened. */
export type FactContext = Readonly<Record<string, string | number>>;

/** Takes facts, and makes of each what its line in the table says: a log line, counts, or both. */
export class Facts {
  /** What the facts have added up to. */
  readonly tallies: Tallies;
  readonly #logger: Logger;
  readonly #context: FactContext;

  constructor(logger: Logger, context: FactContext = {}, tallies: Tallies = new Tallies()) {
    this.#logger = logger;
    this.#context = context;
    this.tallies = tallies;
  }

  /** The same log and counts, with more said of where. */
  within(context: FactContext): Facts {
    return new Facts(this.#logger, { ...this.#context, ...context }, this.tallies);
  }

  /** Something happened. Costs a little more than a map look-up per metric, and a log line where it has one. */
  emit<N extends FactName>(name: N, given: FactFields<N>): void {
    const fact: FactDefinition = facts[name];
    const fields: FieldValues = given;
    if (fact.feeds !== undefined) this.#feed(fact.feeds, fact, fields);
    if (fact.level !== undefined && fact.says !== undefined) this.#log(fact.level, fact.says, fact, fields);
  }

  #feed(feeds: NonNullable<FactDefinition["feeds"]>, fact: FactDefinition, fields: FieldValues): void {
    for (const [metric, feed] of Object.entries(feeds)) {
      const amount = feed.by === 1 ? 1 : Number(fields[feed.by]);
      const labels =
        feed.labels === undefined
          ? undefined
          : Object.values(feed.labels).map((field) => String(fieldOf(fact, field, fields)));
      this.tallies.add(metric as MetricName, labels, amount);
    }
  }

  #log(level: keyof Logger, says: string, fact: FactDefinition, fields: FieldValues): void {
    const shown: Record<string, FieldValue> = { ...this.#context };
    let sentence = says;
    for (const field of Object.keys(fact.fields)) {
      const value = fieldOf(fact, field, fields);
      if (says.includes(`{${field}}`)) sentence = sentence.replace(`{${field}}`, () => String(value));
      else if (value !== undefined) shown[field] = value;
    }
    this.#logger[level](shown as ProblemFields, sentence);
  }
}

type FieldValue = string | number | null | readonly string[] | undefined;
type FieldValues = Readonly<Record<string, FieldValue>>;

/** A code that the table states is not given. */
function fieldOf(fact: FactDefinition, field: string, fields: FieldValues): FieldValue {
  const kind = fact.fields[field];
  return kind?.startsWith("MR_") ? kind : fields[field];
}
