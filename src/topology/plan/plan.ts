import type { Program } from "../../expression/index.ts";
import type { EpochMs } from "../../kernel/index.ts";
import type { LearnerKind, ModelInput } from "../../model/index.ts";
import type { CastType, RecordSchema } from "../../schema/index.ts";
import type { StoreSpec } from "../../state/index.ts";
import type { MemorySpec } from "../../step/index.ts";
import type { ChoiceMetric, GateSettings, RetrainSettings, RolloutSettings } from "../../training/index.ts";
import type { LocatedProblem } from "../problems.ts";
import type { PlannedMonitoring, PlannedTap } from "./monitoring.ts";
import type { PlannedTest } from "./planned-test.ts";
import type { PlannedChangelog, PlannedTopic, ValueFormat } from "./planned-topic.ts";

export type { PlannedChangelog, PlannedTopic, ValueFormat } from "./planned-topic.ts";

/**
 * What a crash between two commits may do.
 *
 * - `at-least-once`: what was written since the last commit may be seen already, and is written again.
 * - `exactly-once`: what is written becomes visible with the commit of its offsets, or never.
 */
export type DeliveryMode = "at-least-once" | "exactly-once";
/** Where a record can fail: in reading it, in working on it, in writing what became of it. */
export type ErrorPlace = "decode" | "process" | "produce";

/** What becomes of it then; `retry` so often before it is a dead letter. */
export type ErrorPolicy = "dead-letter" | "halt" | { readonly retry: number };

export type ErrorPolicies = Readonly<Record<ErrorPlace, ErrorPolicy>>;

/** Where a file says nothing else. */
export const errorPoliciesDefault: ErrorPolicies = {
  decode: "dead-letter",
  process: "dead-letter",
  produce: "dead-letter",
};

export type StartPosition =
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" }
  | { readonly kind: "time"; readonly timeMs: EpochMs };

/** How an ingest stage reads what others send: as the schema of its `to` topic, field by name. */
interface IngestReading {
  readonly schema: RecordSchema;
  readonly casts: Readonly<Record<string, CastType>>;
  /** Fields that Millrace fills itself: event_id, and the time field when it comes from Kafka. */
  readonly supplied: readonly string[];
  /** Field set to Kafka's record timestamp. */
  readonly kafkaTimeField: string | undefined;
  /** By field: the JSON Pointer under which the event has it. */
  readonly extract: Readonly<Record<string, string>>;
  /** Earliest time that a bare number may mean; what lies before it looks like seconds. */
  readonly timesFromMs: EpochMs;
  /** What becomes of records without a value. */
  readonly tombstones: "dead-letter" | "drop";
  /** An event time further ahead of the Kafka timestamp is MR_CAST; undefined switches the check off. */
  readonly aheadMs: number | undefined;
}

export interface PlannedInfer {
  readonly model: string;
  readonly alias: string;
  /** Feature fields in the model's order, all present in the program's output row. */
  readonly features: readonly string[];
  readonly keep: readonly string[];
  /** Makes the booleans under `decide`: input is the program's output row plus `score`; output is those booleans. */
  readonly decide: Program;
  readonly decideNames: readonly string[];
  /** Where the scores of a challenger go, beside the stage's output; undefined where none scores. */
  readonly shadow: { readonly clusterName: string } | undefined;
}

/** A store of a stage's tasks, and where it is written down. */
export interface PlannedStore {
  readonly store: StoreSpec;
  /** Undefined for a volatile store: it lives in its task alone. */
  readonly changelog: PlannedChangelog | undefined;
}

