/** What a run of the loop has left in its topics and folders, as plain values: all that the judge looks at. */

/** A record of the topic that the scoring stage reads. */
export interface InputRecord {
  readonly partition: number;
  readonly offset: number;
  readonly eventId: string;
}

/** A record of the predictions, in the order of its partition's log. */
export interface PredictionRecord {
  readonly eventId: string;
  readonly model: string;
  readonly version: number;
}

/** What a task has written ahead: from this offset of its input on it serves this version. In the order of the log. */
export interface AdoptionRecord {
  readonly partition: number;
  readonly model: string;
  readonly alias: string;
  readonly version: number;
  readonly fromOffset: number;
  readonly incident: string | null;
}

/** A record of the control topic that points an alias at a version, in the order of the log. */
export interface AliasRecord {
  readonly model: string;
  readonly alias: string;
  readonly version: number;
  readonly incident: string | null;
  readonly request: string | null;
}

/** What became of a request to train again, in the order of the log. */
export interface RetrainingRecord {
  readonly type: string;
  readonly request: string;
  readonly incident: string | null;
  /** Of `trained` and what follows it. */
  readonly version: number | null;
}

/** An event of an alert, in the order of the log. */
export interface AlertRecord {
  readonly incident: string;
  /** Whether it opens an incident's first alert, or closes its last; all else is neither. */
  readonly what: "opened" | "closed" | "other";
}

/** A version in the models directory. */
export interface VersionFolder {
  readonly version: number;
  readonly files: readonly string[];
  /** Names of files that are missing, or whose bytes are not those of their checksum. */
  readonly broken: readonly string[];
}

/** What a monitor that compares with what the model learned from is compared with in the end. */
export interface ServedBaseline {
  readonly monitor: string;
  /** That it was measured of; null where none is in service. */
  readonly version: number | null;
}

export interface LoopLogs {
  readonly delivery: "at-least-once" | "exactly-once";
  readonly model: string;
  readonly inputs: readonly InputRecord[];
  readonly predictions: readonly PredictionRecord[];
  readonly adoptions: readonly AdoptionRecord[];
  readonly aliases: readonly AliasRecord[];
  readonly retraining: readonly RetrainingRecord[];
  readonly alerts: readonly AlertRecord[];
  readonly versions: readonly VersionFolder[];
  readonly baselines: readonly ServedBaseline[];
}
