import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import {
  baselineKey,
  baselineSchema,
  encodeBaseline,
  encodeHeartbeat,
  encodePartial,
  heartbeatKey,
  type PartialRecord,
  partialKey,
  partialSchema,
} from "../../../src/monitor/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { atEndOf, baseline, head, partial, startMs } from "../monitor/judging/rig.ts";

const never = new AbortController().signal;

export function topicsOf(topology: string): { readonly partials: string; readonly baselines: string } {
  return { partials: `${topology}.partials`, baselines: `${topology}.baselines` };
}

/** Topics of partials and baselines, with the records given. */
export class History {
  readonly broker: Broker;
  readonly registry = new MemoryRegistry();
  readonly topics: ReturnType<typeof topicsOf>;
  #ids: readonly [partials: number, baselines: number] = [-1, -1];

  private constructor(broker: Broker, topology: string) {
    this.broker = broker;
    this.topics = topicsOf(topology);
  }

  /** @param topology whose topics they are */
  static async open(topology = "t"): Promise<History> {
    const history = new History(await openMemoryBroker(64 * 1024 * 1024, silentLogger), topology);
    const { topics } = history;
    const one = { partitions: 1, replication: undefined, configs: {} };
    await history.broker.admin.createTopics(
      Object.values(topics).map((topic) => ({ ...one, topic })),
      never,
    );
    const partials = await history.registry.register(`${topics.partials}-value`, partialSchema.json);
    const baselines = await history.registry.register(`${topics.baselines}-value`, baselineSchema.json);
    history.#ids = [partials.id, baselines.id];
    return history;
  }

  async write(topic: string, timestampMs: number, key: string, value: Buffer | null): Promise<void> {
    await this.broker.append([{ topic, partition: 0, timestampMs, key: Buffer.from(key), value }], never);
  }

  /** The rig's baseline. */
  async baseline(timestampMs: number, field = "x", id = "b"): Promise<void> {
    for (const record of [baseline(id, "m", field), head(id)])
      await this.write(this.topics.baselines, timestampMs, baselineKey(record), encodeBaseline(record, this.#ids[1]));
  }

  async partial(record: PartialRecord, timestampMs: number): Promise<void> {
    await this.write(this.topics.partials, timestampMs, partialKey(record), encodePartial(record, this.#ids[0]));
  }

  /** Windows from 0 on, in which both tasks have counted the same. */
  async windows(windows: readonly (readonly number[])[], over: globalThis.Partial<PartialRecord> = {}): Promise<void> {
    for (const [window, rows] of windows.entries())
      for (const partition of [0, 1]) await this.partial(partial(partition, window, rows, over), atEndOf(window));
  }

  async idle(partition: number, timestampMs: number): Promise<void> {
    const beat = { stage: "s", partition, streamTimeMs: startMs, isIdle: true };
    await this.write(this.topics.partials, timestampMs, heartbeatKey(beat), encodeHeartbeat(beat, this.#ids[0]));
  }
}
