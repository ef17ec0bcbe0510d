/**
 * `npm run bench:gate`: the gate on the Electricity data, off the broker. Rows come in order, a label 48 rows after its
 * row; a refit is asked for by a timer or by a detector over the errors that are known, at most every 960 rows, and passes
 * the product's gate with its defaults, or none. Prints the accuracy over the rows behind the first tenth, and what
 * became of the requests. The file is MILLRACE_ELEC2, or `elec2.csv` in the folder that is given.
 *
 *   npm run bench:gate -- [--model logistic|mlp] [--rows 2000] [--every 960] [--phase 0] [--mode full|warm] [--seed 0]
 *     [--detector hddm-a] [--config JSON] [--shuffled SEED] [--only POLICY]
 */
import { parseArgs } from "node:util";
import { type DirectScorer, type LearnerKind, learnerOf, microBatchRows, type Signature } from "../src/model/index.ts";
import { createDetector, type Detector, detectorCatalogue } from "../src/monitor/index.ts";
import {
  type ChallengePlan,
  type Champion,
  challenge,
  createTrainingRows,
  FeatureBuffer,
  gateDefaults,
  LabelBuffer,
  type RetrainCause,
} from "../src/training/index.ts";
import {
  labelDelayRows as block,
  columns,
  electricityFile,
  firstRows,
  type Readings,
  readElectricity,
  shuffled,
} from "./quality/readings.ts";

const signature: Signature = { task: "binary", inputs: columns.map((name) => ({ name, kind: "number" })) };
const width = columns.length;
const tools = { signature, monotonicMs: () => 0 };
/** Older rows than these are not read again: what is fitted, what was seen and what is compared lie inside. */
const readRows = 12_000;

type Opened = Extract<Champion, { kind: "opened" }>;

interface Settings {
  readonly model: LearnerKind;
  readonly rows: number;
  readonly every: number;
  readonly phase: number;
  readonly mode: "full" | "warm";
  readonly seed: number;
  readonly detector: DetectorKind;
  readonly config: unknown;
}

/** What a run does: asks by a timer or by the detector, and passes the gate or not. */
interface Policy {
  readonly trigger: "timer" | "detector";
  readonly isGated: boolean;
  readonly cause: RetrainCause;
}

/** Rows `from .. to` with the labels that are known at row `now`; time is the number of the row. */
function rowsOf({ inputs, labels }: Readings, from: number, to: number, now: number) {
  const features = new FeatureBuffer();
  const known = new LabelBuffer();
  for (let row = from; row < to; row++) {
    const id = String(row).padStart(6, "0");
    features.add(id, row, id);
    for (let j = 0; j < width; j++) features.addInput(inputs[row * width + j] as number);
    if (row + block <= now) known.add(id, row + block, id, labels[row] === 1 ? 1 : 0);
  }
  const rows = createTrainingRows(signature.inputs.map(({ kind }) => kind));
  rows.addFeatures(features.taken());
  rows.addLabels(known.taken());
  return rows;
}

function scoresOf(scorer: DirectScorer, { inputs }: Readings, from: number, to: number): Float64Array {
  const scores = new Float64Array(to - from);
  for (let row = from; row < to; row += microBatchRows) {
    const end = Math.min(to, row + microBatchRows);
    scorer.score(inputs.subarray(row * width, end * width), end - row, scores, row - from);
  }
  return scores;
}

/** Fitted on all rows whose label is known before the first one that is measured. */
function firstChampion(data: Readings, settings: Settings): Opened {
  const rows = rowsOf(data, 0, firstRows, firstRows).joinWhole();
  const plan = planOf({ kind: "none" }, settings, { trigger: "timer", isGated: false, cause: "manual" });
  const { accepted } = challenge(rows, { ...plan, newestRows: undefined, mode: "full" }, tools);
  if (accepted === undefined) throw new Error("the first rows make no model");
  return { kind: "opened", version: 1, ...accepted };
}

function planOf(champion: Champion, settings: Settings, { isGated, cause }: Policy): ChallengePlan {
  const { model, seed, rows, mode } = settings;
  const off = { ...gateDefaults, recent: false, before: false, latencyP99Ms: false, sizeBytes: false } as const;
  const gate = isGated ? { ...gateDefaults, latencyP99Ms: false as const } : off;
  return {
    champion,
    gate,
    cause,
    candidates: [model],
    metric: "log_loss",
    seed,
    newestRows: rows,
    mode,
    labels: {},
    sensitive: [],
  };
}

type DetectorKind = keyof typeof detectorCatalogue;

function newDetector({ detector, config }: Settings): Detector {
  return createDetector(detector, detectorCatalogue[detector].config.parse(config));
}

interface Outcome {
  accuracy: number;
  requests: number;
  promoted: number;
  undecided: number;
  readonly log: string[];
}

