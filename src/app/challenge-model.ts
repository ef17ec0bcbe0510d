import {
  aliasedVersion,
  aliasRecord,
  challengerAlias,
  championAlias,
  changeAliases,
  promotionRecords,
} from "../runtime/control/index.ts";
import { type ChallengerOutcome, trainChallenger } from "../training/index.ts";
import { requestOf, type TrainingOptions } from "./train-model.ts";
import { type TrainedBaseline, writeBaselines } from "./written-baselines.ts";

/** What a challenge came to. */
export interface ChallengeOutcome extends ChallengerOutcome {
  /** The version that it stood beside. */
  readonly champion: number;
  /** What points at the new version; undefined where none was written. */
  readonly alias: typeof championAlias | typeof challengerAlias | undefined;
  readonly baselines: readonly TrainedBaseline[];
}

/**
 * Trains a model beside the version in service, as {@link trainChallenger} does, and puts it in service when the gate
 * accepts it. Where another version has come into service in the meantime the new one was not compared with that, and
 * becomes the challenger.
 */
export async function challengeModel(
  options: TrainingOptions,
  champion: number,
  signal: AbortSignal,
): Promise<ChallengeOutcome> {
  const { plan, model, broker, clock, by = "train", reason } = options;
  const { gate, name } = model;
  const mode = options.warmFrom === undefined ? "full" : "warm";
  const outcome = await trainChallenger(
    { ...requestOf(options), gate, champion, cause: "manual", newestRows: undefined, mode },
    signal,
  );
  const { version } = outcome;
  if (version === undefined) return { ...outcome, champion, alias: undefined, baselines: [] };
  const at = clock.now();
  const promotion = { model: name, version, at, by, ...(reason === undefined ? {} : { reason }) };
  let alias: ChallengeOutcome["alias"] = championAlias;
  await changeAliases(
    broker,
    plan.control,
    (aliases) => {
      alias = aliasedVersion(aliases, name, championAlias) === champion ? championAlias : challengerAlias;
      return alias === championAlias ? promotionRecords(aliases, promotion) : [aliasRecord({ ...promotion, alias })];
    },
    at,
    signal,
  );
  const baselines = alias === championAlias ? await writeBaselines({ ...options, model: name }, signal) : [];
  return { ...outcome, champion, alias, baselines };
}

/** The decision, each check, and what became of the version, in lines. */
export function challengeText(model: string, { decision, version, champion, alias }: ChallengeOutcome): string {
  const lines = [
    `gate ${decision.kind}: ${decision.reason}`,
    ...decision.checks.map(({ name, outcome, text }) => `check ${name} ${outcome}: ${text}`),
    version === undefined
      ? `model ${model}: no version was written, champion stays ${champion}`
      : `model ${model} version ${version}\nalias ${alias} -> ${version}`,
  ];
  return `${lines.join("\n")}\n`;
}
