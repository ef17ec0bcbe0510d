import type { ErrorCode, Problem } from "../../kernel/index.ts";
import type { Plan, PlannedStage } from "../plan/plan.ts";
import { countOf } from "../plan/text.ts";
import type { ClusterDescription } from "./cluster.ts";
import { compareStore, type HeldStore, storeKey, storesOf, storeText } from "./held-stores.ts";

/** What is known of the stores on a cluster. */
export interface StoresOnCluster {
  readonly cluster: ClusterDescription;
  /** The stores that the control topic describes, by `STAGE/STORE`; undefined when nobody looked. */
  readonly stores?: ReadonlyMap<string, HeldStore> | undefined;
  /** Changelogs of stores that it does not describe, and that hold something all the same. */
  readonly filledChangelogs?: ReadonlySet<string> | undefined;
  /** Stores, as `STAGE/STORE`, whose changelog is to be made anew whatever it holds. */
  readonly reset?: ReadonlySet<string> | undefined;
  /** Names of the members that the groups of stages have, by group, as far as stores of them are to be made anew. */
  readonly members?: ReadonlyMap<string, readonly string[]> | undefined;
}

/** A store to describe on the control topic, and its stage's input, which may not be there yet. */
export interface StoreToDescribe {
  readonly held: HeldStore;
  readonly inputTopic: string;
}

/** What becomes of the stores on the cluster. */
export interface StoreChanges {
  readonly describe: readonly StoreToDescribe[];
  /** Of stores that a stage has no more: their records on the control topic go, so that nobody takes them up again. */
  readonly forget: readonly Pick<HeldStore, "stage" | "store">[];
  /** Changelogs that are deleted and made anew. */
  readonly reset: readonly string[];
  readonly lines: readonly string[];
  readonly problems: readonly Problem[];
  /** The stores as they are held once this is done, by `STAGE/STORE`. */
  readonly held: ReadonlyMap<string, HeldStore>;
}

/** Compares the stores of a plan with those that the control topic describes; with nothing where nobody looked. */
export function storeChanges(plan: Plan, state: StoresOnCluster): StoreChanges {
  const comparison = new StoreComparison(state);
  if (state.stores === undefined) return comparison;
  for (const stage of plan.stages) comparison.stage(stage);
  return comparison;
}

class StoreComparison implements StoreChanges {
  readonly describe: StoreToDescribe[] = [];
  readonly forget: Pick<HeldStore, "stage" | "store">[] = [];
  readonly reset: string[] = [];
  readonly lines: string[] = [];
  readonly problems: Problem[] = [];
  readonly held = new Map<string, HeldStore>();
  readonly #state: StoresOnCluster;

  constructor(state: StoresOnCluster) {
    this.#state = state;
  }

  stage(stage: PlannedStage): void {
    const wanted = storesOf(stage, this.#state.cluster);
    for (const store of wanted) {
      const planned = stage.stores.find(({ store: { name } }) => name === store.store);
      this.#store(store, stage, planned?.changelog?.clusterName ?? "");
    }
    for (const held of this.#state.stores?.values() ?? []) {
      if (held.stage !== stage.name || wanted.some(({ store }) => store === held.store)) continue;
      this.forget.push({ stage: held.stage, store: held.store });
      const isVolatile = stage.stores.some(({ store }) => store.name === held.store);
      const why = isVolatile ? "it is volatile from now on" : "no step has it any more";
      this.lines.push(`- store ${storeKey(held)}: ${why}, and what was written down of it is forgotten`);
    }
  }

  #store(wanted: HeldStore, { from, group }: PlannedStage, changelog: string): void {
    const { stores, reset, filledChangelogs, members } = this.#state;
    const key = storeKey(wanted);
    const held = stores?.get(key);
    const inUseBy = members?.get(group) ?? [];
    if (reset?.has(key) === true && inUseBy.length > 0) {
      // Who goes on with what it holds in memory would write it into the changelog that was just emptied.
      const message = `store ${key} is in use: group ${group} has ${countOf(inUseBy.length, "member")}, ${inUseBy.join(", ")}`;
      const hint =
        "end the workers of the stage; one that has ended without leaving is a member until its session is over";
      this.#block("MR_STATE_IN_USE", wanted.stage, message, hint);
      return;
    }
    if (reset?.has(key) === true) {
      this.reset.push(changelog);
      this.#add(wanted, from.clusterName);
      return;
    }
    if (held === undefined) {
      if (filledChangelogs?.has(changelog) === true)
        this.#refuse(key, wanted.stage, [`nothing says what topic ${changelog} holds`]);
      else this.#add(wanted, from.clusterName);
      return;
    }
    const verdict = compareStore(held, wanted);
    if ("reasons" in verdict) {
      this.#refuse(key, wanted.stage, verdict.reasons);
      return;
    }
    this.held.set(key, verdict.next);
    if (isEqual(held, verdict.next)) return;
    this.describe.push({ held: verdict.next, inputTopic: from.clusterName });
    this.lines.push(`+ store ${key}: goes on as ${storeText(verdict.next)}`);
  }

  #add(wanted: HeldStore, inputTopic: string): void {
    this.held.set(storeKey(wanted), wanted);
    this.describe.push({ held: wanted, inputTopic });
    this.lines.push(`+ store ${storeKey(wanted)}: ${storeText(wanted)}`);
  }

  #refuse(key: string, stage: string, reasons: readonly string[]): void {
    const message = `what store ${key} holds is of no use to the plan: ${reasons.join("; ")}`;
    const hint = `change the step back, give it another store:, or drop what is held: apply --reset-state ${key}`;
    this.#block("MR_STATE_CHANGED", stage, message, hint);
  }

  #block(code: ErrorCode, stage: string, message: string, hint: string): void {
    this.lines.push(`! ${message}; ${hint}`);
    this.problems.push({ code, path: ["stages", stage], message, hint });
  }
}

function isEqual(one: HeldStore, other: HeldStore): boolean {
  const text = (store: HeldStore): string =>
    JSON.stringify(
      Object.entries(store)
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return text(one) === text(other);
}