function run(data: Readings, settings: Settings, policy: Policy): Outcome {
  const { labels } = data;
  const rowCount = labels.length;
  let champion = firstChampion(data, settings);
  let scorer = learnerOf(champion.learner).scorer(champion.model, signature);
  let detector = newDetector(settings);
  const errors = new Uint8Array(rowCount);
  let [right, isAlarmed, last] = [0, false, firstRows + settings.phase - settings.every];
  const out: Outcome = { accuracy: 0, requests: 0, promoted: 0, undecided: 0, log: [] };
  for (let at = firstRows; at < rowCount; at += block) {
    const end = Math.min(rowCount, at + block);
    // The errors of the block before the last one became known.
    for (let row = Math.max(firstRows, at - 2 * block); row < at - block; row++)
      if (detector.add(errors[row] as number) === "drift") isAlarmed = true;
    const isDue = at - last >= settings.every && at > firstRows + block;
    if (isDue && (policy.trigger === "timer" || isAlarmed)) {
      last = at;
      const next = challenged(data, at, planOf(champion, settings, policy), out);
      if (next !== undefined) {
        champion = { ...next, version: champion.version + 1 };
        scorer = learnerOf(champion.learner).scorer(champion.model, signature);
        detector = newDetector(settings);
        isAlarmed = false;
      }
    }
    const scores = scoresOf(scorer, data, at, end);
    for (let row = at; row < end; row++) {
      errors[row] = (scores[row - at] as number) >= 0.5 === (labels[row] === 1) ? 0 : 1;
      right += 1 - (errors[row] as number);
    }
  }
  out.accuracy = (100 * right) / (rowCount - firstRows);
  return out;
}

/** What takes the champion's place, after the gate. */
function challenged(data: Readings, at: number, plan: ChallengePlan, out: Outcome): Opened | undefined {
  out.requests++;
  const whole = rowsOf(data, Math.max(0, at - readRows), at, at).joinWhole();
  const { accepted, decision } = challenge(whole, plan, tools);
  if (decision.kind === "undecided") out.undecided++;
  if (decision.kind !== "accepted") out.log.push(`${at} ${decision.kind}: ${decision.reason}`);
  if (accepted === undefined) return undefined;
  out.promoted++;
  const { learner, model, learnedUntilMs } = accepted;
  return { kind: "opened", version: 0, learner, model, learnedUntilMs };
}

function detectorNamed(kind: string): DetectorKind {
  const found = Object.values(detectorCatalogue).find((definition) => definition.kind === kind)?.kind;
  if (found === undefined)
    throw new Error(`--detector: ${kind} is none of ${Object.keys(detectorCatalogue).join(", ")}`);
  return found as DetectorKind;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "logistic" },
      rows: { type: "string", default: "2000" },
      every: { type: "string", default: "960" },
      phase: { type: "string", default: "0" },
      mode: { type: "string", default: "full" },
      seed: { type: "string", default: "0" },
      detector: { type: "string", default: "hddm-a" },
      config: { type: "string", default: "{}" },
      shuffled: { type: "string" },
      only: { type: "string", default: "" },
      verbose: { type: "boolean", default: false },
    },
  });
  const file = electricityFile(process.env);
  if (file === undefined) {
    process.stdout.write("gate skipped: MILLRACE_ELEC2 names no file\n");
    return;
  }
  const inOrder = readElectricity(file);
  const data = values.shuffled === undefined ? inOrder : shuffled(inOrder, Number(values.shuffled));
  const settings: Settings = {
    model: values.model === "mlp" ? "mlp" : "logistic",
    rows: Number(values.rows),
    every: Number(values.every),
    phase: Number(values.phase),
    mode: values.mode === "warm" ? "warm" : "full",
    seed: Number(values.seed),
    detector: detectorNamed(values.detector),
    config: JSON.parse(values.config),
  };
  const policies: readonly (readonly [string, Policy])[] = [
    ["timer no-gate", { trigger: "timer", isGated: false, cause: "schedule" }],
    ["timer gate", { trigger: "timer", isGated: true, cause: "schedule" }],
    ["timer gate concept", { trigger: "timer", isGated: true, cause: "performance" }],
    [`${settings.detector} no-gate`, { trigger: "detector", isGated: false, cause: "performance" }],
    [`${settings.detector} gate`, { trigger: "detector", isGated: true, cause: "performance" }],
  ];
  for (const [name, policy] of policies) {
    if (!name.includes(values.only)) continue;
    const cpu = process.cpuUsage();
    const { accuracy, requests, promoted, undecided, log } = run(data, settings, policy);
    const seconds = process.cpuUsage(cpu).user / 1e6;
    const counts = `requests ${requests} promoted ${promoted} undecided ${undecided}`;
    process.stdout.write(
      `gate ${settings.model} ${name} accuracy ${accuracy.toFixed(2)} ${counts} cpu-s ${seconds.toFixed(1)}\n`,
    );
    if (values.verbose) for (const line of log) process.stdout.write(`  ${line}\n`);
  }
}

if (process.argv[1] === import.meta.filename) main();
