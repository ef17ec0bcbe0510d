import { z } from "zod";
import { estimatedDefaults, estimatedMetrics } from "../../monitor/estimate/index.ts";
import {
  detectorCatalogue,
  performanceMetrics,
  practicalDefaults,
  qualityDefaults,
  qualityMetrics,
} from "../../monitor/index.ts";
import { defaults } from "./defaults.ts";
import { dateOrTime, duration, kebabName, key, reference } from "./values.ts";

const predictionsSpec = z.strictObject({
  predictions: key(reference, "Topic of predictions; unless fields says otherwise, their score is watched.", "scores"),
  labels: key(
    reference,
    "Topic of the labels of the model that makes them: then what is watched is how good the model is.",
    "labels",
  ).optional(),
});

/** One key each: the detector, and its settings. */
const detectorSpec = z
  .strictObject(
    Object.fromEntries(
      Object.values(detectorCatalogue).map(({ kind, config, summary, example }) => [
        kind,
        key(config as z.ZodType, summary, example).optional(),
      ]),
    ),
  )
  .refine((detector) => Object.keys(detector).length === 1, { error: "expected one detector, such as adwin: {}" });

const metricThresholds = Object.fromEntries(
  performanceMetrics.map((metric) => [
    metric,
    key(
      z.number().positive().max(100),
      "How much worse than it was the metric has to be to be of interest, however certain.",
      practicalDefaults[metric],
      practicalDefaults[metric],
    ).optional(),
  ]),
) as Record<(typeof performanceMetrics)[number], z.ZodOptional<z.ZodNumber>>;

const estimateThresholds = Object.fromEntries(
  estimatedMetrics.map((metric) => [
    metric,
    key(
      z.number().positive().max(100),
      "How much worse than on the validation rows the estimate has to be to be of interest, however certain.",
      estimatedDefaults[metric],
      estimatedDefaults[metric],
    ).optional(),
  ]),
) as Record<(typeof estimatedMetrics)[number], z.ZodOptional<z.ZodNumber>>;

/** Of the rows of a topic; freshness is a duration, the others parts of one. */
const qualityThresholds = {
  ...(Object.fromEntries(
    qualityMetrics
      .filter((metric) => metric !== "freshness")
      .map((metric) => [
        metric,
        key(
          z.number().positive().max(1),
          metric === "rows"
            ? "The part by which the number of rows and the usual one differ, of the greater of both: half as many and twice as many are 0.5."
            : "By how much the share has to exceed that of the reference, of all rows.",
          qualityDefaults[metric],
          qualityDefaults[metric],
        ).optional(),
      ]),
  ) as Record<Exclude<(typeof qualityMetrics)[number], "freshness">, z.ZodOptional<z.ZodNumber>>),
  freshness: key(
    duration,
    "How far event time has to be behind the time of writing when rows are told of.",
    "10min",
    defaults.monitor.freshness,
  ).optional(),
};

const originSpec = z
  .strictObject({
    model: key(reference, "The rows on which the version in service was trained.", "card-fraud").optional(),
    from: key(dateOrTime, "Event time of the first rows.", "2026-01-01").optional(),
    to: key(dateOrTime, "Event time of the first rows that are none any more.", "2026-02-01").optional(),
  })
  .refine((origin) => (origin.model === undefined) !== (origin.from === undefined && origin.to === undefined), {
    error: "expected either model, or from and to",
    abort: true,
  })
  .refine((origin) => (origin.from === undefined) === (origin.to === undefined), {
    error: "from and to belong together",
  });

const lagLevelSpec = z
  .strictObject({
    records: key(z.int().min(1).max(1e12), "So many records behind, all partitions together.", 100_000).optional(),
    seconds: key(
      z.int().min(1).max(31_536_000),
      "The oldest record that waits was written so long ago.",
      30,
    ).optional(),
    growing: key(z.boolean(), "Only while the lag grows.", true, defaults.monitor.growing).optional(),
  })
  .refine((level) => level.records !== undefined || level.seconds !== undefined, {
    error: "must say how much is too much: records or seconds",
  });

