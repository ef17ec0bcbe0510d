/** Puts a version in service: proven first, then champion and previous move in one transaction. */
import { nodeHasher, systemClock } from "../adapters/node/index.ts";
import { createPinoLogger } from "../adapters/pino/index.ts";
import type { Clock } from "../kernel/index.ts";
import {
  aliasedVersion,
  championAlias,
  changeAliases,
  promotionRecords,
  proveVersion,
} from "../runtime/control/index.ts";
import { type Broker, readAliases } from "../runtime/index.ts";
import type { Plan } from "../topology/index.ts";
import { followAdoption } from "./adoptions.ts";
import { ExitError, exitCodes } from "./exit.ts";
import type { Reach } from "./reach.ts";
import { tfjsOpener } from "./wire.ts";
import { baselinesText, writeBaselines } from "./written-baselines.ts";

export interface PromotionRequest {
  readonly plan: Plan;
  readonly reach: Pick<Reach, "broker" | "artefacts">;
  readonly model: string;
  readonly version: number;
  readonly by: string;
  readonly reason?: string;
  /** Says what would be done, and does nothing but prove the version. */
  readonly isDry: boolean;
  /** What has to stand still for it: the version that an alias has to point at when it is done. */
  readonly expected?: { readonly alias: string; readonly version: number };
}

export interface PromotionOutcome {
  readonly model: string;
  readonly version: number;
  /** The champion that it replaced; null where there was none. */
  readonly replaced: number | null;
  /** Of the champion's record on the control topic; null where nothing was written. */
  readonly offset: number | null;
}

/**
 * @throws OperationError MR_MODEL when the version does not hold; ExitError 75 when somebody else moved the aliases that
 *   it was decided by
 */
export async function promoteVersion(request: PromotionRequest, signal: AbortSignal): Promise<PromotionOutcome> {
  const { plan, reach, model, version, by, reason, isDry, expected } = request;
  const { broker, artefacts } = reach;
  const openTfjs = tfjsOpener(createPinoLogger("warn"));
  await proveVersion(model, version, { plan, artefacts, hasher: nodeHasher, openTfjs }, signal);
  const at = systemClock.now();
  const promotion = { model, version, at, by, ...(reason === undefined ? {} : { reason }) };
  if (isDry) return { model, version, replaced: await championOf(broker, plan, model, signal), offset: null };
  let replaced: number | undefined;
  const { offset } = await changeAliases(
    broker,
    plan.control,
    (aliases) => {
      if (expected !== undefined && aliasedVersion(aliases, model, expected.alias) !== expected.version)
        throw new ExitError(exitCodes.temporary, `${expected.alias} of ${model} was moved in the meantime`, {
          hint: "see `millrace models list`, and try again",
        });
      replaced = aliasedVersion(aliases, model, championAlias);
      return promotionRecords(aliases, promotion);
    },
    at,
    signal,
  );
  // Whoever prunes looks at the aliases before it removes anything, but not in one step with it.
  if (!(await artefacts.versions(model, signal)).includes(version))
    throw new ExitError(exitCodes.failure, `version ${version} of ${model} was removed while it was promoted`, {
      code: "MR_MODEL",
      hint: "`millrace models rollback` goes back to the champion before",
    });
  return { model, version, replaced: replaced ?? null, offset: offset ?? null };
}

async function championOf(broker: Broker, plan: Plan, model: string, signal: AbortSignal): Promise<number | null> {
  const { aliases } = await readAliases(broker, plan.control.clusterName, signal);
  return aliasedVersion(aliases, model, championAlias) ?? null;
}

/**
 * What follows when it serves: each task that lives has adopted it, and monitors compare with what it learned from.
 *
 * @throws ExitError 75 when a task has not adopted it in time; all else is done then
 */
export async function followPromotion(
  { model, version, offset }: PromotionOutcome,
  { plan, reach }: { readonly plan: Plan; readonly reach: Pick<Reach, "broker" | "registry" | "artefacts"> },
  say: (text: string) => void,
  signal: AbortSignal,
  clock: Pick<Clock, "monotonicMs" | "sleep" | "now"> = systemClock,
): Promise<void> {
  const refuse = await followAdoption(model, version, { plan, reach }, say, signal, clock);
  // Of one that serves already they were measured when it came, unless that was cut off here.
  const lacking = offset === null ? { lackingOf: version } : {};
  const by = { ...reach, clock, hasher: nodeHasher };
  say(baselinesText(await writeBaselines({ plan, model, ...lacking, ...by }, signal)));
  refuse();
}

/** What became of it, in lines. */
export function promotionText(
  { model, version, replaced, offset }: PromotionOutcome,
  plan: Plan,
  isDry: boolean,
): string {
  if (replaced === version) return `version ${version} of ${model} is the champion already\n`;
  const before = replaced === null ? "there was no champion" : `previous -> ${replaced}`;
  if (isDry) return `would promote: model ${model} champion -> ${version}, ${before}; it opens, fits and scores\n`;
  return `model ${model} champion -> ${version}, ${before}, at offset ${offset} of ${plan.control.clusterName}\n`;
}
