import { nodeHasher } from "../../../src/adapters/node/index.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import {
  baselineSchema,
  encodeVerdict,
  type VerdictRecord,
  verdictKey,
  verdictSchema,
} from "../../../src/monitor/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import {
  createEncoder,
  parseRecordSchema,
  type RecordSchema,
  type Row,
  writeSchemaId,
} from "../../../src/schema/index.ts";
import { FakeClock, MemoryRegistry } from "../../../src/testing/index.ts";
import { writtenAtMs } from "../../support/records.ts";

const never = new AbortController().signal;
export const hourMs = 3_600_000;

/** Rows with a time, a number and a text. */
export const rowSchema: RecordSchema = (() => {
  const parsed = parseRecordSchema(
    {
      type: "record",
      name: "Reading",
      fields: [
        { name: "event_id", type: "string" },
        { name: "at", type: ["null", { type: "long", logicalType: "timestamp-millis" }], default: null },
        { name: "amount", type: ["null", "double"], default: null },
        { name: "country", type: "string", default: "" },
        { name: "serial", type: "long", default: 0 },
      ],
    },
    "Reading",
  );
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
})();

/** The monitor of topic `rows`, of whose fields there are two. */
export const rowsMonitor = {
  name: "m",
  version: "00000000000000aa",
  windowMs: hourMs,
  timeField: "at",
  topic: { name: "rows", clusterName: "shop.rows", schema: rowSchema },
  fields: [
    { name: "amount", kind: "numbers", isSensitive: false },
    { name: "country", kind: "categories", isSensitive: false },
  ],
} as const;

/** A topic of rows with two partitions, a baselines topic whose schema is registered, and a control topic. */
export class BaselineScene {
  readonly broker: Broker;
  readonly registry = new MemoryRegistry();
  readonly clock = new FakeClock(writtenAtMs);
  readonly hasher = nodeHasher;
  readonly topic = "shop.baselines";
  readonly controlTopic = "shop.control";
  readonly verdictsTopic = "shop.verdicts";
  readonly #encoder = createEncoder(rowSchema);

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  static async open(): Promise<BaselineScene> {
    const scene = new BaselineScene(await openMemoryBroker(64 * 1024 * 1024, silentLogger));
    const configs = {};
    const one = { partitions: 1, replication: undefined, configs };
    const topics = [
      { ...one, topic: "shop.rows", partitions: 2 },
      { ...one, topic: scene.topic },
      { ...one, topic: scene.controlTopic },
      { ...one, topic: scene.verdictsTopic },
    ];
    await scene.broker.admin.createTopics(topics, never);
    await scene.registry.register(`${scene.topic}-value`, baselineSchema.json);
    return scene;
  }

  /** Appends verdicts, written at the time of their judgement. */
  async judge(verdicts: readonly VerdictRecord[]): Promise<void> {
    const { id } = await this.registry.register(`${this.verdictsTopic}-value`, verdictSchema.json);
    const records = verdicts.map((verdict) => ({
      topic: this.verdictsTopic,
      partition: 0,
      timestampMs: verdict.judgedAtMs,
      key: Buffer.from(verdictKey(verdict)),
      value: encodeVerdict(verdict, id),
    }));
    await this.broker.append(records, never);
  }

  /** Appends rows to one partition; a row that is undefined is no Avro. */
  async send(partition: number, rows: readonly (Row | undefined)[]): Promise<void> {
    const { id } = await this.registry.register("shop.rows-value", rowSchema.json);
    const records = rows.map((row) => {
      const bytes = Buffer.alloc(100);
      const value =
        row === undefined
          ? Buffer.from("?")
          : bytes.subarray(
              0,
              this.#encoder.encode(
                { event_id: "e", amount: null, country: "", serial: 0, ...row },
                bytes,
                writeSchemaId(bytes, 0, id),
              ),
            );
      return { topic: "shop.rows", partition, timestampMs: writtenAtMs, key: null, value };
    });
    await this.broker.append(records, never);
  }
}
