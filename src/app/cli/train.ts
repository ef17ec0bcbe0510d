import { nodeHasher, systemClock } from "../../adapters/node/index.ts";
import { assert, closest } from "../../kernel/index.ts";
import type { BinaryMetrics } from "../../model/index.ts";
import { aliasedVersion, championAlias } from "../../runtime/control/index.ts";
import { readAliases } from "../../runtime/index.ts";
import type { Plan, PlannedModel } from "../../topology/index.ts";
import type { ChoiceMetric, TrainingOutcome } from "../../training/index.ts";
import { followAdoption } from "../adoptions.ts";
import { challengeModel, challengeText } from "../challenge-model.ts";
import { type ExitCode, exitCodes, usageError } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { openReach } from "../reach.ts";
import { hasTrainer, requestTraining } from "../request-training.ts";
import { type ModelOutcome, type TrainingOptions, trainModel } from "../train-model.ts";
import { openTrainer } from "../wire.ts";
import { baselinesText } from "../written-baselines.ts";
import {
  type CommandContext,
  type CommandDefinition,
  connectionFlags,
  devFlag,
  flag,
  timeFlag,
  withConnection,
} from "./command.ts";
import { whyOf } from "./models.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--model <name>", "model to train"))
      .addOption(flag("--from <time>", "first event time of the feature rows, ISO 8601"))
      .addOption(flag("--to <time>", "event time at which the feature rows end, ISO 8601; no label after it is used"))
      .addOption(flag("--promote", "put the version in service if the gate finds it no worse than the one that is"))
      .addOption(flag("--force", "put the version in service although another one is; --reason says why"))
      .addOption(flag("--warm", "go on from the version in service instead of learning from nothing"))
      .addOption(flag("--local", "train here although the topology's trainer runs, which would do it"))
      .addOption(flag("--by <name>", "who trains; the user that runs the command when it is left out"))
      .addOption(flag("--reason <text>", "what for"))
      .addOption(devFlag("train on")),

  async run(context, [file], flags) {
    const named = connectionFlags(flags);
    checkForce(flags);
    const isForced = flags["force"] === true;
    const dev = flags["dev"] === true;
    // A dev session has a broker to itself and no namespace.
    const loaded = loadFilePlan(String(file), context.environment, dev ? "" : named.namespace);
    const wanted = wantedModel(loaded.first, flags["model"]);
    const reach = await openReach(named, dev, context);
    try {
      const plan = await loaded.against(reach.registry, context.stop);
      const model = plan.models.find((planned) => planned.name === wanted);
      assert(model !== undefined, `a plan that looks at the registry has other models: no ${wanted}`);
      const isWarm = flags["warm"] === true;
      if (flags["local"] !== true && (await hasTrainer(plan, reach.broker, context.stop)))
        return await askTrainer({ plan, model, broker: reach.broker, isWarm }, flags, context);
      const { aliases } = await readAliases(reach.broker, plan.control.clusterName, context.stop);
      const champion = aliasedVersion(aliases, wanted, championAlias);
      if (isWarm && champion === undefined)
        throw usageError("--warm: no version is in service to go on from", "train the first one without it");
      if (plan.retraining !== undefined && model.retrain !== undefined && flags["local"] !== true)
        context.stderr("no trainer of the topology runs: training here\n");
      const fromMs = timeFlag("from", flags);
      const toMs = timeFlag("to", flags);
      const options: TrainingOptions = {
        plan,
        model,
        ...(fromMs === undefined ? {} : { fromMs }),
        ...(toMs === undefined ? {} : { toMs }),
        seed: 0,
        broker: reach.broker,
        registry: reach.registry,
        artefacts: reach.artefacts,
        openTrainer,
        clock: systemClock,
        hasher: nodeHasher,
        progress: trainingProgress(context),
        isForced,
        ...(isWarm && champion !== undefined ? { warmFrom: champion } : {}),
        ...whyOf(flags),
      };
      const isPromoted = flags["promote"] === true;
      if (isPromoted && champion !== undefined) return await challenge(options, champion, context);
      const outcome = await trainModel(options, context.stop);
      for (const warning of outcome.warnings) context.stderr(`MR_TRAINING warning: ${warning}\n`);
      context.stdout(`${outcomeText(model.name, outcome)}\n${baselinesText(outcome.baselines)}`);
      if (isPromoted || isForced) await adopted(options, outcome.version, context);
      if (outcome.alias !== championAlias)
        context.stderr(
          `a version serves already; to put this one in its place: millrace models promote ${String(file)} ${outcome.version} --model ${model.name}${dev ? " --dev" : ""}\n`,
        );
      return exitCodes.ok;
    } finally {
      await reach.close();
    }
  },
};

/** What a request does not carry, and only a training here knows. */
const localFlags = ["from", "to", "force"] as const;

async function askTrainer(
  asked: Pick<Parameters<typeof requestTraining>[0], "plan" | "broker"> & {
    readonly model: PlannedModel;
    readonly isWarm: boolean;
  },
  flags: Readonly<Record<string, unknown>>,
  context: CommandContext,
): Promise<ExitCode> {
  const { plan, broker, model, isWarm } = asked;
  const given = localFlags.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (given !== undefined)
    throw usageError(
      `--${given} needs --local: the topology's trainer runs, and learns from all that is known and asks the gate`,
      "it does not notice a training beside it",
    );
  return requestTraining(
    {
      plan,
      broker,
      model: model.name,
      ...whyOf(flags),
      ...(isWarm ? { mode: "warm" } : {}),
      hasRollout: model.rollout !== "none",
      clock: systemClock,
      say: (line) => context.stdout(`${line}\n`),
    },
    context.stop,
  );
}