/** One entry under `monitors:`. Which keys go together is checked later, so that all that is wrong is said at once. */
export const monitorSpec = z
  .strictObject({
    name: key(kebabName, "Name of the monitor.", "inputs"),
    on: key(
      z.union([reference, predictionsSpec]),
      "What is watched: a topic that a stage writes, the predictions on one (with labels, the model that makes them), or `lag` for how far the stages are behind.",
      "payments.features",
    ),
    fields: key(
      z.union([z.literal("all"), z.array(reference).min(1)]),
      "Fields to count: numbers, texts, enums and booleans. Left out: the features of the baseline's model, of predictions their score, else all. `all` leaves out event_id, the key and times. Texts that the schema calls sensitive are never counted: a baseline holds the most frequent values.",
      ["amount"],
    ).optional(),
    window: key(
      z.union([
        duration,
        z.strictObject({
          rows: key(
            z.int().min(500).max(1_000_000_000),
            "Of a topic alone: so many rows at least. A window is as many slices of event time in a row as it takes, each of 1min or as long as `late` asks for; so it is the same however rows are shared out and ordered.",
            1000,
          ),
        }),
      ]),
      "How much event time is judged at once, at least 1min; with labels 1d when it is left out. Windows begin at multiples of it in UTC.",
      "1h",
      defaults.monitor.window,
    ).optional(),
    late: key(
      duration,
      "How long behind its end a window is kept open for rows that come late; left out, what the stage that writes the topic lets through, or the nearest before it that says so, else 1min. At most 48 windows.",
      "10min",
    ).optional(),
    baseline: key(
      z.union([z.enum(["training", "first"]), originSpec]),
      "What windows are compared with. `training`: what the one model learnt from whose features come from the topic; the default where there is one. `first`: the first 30 windows with enough rows; the default elsewhere.",
      "training",
    ).optional(),
    season: key(
      z.enum(["none", "hour-of-day", "hour-of-week"]),
      "Compare with the same hour of the day or of the week, once the baseline has four windows of it.",
      "hour-of-day",
      defaults.monitor.season,
    ).optional(),
    thresholds: key(
      z.strictObject({
        psi: key(
          z.number().positive().max(100),
          "Stability index, in nats, below which a difference is of no interest, however certain.",
          0.2,
          defaults.monitor.psi,
        ).optional(),
        ...metricThresholds,
        ...estimateThresholds,
        ...qualityThresholds,
      }),
      "What is of practical interest.",
      { psi: 0.2 },
    ).optional(),
    metrics: key(
      z.array(z.enum([...performanceMetrics, ...estimatedMetrics, ...qualityMetrics])).min(1),
      "With labels what is measured of each window: `accuracy` decides at a score of 0.5, `ece` is the expected calibration error over ten bins. Those that begin with `estimated_` say what a window is expected to come to before its labels are there, by the calibration of the version that serves; they see that a model is given other inputs, and never that inputs mean something else. Of a topic what is said of its rows: of each field the share that is `missing`, a category that is `unseen`, a number `out_of_range` of the reference; `rows`, how many there are; `errors`, dead letters of the stage that writes them; `freshness`, how far they are behind. Left out: with labels three, of a topic none.",
      ["auc", "brier"],
      defaults.performance.metrics,
    ).optional(),
    detectors: key(
      z.array(detectorSpec).max(8),
      "With labels what watches the sequence of errors, row by row: an alarm stays until another version serves; left out, ADWIN. Of a topic what watches where the values of each number and boolean lie, window by window; left out, none.",
      [{ adwin: {} }],
    ).optional(),
    severity: key(
      z.enum(["page", "ticket"]),
      "Whether somebody is to be woken.",
      "ticket",
      defaults.monitor.severity,
    ).optional(),
    warn: key(lagLevelSpec, "A lag worth a ticket. Of `on: lag` alone.", { seconds: 30 }).optional(),
    page: key(lagLevelSpec, "A lag worth waking somebody. Of `on: lag` alone.", {
      seconds: 120,
      growing: true,
    }).optional(),
    held: key(
      z.union([z.literal("none"), duration]),
      "How long an open transaction may hold back records before somebody is told: woken, where `page` is there too. Of `on: lag` alone; `none` tells nobody.",
      "5min",
      defaults.monitor.held,
    ).optional(),
  })
  .meta({ description: "What is watched while the stages run." });

export type MonitorEntry = z.infer<typeof monitorSpec>;
export type LagLevelEntry = z.infer<typeof lagLevelSpec>;
