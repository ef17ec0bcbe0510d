import { stepNamesLater } from "../../step/index.ts";

/**
 * What the whole language has and this version lacks. Levels are paths with `*` for names and indices. Such a key or
 * value is MR_UNSUPPORTED: it is never taken for a spelling mistake, and never accepted and ignored.
 */
export const laterKeys: Readonly<Record<string, readonly string[]>> = {
  "": ["profiles"],
  "topics.*": ["table", "compaction", "columns"],
  "stages.*": ["use", "order", "parallelism", "ttl", "idle"],
  "stages.*.from": ["record"],
  "stages.*.late": ["idle", "grace"],
  "stages.*.steps.*": [...stepNamesLater, "tumbling", "hopping"],
  "stages.*.steps.*.infer": ["shadow"],
  "stages.*.steps.*.rolling": ["delay", "order", "last"],
  "models.*.rollout": ["canary"],
  "monitors.*.thresholds": ["w1"],
  "tests.*.with": ["state", "tables"],
};

/** Values of the whole language that this version lacks, by level and key. */
export const laterValues: Readonly<Record<string, readonly string[]>> = {
  "topics.*.format": ["csv"],
  "stages.*.from.format": ["csv"],
  "stages.*.to.format": ["csv"],
  "stages.*.steps.*.impute.with": ["median", "mean", "mode"],
  "models.*.task": ["multiclass", "regression", "anomaly"],
  "models.*.candidates.*": ["gbdt"],
  "models.*.retrain.mode": ["online"],
};

/** What to write instead, where the sentence "remove it" would not help. */
export const laterHints: Readonly<Record<string, string>> = {
  "topics.*.format=csv": "write format: json and send JSON",
  "stages.*.from.format=csv": "write format: json and send JSON",
  "stages.*.to.format=csv": "write format: json",
  "models.*.task=multiclass": "write task: binary",
  "models.*.task=regression": "write task: binary",
  "models.*.task=anomaly": "write task: binary",
  "models.*.candidates.*=gbdt": "write candidates: [logistic, mlp]",
  "models.*.retrain.mode=online": "write mode: warm, which goes on from the version in service",
  "models.*.rollout": "write rollout: { shadow: { for: 2h } }, or rollout: none",
};