/** A stage, checked and lowered: all that a task needs to know. */
export interface PlannedStage {
  readonly name: string;
  /** Consumer group: `<namespace.><topology>.<stage>`. */
  readonly group: string;
  readonly from: PlannedTopic;
  readonly fromFormat: ValueFormat;
  readonly start: StartPosition;
  /** What follows when the log of the input is no longer the one that was read. */
  readonly onLogChange: "halt" | "restart";
  readonly errors: ErrorPolicies;
  readonly to: PlannedTopic;
  readonly toFormat: ValueFormat;
  /** Set when this stage reads what others send; then records get their event_id from their coordinate. */
  readonly ingest: IngestReading | undefined;
  /** What the input is read as: its own schema, or that of `to` in an ingest stage. */
  readonly reader: RecordSchema;
  readonly eventTimeField: string | undefined;
  /** Field of the output row whose UTF-8 text is the output key; undefined keeps the input's key bytes. */
  readonly keyField: string | undefined;
  readonly program: Program;
  readonly memories: readonly MemorySpec[];
  /** The stores of `memories`, in their order. */
  readonly stores: readonly PlannedStore[];
  /** One for each monitor that counts what the stage writes. */
  readonly taps: readonly PlannedTap[];
  readonly lateWithinMs: number | undefined;
  readonly infer: PlannedInfer | undefined;
  /** Each step as the printed plan shows it: one line, or several when its config is long. */
  readonly stepLines: readonly string[];
}

/** Where a model's truth comes from. */
export interface PlannedLabel {
  readonly topic: string;
  readonly on: string;
  /** Undefined: that a label is there says true. */
  readonly field: string | undefined;
  /** A label counts for events of its key that lie at most so long before it; undefined: for all of them. */
  readonly withinMs: number | undefined;
  /** How long after an event the absence of a label says false; undefined: it never does. */
  readonly matureAfterMs: number | undefined;
}

export interface PlannedModel {
  readonly name: string;
  readonly task: "binary";
  readonly featuresFrom: string;
  readonly features: readonly ModelInput[];
  readonly label: PlannedLabel | undefined;
  /** Training fits each, and takes the best by the metric on the latest rows. */
  readonly candidates: readonly LearnerKind[];
  readonly metric: ChoiceMetric;
  /** What a new version has to pass. */
  readonly gate: GateSettings;
  /** What follows when it has passed. */
  readonly rollout: RolloutSettings | "none";
  /** When it is trained again; undefined: when somebody asks for it. */
  readonly retrain: RetrainSettings | undefined;
}

/** The checked, resolved form of a topology that runs. */
export interface Plan {
  readonly topology: string;
  readonly description: string | undefined;
  readonly owner: string | undefined;
  readonly namespace: string;
  readonly delivery: DeliveryMode;
  readonly commit: { readonly everyMs: number; readonly records: number; readonly lingerMs: number };
  readonly limits: { readonly recordBytes: number };
  readonly sample: { readonly generator: string; readonly seed: number; readonly perSecond: number } | undefined;
  readonly topics: readonly PlannedTopic[];
  readonly stages: readonly PlannedStage[];
  readonly models: readonly PlannedModel[];
  /** As many partitions as the widest input; undefined while an external input does not say. */
  readonly deadLetters: { readonly clusterName: string; readonly partitions: number | undefined };
  readonly control: {
    readonly clusterName: string;
    /** Stem of the transactional id, `<stem>.0`, of whoever writes aliases: one at a time does. */
    readonly aliasesId: string;
  };
  /** Where tasks leave what they have counted: compacted, as many partitions as the dead letters. */
  readonly accounts: { readonly clusterName: string; readonly partitions: number | undefined };
  /** Where tasks say which version of a model they score with from which offset on: one partition. Undefined where no stage infers. */
  readonly adoptions: { readonly clusterName: string } | undefined;
  /** Undefined for a topology without monitors. */
  readonly monitoring: PlannedMonitoring | undefined;
  /** Where trainings are asked for, and the group of who does them; undefined when no model has a label. */
  readonly retraining: { readonly clusterName: string; readonly group: string } | undefined;
  /** Cases under `tests:`, for `millrace test`; they are no part of the hash. */
  readonly tests: readonly PlannedTest[];
  readonly warnings: readonly LocatedProblem[];
  /** SHA-256 over the printed plan: equal plans run equally. */
  readonly hash: string;
}
