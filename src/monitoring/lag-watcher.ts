import { type Clock, codeOf, type EpochMs, type Facts, messageOf } from "../kernel/index.ts";
import {
  type AlertEvent,
  type AlertRules,
  LagAlerts,
  type LagMonitorSpec,
  Mutes,
  type SeenLag,
} from "../monitor/index.ts";
import type { Broker, ControlRecord } from "../runtime/index.ts";
import type { Plan } from "../topology/index.ts";
import type { LagWatcher } from "./judge-work.ts";
import { LagWatch, type StageLag } from "./lag-watch.ts";

const everyMs = 10_000;
/** A look that has no answer for so long has failed. */
const lookMsMax = 30_000;
/** Partitions of a stage whose oldest waiting record is read, those furthest behind. */
const readMax = 32;

export interface LagWatcherOptions {
  readonly plan: Pick<Plan, "topology" | "stages">;
  readonly monitors: readonly LagMonitorSpec[];
  readonly rules: AlertRules;
  readonly broker: Pick<Broker, "admin" | "read">;
  readonly clock: Clock;
  readonly facts: Facts;
}

/**
 * Looks every ten seconds how far the stages of a plan are behind, by what their groups have committed: a dead worker
 * cannot tell. A look happens beside the judging, and what comes of it is answered at the next tick.
 */
export class StageLagWatcher implements LagWatcher {
  readonly #options: LagWatcherOptions;
  #watch: LagWatch;
  #alerts: LagAlerts;
  #mutes: Mutes;
  #dueMs = Number.NEGATIVE_INFINITY;
  #over = new AbortController();
  #looking: Promise<void> | undefined;
  /** The look that nobody has asked for yet. */
  #done: { readonly seen: readonly SeenLag[] | undefined } | undefined;
  #behindMs: ReadonlyMap<string, number> = new Map();
  #isSaid = false;

  constructor(options: LagWatcherOptions) {
    this.#options = options;
    [this.#watch, this.#alerts, this.#mutes] = this.#anew();
  }

  begin(): void {
    [this.#watch, this.#alerts, this.#mutes] = this.#anew();
    this.#dueMs = Number.NEGATIVE_INFINITY;
    this.#over = new AbortController();
    this.#done = undefined;
    this.#behindMs = new Map();
  }

  takeEvent(event: AlertEvent): void {
    this.#alerts.takeEvent(event);
  }

  takeCommand(record: ControlRecord): void {
    this.#mutes.take(record);
  }

  tick(nowMs: number): { readonly events: readonly AlertEvent[]; readonly behindMs: ReadonlyMap<string, number> } {
    const done = this.#done;
    this.#done = undefined;
    if (this.#looking === undefined && nowMs >= this.#dueMs) {
      this.#dueMs = nowMs + everyMs;
      this.#looking = this.#look(this.#over.signal).finally(() => {
        this.#looking = undefined;
      });
    }
    const atMs = this.#options.clock.now();
    const isMuted = (monitor: string, field: string): boolean => this.#mutes.isMuted(monitor, field, atMs);
    const events = done === undefined ? [] : this.#alerts.look(done.seen, atMs, isMuted);
    return { events, behindMs: this.#behindMs };
  }

  async end(): Promise<void> {
    this.#over.abort(new Error("watching the lag is over"));
    await this.#looking;
  }

  #anew(): [LagWatch, LagAlerts, Mutes] {
    const { plan, monitors, rules, broker } = this.#options;
    const { topology, stages } = plan;
    const names = stages.map(({ name }) => name);
    return [
      new LagWatch(plan, broker.admin),
      new LagAlerts({ topology, monitors, stages: names, rules }),
      new Mutes(topology),
    ];
  }

  /** Does not throw. */
  async #look(ended: AbortSignal): Promise<void> {
    const { clock, facts } = this.#options;
    const late = new AbortController();
    const timer = clock.sleep(lookMsMax, AbortSignal.any([ended, late.signal])).then(
      () => late.abort(new Error(`no answer within ${lookMsMax / 1_000} s`)),
      () => undefined,
    );
    const signal = AbortSignal.any([ended, late.signal]);
    try {
      const nowMs = clock.now();
      const lags = await this.#watch.look(nowMs, signal);
      const seen: SeenLag[] = [];
      for (const lag of lags) seen.push(await this.#seen(lag, nowMs, signal));
      this.#done = { seen };
      this.#behindMs = new Map(seen.map(({ stage, seconds = 0 }) => [stage, seconds * 1_000]));
      this.#isSaid = false;
    } catch (thrown) {
      if (ended.aborted) return;
      this.#done = { seen: undefined };
      if (!this.#isSaid) facts.emit("lagUnseen", { code: codeOf(thrown, "MR_BROKER"), reason: messageOf(thrown) });
      this.#isSaid = true;
    } finally {
      late.abort(new Error("the look is over"));
      await timer;
    }
  }

  async #seen(lag: StageLag, nowMs: EpochMs, signal: AbortSignal): Promise<SeenLag> {
    const { stage, topic, records, held, status, partitions } = lag;
    if (records === 0) return { stage, records, seconds: 0, held, status: "ok" };
    const waiting = partitions.filter((partition) => partition.records > 0).sort((a, b) => b.records - a.records);
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { partition, committed } of waiting.slice(0, readMax))
      oldestMs = Math.min(oldestMs, await this.#writtenMs({ topic, partition }, committed, signal));
    // Written by a clock ahead of ours, or without a time.
    const seconds = oldestMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, (nowMs - oldestMs) / 1_000);
    return { stage, records, seconds, held, status: status === "unjudged" ? "" : status };
  }

  /** Kafka's time of the first record that is not committed; Infinity where there is none that has one. */
  async #writtenMs(
    at: { readonly topic: string; readonly partition: number },
    committed: number | null,
    signal: AbortSignal,
  ): Promise<EpochMs> {
    const [watermark] = (await this.#options.broker.admin.watermarks(at.topic, signal)).filter(
      ({ partition }) => partition === at.partition,
    );
    if (watermark === undefined) return Number.POSITIVE_INFINITY;
    const from = Math.max(watermark.low, committed ?? watermark.low);
    if (from >= watermark.end) return Number.POSITIVE_INFINITY;
    for await (const batch of this.#options.broker.read({ ...at, from, to: watermark.end }, signal)) {
      const [timestampMs] = batch.timestampsMs;
      if (batch.count > 0 && timestampMs !== undefined && timestampMs >= 0) return timestampMs;
    }
    return Number.POSITIVE_INFINITY;
  }
}
