import { z } from "zod";
import { formatDurationMs } from "../../kernel/index.ts";
import type { StoreSpec } from "../../state/index.ts";
import type { StoreShape } from "../../step/index.ts";
import type { Plan, PlannedStage } from "../plan/plan.ts";
import type { ClusterDescription } from "./cluster.ts";

/** What a store on the cluster is: `apply` writes it to the control topic, under `store/<stage>/<store>`. */
export interface HeldStore extends StoreShape {
  readonly stage: string;
  readonly store: string;
  readonly kind: StoreSpec["kind"];
  readonly version: number;
  /** Id of the stage's input topic on the cluster; null where the cluster gives topics none. */
  readonly inputTopicId: string | null;
}

/** `STAGE/STORE`, by which a store is named on the command line and in maps. */
export function storeKey({ stage, store }: Pick<HeldStore, "stage" | "store">): string {
  return `${stage}/${store}`;
}

const heldStore = z.object({
  stage: z.string(),
  store: z.string(),
  kind: z.enum(["rolling", "ids"]),
  version: z.int(),
  key: z.string(),
  columns: z.array(z.string().nullable()),
  where: z.string().nullable(),
  windowsMs: z.array(z.number()),
  longestMs: z.number(),
  reachMs: z.number(),
  ttlMs: z.number().optional(),
  inputTopicId: z.string().nullable(),
});

/** Undefined for text that says no such thing. */
export function parseHeldStore(text: string): HeldStore | undefined {
  try {
    return heldStore.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** What the stores of a stage are by the plan, those that are written down alone. */
export function storesOf(stage: PlannedStage, cluster: ClusterDescription): HeldStore[] {
  const input = cluster.topics.find(({ topic }) => topic === stage.from.clusterName);
  return stage.memories.flatMap(({ store: { name, kind, version }, holds }, index) =>
    stage.stores[index]?.changelog === undefined
      ? []
      : [{ stage: stage.name, store: name, kind, version, ...holds, inputTopicId: input?.id ?? null }],
  );
}

/** The store goes on as `next`, or the reasons why what is held is of no use to the plan. */
export type StoreVerdict = { readonly next: HeldStore } | { readonly reasons: readonly string[] };

/**
 * Compares what is held with what a plan needs. Fewer columns, and windows that are not longer than what rows are held
 * for, go on: the rows keep their form, in which a column that no feature needs is null from then on, and can never be
 * filled again, since rows in between would lack it. A shorter time to live goes on; a longer one only where nothing
 * that the plan looks back to can have been forgotten.
 */
export function compareStore(held: HeldStore, wanted: HeldStore): StoreVerdict {
  const reasons = [
    ...differences(held, wanted),
    ...(held.kind === "rolling" && wanted.kind === "rolling" ? rollingReasons(held, wanted) : idsReasons(held, wanted)),
  ];
  if (held.reachMs < wanted.reachMs)
    reasons.push(`it reaches ${textOf(held.reachMs)} behind stream time, and the plan needs ${textOf(wanted.reachMs)}`);
  else if (isLonger(wanted.ttlMs, held.ttlMs) && (held.ttlMs ?? 0) < wanted.reachMs)
    reasons.push(
      `it forgot keys ${textOf(held.ttlMs ?? 0)} after their last record, and the plan ${wanted.ttlMs === undefined ? "does not" : `after ${textOf(wanted.ttlMs)}`}`,
    );
  if (reasons.length > 0) return { reasons };
  const columns = held.columns.map((column) => (wanted.columns.includes(column) ? column : null));
  const latenessMs = wanted.reachMs - wanted.longestMs;
  const ttlMs = isLonger(wanted.ttlMs, held.ttlMs) ? held.ttlMs : undefined;
  // What was forgotten does not come back with a longer time to live.
  const reachMs = Math.min(held.reachMs, latenessMs + held.longestMs, ttlMs ?? Number.POSITIVE_INFINITY);
  return { next: { ...wanted, columns, longestMs: held.longestMs, reachMs } };
}

/** Of two times to live, where undefined is for ever. */
function isLonger(ttlMs: number | undefined, than: number | undefined): boolean {
  return (ttlMs ?? Number.POSITIVE_INFINITY) > (than ?? Number.POSITIVE_INFINITY);
}

function differences(held: HeldStore, wanted: HeldStore): string[] {
  const reasons: string[] = [];
  if (held.kind !== wanted.kind) reasons.push(`it holds ${held.kind}, and the plan needs ${wanted.kind}`);
  if (held.version !== wanted.version)
    reasons.push(`it is of version ${held.version}, and the plan's of version ${wanted.version}`);
  if (held.key !== wanted.key) reasons.push(`it is by ${held.key}, and the plan's by ${wanted.key}`);
  if (held.where !== wanted.where)
    reasons.push(`it holds ${conditionText(held.where)}, and the plan needs ${conditionText(wanted.where)}`);
  // An id that was not known is known at the next apply.
  if (held.inputTopicId !== null && held.inputTopicId !== wanted.inputTopicId)
    reasons.push("the stage's input topic is another one than it was made of: it was deleted and made anew");
  return reasons;
}

function rollingReasons(held: HeldStore, wanted: HeldStore): string[] {
  const reasons: string[] = [];
  const lacking = wanted.columns.filter((column) => !held.columns.includes(column));
  if (lacking.length > 0) reasons.push(`it does not hold ${lacking.join(", ")}`);
  if (held.longestMs < wanted.longestMs)
    reasons.push(`it holds rows for ${textOf(held.longestMs)}, and the longest window is ${textOf(wanted.longestMs)}`);
  return reasons;
}

/** Times of an id that are closer than `within` have become one span: what lies between them is not known any more. */
function idsReasons(held: HeldStore, wanted: HeldStore): string[] {
  if (held.longestMs === wanted.longestMs) return [];
  return [`it tells repeats within ${textOf(held.longestMs)}, and the plan within ${textOf(wanted.longestMs)}`];
}

function conditionText(where: string | null): string {
  return where === null ? "every record" : `the records with ${where}`;
}

function textOf(ms: number): string {
  return formatDurationMs(ms);
}

/** `rolling by customer_id of amount, held for 7d`. */
export function storeText({ kind, key, columns, where, longestMs, ttlMs }: HeldStore): string {
  const filled = columns.filter((column) => column !== null);
  const of = filled.length === 0 ? "" : ` of ${filled.join(", ")}`;
  return `${kind} by ${key}${of}${where === null ? "" : ` where ${where}`}, held for ${textOf(longestMs)}${ttlMs === undefined ? "" : `, at most ${textOf(ttlMs)} after a key's last record`}`;
}

function shapeOf({ key, columns, where, windowsMs, longestMs, reachMs, ttlMs }: HeldStore): StoreShape {
  return { key, columns, where, windowsMs, longestMs, reachMs, ttlMs };
}

/** The plan with stores in the form in which they are held; a store that is not held has the form of its step. */
export function onHeldStores(plan: Plan, held: ReadonlyMap<string, HeldStore>): Plan {
  const stages = plan.stages.map((stage) => ({
    ...stage,
    memories: stage.memories.map((memory) => {
      const shape = held.get(storeKey({ stage: stage.name, store: memory.store.name }));
      return shape === undefined ? memory : { ...memory, holds: shapeOf(shape), create: () => memory.create(shape) };
    }),
  }));
  return { ...plan, stages };
}