/** @throws ExitError 64 */
function checkForce({ force, promote, reason }: Readonly<Record<string, unknown>>): void {
  if (force !== true) return;
  if (promote === true) throw usageError("--promote asks the gate, and --force does not: choose one");
  if (typeof reason !== "string")
    throw usageError(
      "--force needs --reason",
      "it replaces what serves without asking whether the new version is better",
    );
}

/** The model that is to be trained. @throws ExitError 64 where it has to be named, or the topology has none of the name */
function wantedModel({ topology, models }: Plan, given: unknown): string {
  const names = models.map((planned) => planned.name);
  const wanted = typeof given === "string" ? given : names.length === 1 ? names[0] : undefined;
  if (wanted === undefined || !names.includes(wanted)) {
    const meant = closest(wanted ?? "", names);
    throw usageError(
      wanted === undefined ? "--model is needed" : `--model: ${topology} has no model ${JSON.stringify(wanted)}`,
      meant === undefined ? `it has ${names.join(", ")}` : `did you mean "${meant}"?`,
    );
  }
  return wanted;
}

/** Ends with 1 where the gate rejects the version, and with 75 where it has too little to decide by. */
async function challenge(options: TrainingOptions, champion: number, context: CommandContext): Promise<ExitCode> {
  const outcome = await challengeModel(options, champion, context.stop);
  for (const warning of outcome.warnings) context.stderr(`MR_TRAINING warning: ${warning}\n`);
  context.stdout(`${challengeText(options.model.name, outcome)}${baselinesText(outcome.baselines)}`);
  if (outcome.alias === championAlias && outcome.version !== undefined) {
    await adopted(options, outcome.version, context);
    return exitCodes.ok;
  }
  return outcome.decision.kind === "rejected" ? exitCodes.failure : exitCodes.temporary;
}

/** Waits as `models promote` does. @throws ExitError 75 where a task has not adopted the version in time */
async function adopted(options: TrainingOptions, version: number, { stdout, stop }: CommandContext): Promise<void> {
  const refuse = await followAdoption(
    options.model.name,
    version,
    { plan: options.plan, reach: options },
    stdout,
    stop,
  );
  refuse();
}

/** Metrics and what they were measured on, one line each. */
export function outcomeText(model: string, outcome: Omit<ModelOutcome, "baselines">): string {
  const { metrics } = outcome;
  const lines = [
    `model ${model} version ${outcome.version}`,
    `rows train ${outcome.trainRows} validation ${outcome.validationRows} from ${outcome.splitAt ?? "-"} unlabelled ${outcome.unlabelled} undecodable ${outcome.undecodable} untimed ${outcome.untimed}`,
    `left out labelled_after_split ${outcome.labelledAfterSplit} labels_after_to ${outcome.labelsAfterBound} repeats ${outcome.repeats} repeats_differing ${outcome.repeatsDiffering} inexact ${outcome.inexact}`,
    metrics === null
      ? "metrics none: the later rows lack one of the classes"
      : `metrics auc ${metrics.auc.toFixed(4)} average_precision ${metrics.averagePrecision.toFixed(4)} log_loss ${metrics.logLoss.toFixed(4)} brier ${metrics.brier.toFixed(4)}`,
    ...candidatesText(outcome),
    `alias ${outcome.alias} -> ${outcome.version}`,
  ];
  return lines.join("\n");
}

/** What each of several candidates came to, and which was taken. */
function candidatesText({ candidates, metric }: TrainingOutcome): readonly string[] {
  if (candidates.length < 2) return [];
  const figure: Readonly<Record<ChoiceMetric, keyof BinaryMetrics>> = {
    average_precision: "averagePrecision",
    auc: "auc",
    log_loss: "logLoss",
    brier: "brier",
  };
  const each = candidates.map(
    ({ learner, metrics }) => `${learner} ${metrics === null ? "-" : metrics[figure[metric]].toFixed(4)}`,
  );
  return [`candidates by ${metric} ${each.join(" ")}: ${candidates.find(({ isChosen }) => isChosen)?.learner}`];
}

/** A line per phase, and while reading one every second; the last line of a reading says that all is read. */
export function trainingProgress(context: Pick<CommandContext, "stderr">) {
  let last = Number.NEGATIVE_INFINITY;
  let ended: string | undefined;
  return (phase: "features" | "labels" | "fit", done: number, total: number, loss?: number): void => {
    const now = systemClock.monotonicMs();
    const isEnd = phase !== "fit" && done >= total;
    if (isEnd && ended === phase) return;
    if (isEnd) ended = phase;
    if (phase !== "fit" && !isEnd && now - last < 1_000) return;
    last = now;
    context.stderr(
      phase === "fit" ? `fit iteration ${done} loss ${loss?.toFixed(6)}\n` : `reading ${phase} ${done} of ${total}\n`,
    );
  };
}
