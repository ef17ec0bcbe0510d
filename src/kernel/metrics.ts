/** Upper bounds in seconds: OpenTelemetry's semantic conventions advise 5 ms to 10 s; stages answer faster, chains slower. */
const stageBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const endToEndBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300];

/** What a metric is, for whoever reads it. `labels` stand beside `topology` and `stage`; their sets are closed. */
export type MetricDefinition =
  | { readonly type: "counter" | "gauge"; readonly labels: readonly string[]; readonly help: string }
  | {
      readonly type: "histogram";
      readonly labels: readonly string[];
      readonly help: string;
      readonly buckets: readonly number[];
    };

/**
 * Every metric of `/metrics`. A counter or a histogram is fed by the facts that name it, a gauge is read when it is asked
 * for. Records are counted when they are committed:
 * `records_in` = `records_out` + `records_filtered` + `late_records` + `record_errors` (R4).
 */
export const metrics = {
  millrace_records_in_total: { type: "counter", labels: [], help: "Input records whose offsets were committed." },
  millrace_records_out_total: { type: "counter", labels: [], help: "Records that became one of the output." },
  millrace_records_filtered_total: { type: "counter", labels: ["reason"], help: "Records that a step let go." },
  millrace_late_records_total: { type: "counter", labels: [], help: "Records that came later than is allowed." },
  millrace_record_errors_total: {
    type: "counter",
    labels: ["error_class"],
    help: "Records that could not be processed, by error code; late ones count as late.",
  },
  millrace_dlq_records_total: {
    type: "counter",
    labels: ["error_class"],
    help: "Records in the dead letters, by error code; late ones among them.",
  },
  millrace_commits_total: { type: "counter", labels: [], help: "Chunks that were committed." },
  millrace_reopenings_total: {
    type: "counter",
    labels: ["error_class"],
    help: "Times that a task was opened again after a failure.",
  },
  millrace_rebalances_total: { type: "counter", labels: [], help: "Times that the group changed this member's tasks." },
  millrace_stage_duration_seconds: {
    type: "histogram",
    labels: [],
    buckets: stageBuckets,
    help: "Time from the first record of a chunk to the answer of its commit, once per chunk.",
  },
  millrace_end_to_end_latency_seconds: {
    type: "histogram",
    labels: [],
    buckets: endToEndBuckets,
    help: "Time from the event time of a chunk's last record to its commit, once per chunk.",
  },
  millrace_inference_duration_seconds: {
    type: "histogram",
    labels: [],
    buckets: stageBuckets,
    help: "Time that scoring took, once per piece of a chunk.",
  },
  millrace_challenger_failures_total: {
    type: "counter",
    labels: [],
    help: "Times that a challenger failed beside the version in service, whose records do not notice.",
  },
  millrace_retrains_total: {
    type: "counter",
    labels: ["trigger", "outcome"],
    help: "Steps of retrainings, by what asked for them and what happened; suppressed ones too.",
  },
  millrace_verdicts_total: {
    type: "counter",
    labels: ["monitor", "verdict"],
    help: "Verdicts that were written, one per field and window.",
  },
  millrace_alert_events_total: {
    type: "counter",
    labels: ["monitor", "event"],
    help: "What happened to alerts and incidents, as it was written to the alerts topic.",
  },
  millrace_notifications_sent_total: { type: "counter", labels: ["target"], help: "Notifications that were taken." },
  millrace_notifications_repeated_total: {
    type: "counter",
    labels: ["target"],
    help: "Attempts to notify that were tried again.",
  },
  millrace_notifications_failed_total: {
    type: "counter",
    labels: ["target"],
    help: "Notifications that were given up.",
  },
  millrace_notifications_dropped_total: {
    type: "counter",
    labels: ["target"],
    help: "Notifications that were dropped because too many waited.",
  },
  millrace_notifications_old_total: {
    type: "counter",
    labels: ["topic"],
    help: "Alerts that were too old to tell anybody when the notifier read them.",
  },
  millrace_snapshots_total: { type: "counter", labels: [], help: "Snapshots of stores that were written." },
  millrace_snapshot_failures_total: {
    type: "counter",
    labels: [],
    help: "Times that the snapshots of a task could not be written.",
  },
  millrace_schema_registry_waits_total: {
    type: "counter",
    labels: [],
    help: "Times that the schema registry was said not to answer.",
  },
  millrace_consumer_lag_records: {
    type: "gauge",
    labels: ["topic", "partition"],
    help: "Records of the input that the group has not committed.",
  },
  millrace_consumer_lag_seconds: {
    type: "gauge",
    labels: ["topic", "partition"],
    help: "How far the last committed record lies behind by its event time; 0 where nothing waits. Known of tasks that this process has run.",
  },
  millrace_consumer_state: {
    type: "gauge",
    labels: ["state"],
    help: "1 for the state that the stage is in, 0 for the others.",
  },
  millrace_assigned_partitions: { type: "gauge", labels: [], help: "Partitions that this process works on." },
  millrace_degraded_tasks: {
    type: "gauge",
    labels: [],
    help: "What does not get on for longer than it may: tasks that cannot be reopened or get no scores, partitions that cannot be reached, a model or a registry that does not answer.",
  },
  millrace_state_store_entries: {
    type: "gauge",
    labels: ["store"],
    help: "Entries that a store holds, over all tasks.",
  },
  millrace_feature_drift_score: {
    type: "gauge",
    labels: ["monitor", "feature", "method"],
    help: "Score of the feature in the last window that could be judged. As all of the judge's, told by the process that judges.",
  },
  millrace_feature_drift_threshold: {
    type: "gauge",
    labels: ["monitor", "feature", "method"],
    help: "What that score had to reach: the greatest of what is of interest, of chance and of the budget.",
  },
  millrace_feature_drift_state: {
    type: "gauge",
    labels: ["monitor", "feature", "state"],
    help: "1 for the state of the alert of a feature, or of a metric of performance, after its last window; other states are not shown.",
  },
  millrace_model_performance_drop: {
    type: "gauge",
    labels: ["monitor", "metric"],
    help: "How much worse a metric, measured or estimated, was in the last window that could be judged than it is of the same version.",
  },
  millrace_model_performance_drop_threshold: {
    type: "gauge",
    labels: ["monitor", "metric"],
    help: "What that drop had to reach.",
  },
  millrace_alerts: {
    type: "gauge",
    labels: ["monitor", "state"],
    help: "Alerts that fire, and those that fire under a silence.",
  },
  millrace_incidents_open: { type: "gauge", labels: ["monitor"], help: "Incidents that have not ended." },
  millrace_alert_pages_spent: {
    type: "gauge",
    labels: ["monitor"],
    help: "Pages of a monitor within the period of the budget.",
  },
  millrace_alert_pages_budget: {
    type: "gauge",
    labels: [],
    help: "Pages that chance may cause in that period.",
  },
  millrace_judge_time_seconds: {
    type: "gauge",
    labels: [],
    help: "Kafka's time up to which the judge has read what was counted, in seconds since 1970.",
  },
  millrace_notifications_waiting: {
    type: "gauge",
    labels: ["target"],
    help: "Notifications that wait for a target.",
  },
  millrace_build_info: { type: "gauge", labels: ["version"], help: "1, with the version of Millrace that runs." },
} as const satisfies Readonly<Record<`millrace_${string}`, MetricDefinition>>;

export type MetricName = keyof typeof metrics;

/** Those that are read when they are asked for. */
export type GaugeName = {
  [N in MetricName]: (typeof metrics)[N]["type"] extends "gauge" ? N : never;
}[MetricName];
