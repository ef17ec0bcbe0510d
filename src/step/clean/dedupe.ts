import { z } from "zod";
import { type RowContext, ref } from "../../expression/index.ts";
import { kindText } from "../../schema/index.ts";
import { IdStore, type IdStoreOptions } from "../../state/index.ts";
import { duration, durationMs, fieldName, storeName } from "../config-parts.ts";
import { defineStep, lateOps, type StepMemory, type StoreShape, timeOf } from "../contract.ts";
import { isTextual } from "../fields.ts";

const dedupeConfig = z.strictObject({
  by: fieldName.describe("Field that tells events apart; a record in which it is null is never a repeat."),
  within: duration.describe("A record is a repeat when the id came before with an event time closer than this."),
  store: storeName.optional(),
});

export const dedupe = defineStep({
  kind: "dedupe",
  summary:
    "Filters repeats, under the reason `duplicate`: the same id at an earlier offset of the partition, with event times closer than `within`. Judged before lateness; an id counts as seen even when its record is late or fails in a later step.",
  config: dedupeConfig,
  example: { by: "payment_id", within: "1d" },
  lookBackMs: ({ within }) => durationMs(within),
  lower: ({ by, within, store }, context) => {
    const time = timeOf(context);
    const field = context.field(by, ["by"]);
    if (time === undefined || field === undefined) return [];
    if (!isTextual(field.type.kind)) {
      context.problem({
        code: "MR_WRONG_TYPE",
        path: ["by"],
        message: `${by} is ${kindText(field.type)}, and an id must be text, a number, a boolean or a time`,
      });
      return [];
    }
    const id = context.expression(ref(by), ["by"]);
    const timeMs = context.expression(ref(time.name), []);
    if (id === undefined || timeMs === undefined) return [];
    const spec = { name: context.storeName("dedupe", store), kind: "ids", version: 1 } as const;
    const options = {
      spec,
      withinMs: durationMs(within),
      latenessMs: context.latenessMs,
      keysMax: context.keysMax,
      ttlMs: context.ttlMs,
    };
    const memory = context.memory({
      store: spec,
      holds: shapeOf(by, options),
      create: () => new DedupeMemory(options),
    });
    const call = { op: "call", memory, texts: [id], numbers: [timeMs], results: [], drops: ["duplicate"] } as const;
    return [call, ...lateOps(context)];
  },
});

function shapeOf(by: string, { withinMs, latenessMs, ttlMs }: IdStoreOptions): StoreShape {
  const reachMs = latenessMs + withinMs;
  return { key: by, columns: [], where: null, windowsMs: [withinMs], longestMs: withinMs, reachMs, ttlMs };
}

/** Judges ids: `texts` is the id, `numbers` the event time; the answer 1 is a repeat. */
class DedupeMemory implements StepMemory {
  readonly texts: (string | null)[] = [null];
  readonly numbers = new Float64Array(1);
  readonly results = new Float64Array(0);
  readonly store: IdStore;

  constructor(options: IdStoreOptions) {
    this.store = new IdStore(options);
  }

  update({ offset, streamTimeMs }: RowContext): number {
    const id = this.texts[0] ?? null;
    const timeMs = this.numbers[0] ?? Number.NaN;
    // A record without a time fails at the `late` operation that follows.
    if (id === null || Number.isNaN(timeMs)) return 0;
    return this.store.judge(id, timeMs, offset, streamTimeMs) ? 1 : 0;
  }
}
