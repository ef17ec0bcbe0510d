import type { EpochMs } from "../../kernel/index.ts";
import type { PartialRecord } from "../records/partial-record.ts";

/** Windows with a change that are remembered. */
const changesMax = 64;

/**
 * When the stages of a monitor went over to another plan or model, and when a writer's schema was first met, as the
 * partials tell it: by the begin of the window.
 */
export class Deployments {
  readonly #tasks = new Map<string, Pick<PartialRecord, "fromMs" | "plan" | "model">>();
  readonly #changes = new Set<EpochMs>();
  readonly #schemas = new Map<number, EpochMs>();
  #firstMs = Number.POSITIVE_INFINITY;

  take({ stage, partition, fromMs, plan, model, schemas }: PartialRecord): void {
    const key = `${stage}/${partition}`;
    const before = this.#tasks.get(key);
    if (before === undefined || fromMs >= before.fromMs) {
      const isOther = before !== undefined && (before.plan !== plan || isOtherModel(before.model, model));
      if (isOther) this.#changes.add(fromMs);
      this.#tasks.set(key, { fromMs, plan, model: model ?? before?.model });
    }
    this.#firstMs = Math.min(this.#firstMs, fromMs);
    for (const { id } of schemas) this.#schemas.set(id, Math.min(this.#schemas.get(id) ?? fromMs, fromMs));
    for (const oldest of this.#changes) {
      if (this.#changes.size <= changesMax) return;
      this.#changes.delete(oldest);
    }
  }

  /** Whether there was a change in a window that begins from then on and before the other time. */
  hasChangeWithin(fromMs: EpochMs, toMs: EpochMs): boolean {
    return [...this.#changes].some((ms) => ms >= fromMs && ms < toMs);
  }

  /** Undefined of a schema that was there in the first window of all: nobody knows since when. */
  schemaSince(id: number): EpochMs | undefined {
    const since = this.#schemas.get(id);
    return since === undefined || since <= this.#firstMs ? undefined : since;
  }
}

function isOtherModel(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
