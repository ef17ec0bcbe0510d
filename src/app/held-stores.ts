import { type Broker, type ControlRecord, writeControl } from "../runtime/index.ts";
import { type Changes, type HeldStore, parseHeldStore, storeKey } from "../topology/index.ts";

const keyPrefix = "store/";

/**
 * Takes the records of the control topic in their order, and knows the stores that they describe, by `STAGE/STORE`. A
 * record that is no such thing describes none.
 */
export class HeldStoreReader {
  readonly #stores = new Map<string, HeldStore>();

  take({ key, value }: ControlRecord): void {
    if (!key.startsWith(keyPrefix)) return;
    const name = key.slice(keyPrefix.length);
    const held = value === null ? undefined : parseHeldStore(value);
    if (held !== undefined && storeKey(held) === name) this.#stores.set(name, held);
    else this.#stores.delete(name);
  }

  get stores(): ReadonlyMap<string, HeldStore> {
    return this.#stores;
  }
}

/** Describes the stores on the control topic as they are from now on; their inputs exist. */
export async function writeHeldStores(
  { stores, controlTopic }: Changes,
  broker: Broker,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const inputs = [...new Set(stores.describe.map(({ inputTopic }) => inputTopic))];
  if (inputs.length + stores.forget.length === 0) return;
  // The ids of topics that were made just now.
  const { topics } = await broker.admin.describe(inputs, signal);
  const described = stores.describe.map(({ held, inputTopic }): ControlRecord => {
    const inputTopicId = topics.find(({ topic }) => topic === inputTopic)?.id ?? null;
    return { key: `${keyPrefix}${storeKey(held)}`, value: JSON.stringify({ ...held, inputTopicId }) };
  });
  const forgotten = stores.forget.map((store) => ({ key: `${keyPrefix}${storeKey(store)}`, value: null }));
  await writeControl(broker, controlTopic, [...described, ...forgotten], nowMs, signal);
}
