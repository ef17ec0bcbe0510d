/**
 * `npm run bench:gate`: the gate on the Electricity data, off the broker. Rows come in order, a label 48 rows after its
 * row; a refit is asked for by a timer or by HDDM-A over the errors that are known, at most every 960 rows, and passes
 * the product's gate with its defaults, or none. Prints the accuracy over the rows behind the first tenth, and what
 * became of the requests. The file is MILLRACE_ELEC2, or `elec2.csv` in the folder that is given.
 *
 *   npm run bench:gate -- [--model logistic|mlp] [--rows 2000] [--every 960] [--phase 0] [--mode full|warm] [--seed 0]
 */
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type DirectScorer, type LearnerKind, learnerOf, microBatchRows, type Signature } from "../src/model/index.ts";
import { detectorCatalogue } from "../src/monitor/index.ts";
import {
  type ChallengePlan,
  type Champion,
  challenge,
  createTrainingRows,
  FeatureBuffer,
  gateDefaults,
  LabelBuffer,
  type RetrainCause,
  train,
} from "../src/training/index.ts";

const names = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"];
const signature: Signature = { task: "binary", inputs: names.map((name) => ({ name, kind: "number" })) };
const width = names.length;
const block = 48;
const firstRows = 4_531;
/** Older rows than these are not read again: what is fitted, what was seen and what is compared lie inside. */
const readRows = 12_000;

interface Data {
  readonly inputs: Float64Array;
  readonly labels: Uint8Array;
}

type Opened = Extract<Champion, { kind: "opened" }>;

interface Settings {
  readonly model: LearnerKind;
  readonly rows: number;
  readonly every: number;
  readonly phase: number;
  readonly mode: "full" | "warm";
  readonly seed: number;
}

/** What a run does: asks by a timer or by the detector, and passes the gate or not. */
interface Policy {
  readonly trigger: "timer" | "hddm-a";
  readonly isGated: boolean;
  readonly cause: RetrainCause;
}

function readData(): Data | undefined {
  const file = process.env["MILLRACE_ELEC2"];
  if (file === undefined || !existsSync(file)) return undefined;
  const lines = readFileSync(file, "utf8").trim().split("\n").slice(1);
  const rows = lines.map((line) => line.split(",").map(Number));
  return {
    inputs: Float64Array.from(rows.flatMap((row) => row.slice(0, width))),
    labels: Uint8Array.from(rows, (row) => row[width] as number),
  };
}

/** Rows `from .. to` with the labels that are known at row `now`; time is the number of the row. */
function rowsOf({ inputs, labels }: Data, from: number, to: number, now: number) {
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

function scoresOf(scorer: DirectScorer, { inputs }: Data, from: number, to: number): Float64Array {
  const scores = new Float64Array(to - from);
  for (let row = from; row < to; row += microBatchRows) {
    const end = Math.min(to, row + microBatchRows);
    scorer.score(inputs.subarray(row * width, end * width), end - row, scores, row - from);
  }
  return scores;
}

function firstChampion(data: Data, { model, seed }: Settings): Opened {
  const set = rowsOf(data, 0, firstRows, firstRows + block).join();
  const { split } = set;
  const result = train(set, signature, undefined, { candidates: [model], seed });
  return { kind: "opened", version: 1, learner: model, model: result.model, learnedUntilMs: split.splitAtMs };
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

const { "hddm-a": hddmA } = detectorCatalogue;
const newDetector = () => hddmA.create(hddmA.config.parse({}));

interface Outcome {
  accuracy: number;
  requests: number;
  promoted: number;
  undecided: number;
  readonly log: string[];
}

function run(data: Data, settings: Settings, policy: Policy): Outcome {
  const { labels } = data;
  const rowCount = labels.length;
  let champion = firstChampion(data, settings);
  let scorer = learnerOf(champion.learner).scorer(champion.model, signature);
  let detector = newDetector();
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
        detector = newDetector();
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
function challenged(data: Data, at: number, plan: ChallengePlan, out: Outcome): Opened | undefined {
  out.requests++;
  const whole = rowsOf(data, Math.max(0, at - readRows), at, at).joinWhole();
  const { accepted, decision } = challenge(whole, plan, { signature, monotonicMs: () => 0 });
  if (decision.kind === "undecided") out.undecided++;
  if (decision.kind !== "accepted") out.log.push(`${at} ${decision.kind}: ${decision.reason}`);
  if (accepted === undefined) return undefined;
  out.promoted++;
  const { learner, model, learnedUntilMs } = accepted;
  return { kind: "opened", version: 0, learner, model, learnedUntilMs };
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
      verbose: { type: "boolean", default: false },
    },
  });
  const data = readData();
  if (data === undefined) {
    process.stdout.write("gate skipped: MILLRACE_ELEC2 names no file\n");
    return;
  }
  const settings: Settings = {
    model: values.model === "mlp" ? "mlp" : "logistic",
    rows: Number(values.rows),
    every: Number(values.every),
    phase: Number(values.phase),
    mode: values.mode === "warm" ? "warm" : "full",
    seed: Number(values.seed),
  };
  const policies: readonly (readonly [string, Policy])[] = [
    ["timer no-gate", { trigger: "timer", isGated: false, cause: "schedule" }],
    ["timer gate", { trigger: "timer", isGated: true, cause: "schedule" }],
    ["timer gate concept", { trigger: "timer", isGated: true, cause: "performance" }],
    ["hddm-a no-gate", { trigger: "hddm-a", isGated: false, cause: "performance" }],
    ["hddm-a gate", { trigger: "hddm-a", isGated: true, cause: "performance" }],
  ];
  for (const [name, policy] of policies) {
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
