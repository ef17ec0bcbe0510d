import {
  baselineKey,
  decodePartial,
  encodeBaseline,
  type HeartbeatRecord,
  isHeartbeat,
  type PartialRecord,
} from "../../../src/monitor/index.ts";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import {
  baselineRecords,
  type ExpectedPartial,
  expectedPartials,
  type MonitorName,
  shopMonitors,
  type WrittenRow,
  windowKey,
} from "../../oracle/monitored-windows.ts";
import { baselineSchemaId, DurableShop } from "./durable-shop.ts";
import { rowOf } from "./fixture.ts";

const never = new AbortController().signal;
/** Less than what the stage waits for, so that rows come which are late here. */
const lateMs = 60_000;

/** The shop with two monitors on its features. */
export class MonitoredShop extends DurableShop {
  constructor(delivery: DeliveryMode, monitors = shopMonitors) {
    super(delivery, 100_000_000, monitors, (plan) => ({
      ...plan,
      monitoring: plan.monitoring && {
        ...plan.monitoring,
        monitors: plan.monitoring.monitors.map((monitor) => ({ ...monitor, lateMs })),
      },
    }));
  }

  /** Puts a baseline of that name into service, of this version of the monitors. */
  async putBaselines(id: string, names?: readonly MonitorName[]): Promise<void> {
    const topic = this.plan.monitoring?.topics.baselines.clusterName ?? "";
    await this.broker.append(
      baselineRecords(this.plan, id, names).map((record) => {
        const [key, value] = [Buffer.from(baselineKey(record)), encodeBaseline(record, baselineSchemaId)];
        return { topic, partition: 0, timestampMs: 1, key, value };
      }),
      never,
    );
  }

  /** Lets so much time go by, a quarter of a second at once. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs + ms;
    await this.until(() => {
      this.clock.nowMs += 240;
      return this.clock.nowMs >= untilMs;
    });
  }

  /** When a task told of windows that were open then, ascending. */
  async openToldMs(task: number): Promise<number[]> {
    const records = await this.records(this.plan.monitoring?.topics.partials.clusterName ?? "");
    const times = records.flatMap(({ value, timestampMs }) => {
      const told = decodePartial(value!);
      return isHeartbeat(told) || told.isClosed || told.partition !== task ? [] : [timestampMs];
    });
    return [...new Set(times)];
  }

  async told(): Promise<(PartialRecord | HeartbeatRecord)[]> {
    const records = await this.records(this.plan.monitoring?.topics.partials.clusterName ?? "");
    return records.map(({ value }) => decodePartial(value!));
  }

  /** The last partial of each key, in an order of their own. */
  async partials(): Promise<PartialRecord[]> {
    const last = new Map<string, PartialRecord>();
    for (const record of await this.told()) {
      if (isHeartbeat(record)) continue;
      last.set(`${windowKey(record)}/${record.baseline}`, record);
    }
    return [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  }

  /** What the last partials say, as {@link expected} says it; of several baselines of a window the sum. */
  async counted(): Promise<ExpectedPartial[]> {
    return (await this.partials()).map((record) => ({
      monitor: record.monitor,
      partition: record.partition,
      fromMs: record.fromMs,
      rows: record.rows,
      late: record.late,
      offsetFrom: record.offsetFrom,
      offsetNext: record.offsetNext,
      streamTimeMs: record.streamTimeMs,
      counts: record.counts.map((counts) => [...counts]),
      schemas: record.schemas,
    }));
  }

  /** Rows that stand on the features, each once, in the order in which its task made them. */
  async rows(): Promise<WrittenRow[]> {
    const { schema, clusterName } = this.stage.to;
    const byId = new Map<string, WrittenRow>();
    for (const { value } of await this.records(clusterName)) {
      const row = rowOf(schema!, value) as Record<string, unknown>;
      const [, partition, offset] = String(row["event_id"]).split("-").map(Number);
      byId.set(String(row["event_id"]), {
        partition: partition!,
        offset: offset!,
        timeMs: Number(row["paid_at"]),
        row,
      });
    }
    return [...byId.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  }

  async expected(): Promise<ExpectedPartial[]> {
    return expectedPartials(await this.rows(), lateMs);
  }
}
