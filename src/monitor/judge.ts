/**
 * The judge of all monitors of a topology, without a clock and without I/O: it is given what stands on the topics, in
 * their order, and answers verdicts and events. Its time is the largest Kafka timestamp that it was given, so that the
 * same records give the same verdicts.
 *
 * J1 A window of a monitor is judged once, in the order of time, when it is closed ({@link OpenWindows}).
 * J2 What was judged before ({@link Judge.takeVerdict}) is not judged again, and alerts go on from there.
 * J3 Records of one task with one timestamp belong together: nothing closes between them.
 */
import { type EpochMs, parseIsoTimeMs } from "../kernel/index.ts";
import type { AlertRules } from "./alert-machine.ts";
import { EstimateJudge } from "./estimate/estimate-judge.ts";
import type { Expectation } from "./estimate/estimate-spec.ts";
import { isEstimated } from "./estimate/estimated-metrics.ts";
import { causeOf } from "./judging/causes.ts";
import { Mutes } from "./judging/commands.ts";
import { Deployments } from "./judging/deployments.ts";
import { detectorFire, FieldDetectors } from "./judging/field-detectors.ts";
import { type CausedVerdict, MonitorAlerts } from "./judging/monitor-alerts.ts";
import { type ClosedWindow, OpenWindows, type TaskName } from "./judging/open-windows.ts";
import { type PreparedBaseline, prepareBaseline } from "./judging/prepared-baseline.ts";
import { QualityJudge } from "./judging/quality-judge.ts";
import { RowWindows } from "./judging/row-windows.ts";
import { type DraftVerdict, judgeWindow, type WindowVerdicts } from "./judging/window-verdicts.ts";
import type { MonitorSpec } from "./monitor-spec.ts";
import type { PageBudget } from "./page-budget.ts";
import { PerformanceJudge } from "./performance/performance-judge.ts";
import type { PerformanceSpec } from "./performance/performance-spec.ts";
import { isQualityLine } from "./quality/quality-spec.ts";
import type { AlertEvent } from "./records/alert-event.ts";
import type { BaselineFieldRecord, BaselineHeadRecord } from "./records/baseline-record.ts";
import { BaselineSet } from "./records/baseline-set.ts";
import type { HeartbeatRecord, PartialRecord } from "./records/partial-record.ts";
import type { Cause, VerdictRecord } from "./records/verdict-record.ts";

export interface JudgeOptions {
  readonly topology: string;
  readonly monitors: readonly MonitorSpec[];
  /** Monitors of predictions beside their labels. */
  readonly performance?: readonly PerformanceSpec[];
  readonly rules: AlertRules;
  readonly budget: PageBudget;
  /** How many partitions each stage reads. */
  readonly partitions: ReadonlyMap<string, number>;
  /** The stages that count for each monitor. */
  readonly stagesOf: ReadonlyMap<string, readonly string[]>;
  /** Monitors of what the stages of a monitor read: a field that drifts there too was not deployed. */
  readonly inputsOf?: ReadonlyMap<string, readonly string[]>;
  /** Monitors of all that lies before a monitor's topic: while its rows are broken there, what follows is no drift. */
  readonly upstreamOf?: ReadonlyMap<string, readonly string[]>;
  /** Windows that ended longer ago are judged and page nobody. */
  readonly ageMaxMs: number;
}

export interface Judgement {
  readonly verdicts: readonly VerdictRecord[];
  readonly events: readonly AlertEvent[];
}

interface Watched {
  readonly spec: MonitorSpec;
  readonly stages: readonly string[];
  readonly taskCount: number;
  readonly windows: OpenWindows;
  /** Of windows of so many rows, which are made of those. */
  readonly byRows: RowWindows | undefined;
  readonly alerts: MonitorAlerts;
  readonly quality: QualityJudge;
  readonly detectors: FieldDetectors;
  readonly deployments: Deployments;
  /** Closed and not judged yet, oldest first. */
  readonly closed: ClosedWindow[];
  /** Verdicts of the last window that was judged before, until all of them are there. */
  restored: Map<string, VerdictRecord>;
  /** Of the last window that was judged before: what nobody asks for any more. */
  orphans: readonly VerdictRecord[];
  restoredMs: EpochMs;
}

export class Judge {
  readonly #options: JudgeOptions;
  readonly #monitors = new Map<string, Watched>();
  readonly #performance = new Map<string, PerformanceJudge>();
  /** Of the monitors of performance that ask for estimates. */
  readonly #estimates = new Map<string, EstimateJudge>();
  /** What windows of performance came to since the last time it was asked. */
  #said: { verdicts: VerdictRecord[]; events: AlertEvent[] } = { verdicts: [], events: [] };
  readonly #baselines = new BaselineSet();
  readonly #prepared = new Map<string, PreparedBaseline | undefined>();
  readonly #mutes: Mutes;
  readonly #behindMs = new Map<string, number>();
  #nowMs: EpochMs = Number.NEGATIVE_INFINITY;
  /** Task and timestamp of the record before. */
  #group = "";

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#mutes = new Mutes(options.topology);
    for (const spec of options.monitors) this.#monitors.set(spec.name, watched(spec, options));
    for (const spec of options.performance ?? []) {
      this.#performance.set(spec.name, new PerformanceJudge(spec, options));
      if (spec.estimate === undefined) continue;
      const tasks = tasksOf(options.stagesOf.get(spec.name) ?? [], options.partitions);
      this.#estimates.set(spec.name, new EstimateJudge(spec.estimate, { ...options, tasks }));
    }
  }

  /** Kafka's time of the last record; -Infinity before there was one. */
  get nowMs(): EpochMs {
    return this.#nowMs;
  }

  takeBaseline(record: BaselineFieldRecord | BaselineHeadRecord): void {
    this.#baselines.take(record);
    if ("field" in record) this.#prepared.delete(`${record.monitor}/${record.id}`);
  }

  /** Records of a monitor that is not there any more are passed over. */
  takePartial(record: PartialRecord, kafkaTimeMs: EpochMs): void {
    this.#begin(record, kafkaTimeMs);
    if (record.performance !== undefined) this.#takePerformance(record);
    else this.#estimates.get(record.monitor)?.takePartial(record, this.#nowMs);
    const monitor = this.#monitors.get(record.monitor);
    monitor?.deployments.take(record);
    monitor?.windows.takePartial(record, this.#nowMs);
  }

  takeHeartbeat(record: HeartbeatRecord, kafkaTimeMs: EpochMs): void {
    this.#begin(record, kafkaTimeMs);
    for (const { stages, windows } of this.#monitors.values())
      if (stages.includes(record.stage)) windows.takeHeartbeat(record, this.#nowMs);
    for (const estimate of this.#estimates.values())
      if (estimate.stages.includes(record.stage)) estimate.takeHeartbeat(record, this.#nowMs);
  }

  /** The version, as `<model>/<version>`, whose scores a record counts and of which it is not known what to expect. */
  lacks(record: PartialRecord): string | undefined {
    return record.performance === undefined ? this.#estimates.get(record.monitor)?.lacks(record) : undefined;
  }

  /** What to expect of a version; undefined where nobody knows. Before the records that it is lacked for. */
  takeExpectation(version: string, expectation: Expectation | undefined): void {
    for (const estimate of this.#estimates.values()) estimate.takeExpectation(version, expectation);
  }

  /** What was judged before, in the order of its topic, before anything else is taken. */
  takeVerdict(record: VerdictRecord): void {
    this.#performance.get(record.monitor)?.takeVerdict(record);
    if (isEstimated(record.field)) this.#estimates.get(record.monitor)?.takeVerdict(record);
    const monitor = this.#monitors.get(record.monitor);
    if (monitor === undefined || record.fromMs <= monitor.restoredMs) return;
    const [first] = monitor.restored.values();
    if (first !== undefined && record.fromMs > first.fromMs) this.#restore(monitor);
    // Of a window that two baselines have judged, the alert took note of the one with more rows, which came last.
    monitor.restored.set(record.field, record);
  }

  /**
   * An event that was written before, in the order of its topic. Verdicts do not say whom a silence kept from being woken.
   */
  takeEvent({ type, isPage, monitor, kind, at }: AlertEvent): void {
    const atMs = parseIsoTimeMs(at);
    if (type !== "millrace.incident.opened" || !isPage || atMs === undefined) return;
    if (kind === "estimate") this.#estimates.get(monitor)?.restorePage(atMs);
    const watched = this.#monitors.get(monitor);
    (kind === "quality" ? watched?.quality.alerts : watched?.alerts)?.restorePage(atMs);
  }

  /** A record of the control topic: an acknowledgement or a silence; others are passed over. */
  takeCommand(record: { readonly key: string; readonly value: string | null }): void {
    this.#mutes.take(record);
  }

  /**
   * What was there before has been taken, and what comes is new: windows without rows are missed from here on, and what was
   * told of fields and metrics that nobody asks for any more ends.
   */
  begin(): void {
    this.#close();
    for (const estimate of this.#estimates.values()) this.#said.events.push(...estimate.begin());
    for (const { windows, orphans, alerts, quality } of this.#monitors.values()) {
      windows.begin();
      const isOfQuality = ({ field }: VerdictRecord): boolean => isQualityLine(field);
      this.#said.events.push(
        ...alerts.ended(orphans.filter((orphan) => !isOfQuality(orphan))),
        ...quality.alerts.ended(orphans.filter(isOfQuality)),
      );
    }
  }

  /** How far a stage is behind: what it counts while that is more than a window pages nobody. */
  lagging(stage: string, behindMs: number): void {
    this.#behindMs.set(stage, behindMs);
  }

  /** Pages of a monitor within the period of the budget, as shown beside it; undefined of one that has none. */
  pagesSpent(monitor: string): number | undefined {
    const watched = this.#monitors.get(monitor);
    const ofModel = [this.#performance.get(monitor), this.#estimates.get(monitor)];
    const spenders = [watched?.alerts, watched?.quality.alerts, ...ofModel];
    if (spenders.every((alerts) => alerts === undefined)) return undefined;
    const sinceMs = this.#nowMs - this.#options.budget.perMs;
    return spenders.reduce((sum, alerts) => sum + (alerts?.pagesSince(sinceMs) ?? 0), 0);
  }

  /**
   * Judges every window that can be closed now, oldest first. Asked when a batch is through, and not between its records
   * (J3): how often it is asked changes no verdict otherwise.
   */
  judge(): Judgement {
    this.#close();
    const { verdicts, events } = this.#said;
    this.#said = { verdicts: [], events: [] };
    for (;;) {
      const judged = this.#judgeNext();
      if (judged === undefined) return { verdicts, events };
      verdicts.push(...judged.verdicts);
      events.push(...judged.events);
    }
  }

  /**
   * Windows of performance that were joined otherwise than their monitor is now, since the last time it was asked: nothing
   * was said of them. Monitors without such are left out.
   */
  passedOver(): readonly { readonly monitor: string; readonly windows: number }[] {
    const all = [...this.#performance].map(([monitor, judge]) => ({ monitor, windows: judge.passedOver() }));
    return all.filter(({ windows }) => windows > 0);
  }

  /** Of all windows that can be judged the one that ended first; undefined when there is none. */
  #judgeNext(): Judgement | undefined {
    const monitor = this.#oldest();
    let [endMs, estimated]: [EpochMs, string | undefined] = [
      monitor?.closed[0]?.toMs ?? Number.POSITIVE_INFINITY,
      undefined,
    ];
    // What a topic before has to say of the state of rows comes first.
    for (const [name, { nextToMs = Number.POSITIVE_INFINITY }] of this.#estimates)
      if (nextToMs < endMs) [endMs, estimated] = [nextToMs, name];
    if (estimated !== undefined) return this.#judgeEstimate(estimated);
    const window = monitor?.closed.shift();
    return monitor === undefined || window === undefined ? undefined : this.#judge(monitor, window);
  }

  #judgeEstimate(name: string): Judgement | undefined {
    const estimate = this.#estimates.get(name);
    return estimate?.judge(
      (window) => this.#suppressed(estimate, window) ?? (this.#isBrokenBefore(name) ? "quality" : undefined),
      (field, atMs) => this.#mutes.isMuted(name, field, atMs),
    );
  }

  #takePerformance(record: PartialRecord): void {
    const { monitor } = record;
    const isMuted = (field: string): boolean => this.#mutes.isMuted(monitor, field, this.#nowMs);
    const judged = this.#performance.get(monitor)?.take(record, this.#nowMs, isMuted);
    this.#said.verdicts.push(...(judged?.verdicts ?? []));
    this.#said.events.push(...(judged?.events ?? []));
  }

  #begin({ stage, partition }: HeartbeatRecord | PartialRecord, kafkaTimeMs: EpochMs): void {
    const group = `${stage}/${partition}/${kafkaTimeMs}`;
    if (group !== this.#group) this.#close();
    this.#group = group;
    this.#nowMs = Math.max(this.#nowMs, kafkaTimeMs);
  }

  #close(): void {
    for (const estimate of this.#estimates.values()) estimate.close(this.#nowMs);
    for (const monitor of this.#monitors.values()) {
      if (monitor.restored.size > 0) this.#restore(monitor);
      const closed = monitor.windows.close(this.#nowMs);
      monitor.closed.push(...(monitor.byRows?.add(closed) ?? closed));
    }
  }

  #restore(monitor: Watched): void {
    const verdicts = [...monitor.restored.values()];
    monitor.restored = new Map();
    const { spec, detectors } = monitor;
    const fields = new Set([...spec.fields.map(({ name }) => name), ...detectors.lines]);
    detectors.restore(verdicts);
    monitor.alerts.restore(verdicts.filter(({ field }) => fields.has(field)));
    monitor.quality.restore(verdicts.filter(({ field }) => monitor.quality.has(field)));
    monitor.orphans = verdicts.filter(({ field }) => !fields.has(field) && !monitor.quality.has(field));
    const [first] = verdicts;
    if (first === undefined) return;
    monitor.restoredMs = first.fromMs;
    // Up to its last slice.
    monitor.windows.judgedBefore(first.toMs - spec.windowMs);
  }

  /** The monitor whose next window ended first, of those whose baseline is there. */
  #oldest(): Watched | undefined {
    let oldest: Watched | undefined;
    for (const monitor of this.#monitors.values()) {
      const [window] = monitor.closed;
      if (window === undefined || this.#isWaiting(monitor, window)) continue;
      if (window.toMs < (oldest?.closed[0]?.toMs ?? Number.POSITIVE_INFINITY)) oldest = monitor;
    }
    return oldest;
  }

  /** Whether a baseline was counted by that is yet to be read: the topics are not read in step. */
  #isWaiting({ spec }: Watched, { partials, closedAtMs }: ClosedWindow): boolean {
    if (this.#nowMs >= closedAtMs + spec.idleAfterMs) return false;
    const ids = new Set(partials.map(({ baseline }) => baseline).filter((id) => id !== ""));
    return [...ids].some((id) => this.#baselines.fieldsOf(spec.name, id) === undefined);
  }

  #baselineOf(spec: MonitorSpec, id: string): PreparedBaseline | undefined {
    const key = `${spec.name}/${id}`;
    const fields = this.#baselines.fieldsOf(spec.name, id);
    if (fields === undefined) return undefined;
    if (!this.#prepared.has(key)) this.#prepared.set(key, prepareBaseline(spec, fields, this.#options));
    return this.#prepared.get(key);
  }

  #judge(monitor: Watched, window: ClosedWindow): Judgement {
    const { spec, alerts, deployments } = monitor;
    const all = judgeWindow({
      topology: this.#options.topology,
      spec,
      window,
      baselineOf: (id) => this.#baselineOf(spec, id),
      schemaSince: (id) => deployments.schemaSince(id),
    });
    const suppressed = this.#suppressed(monitor, window);
    const isMuted = (field: string): boolean => this.#mutes.isMuted(spec.name, field, window.closedAtMs);
    const judgedBy = all.at(-1);
    const quality = this.#judgeQuality(monitor, window, judgedBy, isMuted, suppressed);
    const isBrokenBefore = this.#isBrokenBefore(spec.name);
    const isBroken = (field: string): boolean => isBrokenBefore || monitor.quality.isBroken(field);
    const watched = this.#askDetectors(monitor, window, judgedBy, isBroken, suppressed);
    const caused = all.map(({ drafts, evidence }) =>
      drafts.map((draft, i): CausedVerdict => {
        const isDrift = draft.kind === "DRIFT" && evidence !== undefined;
        const { taskCount } = monitor;
        const cause = isDrift
          ? this.#causeOf(monitor, draft, (isDeployment) => causeOf(evidence(i, { taskCount, isDeployment })))
          : undefined;
        const why = suppressed ?? (isBroken(draft.field) ? "quality" : undefined);
        return isDrift && why !== undefined
          ? { ...draft, cause, kind: "SUPPRESSED", reason: why }
          : { ...draft, cause };
      }),
    );
    const last = caused.pop() ?? [];
    // The alert takes note of one baseline alone: a window is one of the five.
    const others = caused.flatMap((verdicts) => alerts.stamped(verdicts));
    const judged = alerts.add([...last, ...watched], isMuted);
    return {
      verdicts: [...others, ...judged.verdicts, ...quality.verdicts],
      events: [...quality.events, ...judged.events],
    };
  }

  /** Of the window as the baseline with most rows has it. */
  #askDetectors(
    { alerts, detectors }: Watched,
    window: ClosedWindow,
    of: WindowVerdicts | undefined,
    isBroken: (field: string) => boolean,
    suppressed: string | undefined,
  ): CausedVerdict[] {
    if (of === undefined) return [];
    const unjudged = of.evidence === undefined ? of.drafts[0] : undefined;
    const drafts = detectors.judge({ window, counted: of.counted, unjudged, isBroken });
    const { budget } = this.#options;
    const isSpent = alerts.pagesSince(window.toMs - budget.perMs) >= budget.pages;
    return drafts.map((draft): CausedVerdict => {
      if (draft.kind !== "DRIFT") return { ...draft, cause: undefined };
      // How often detectors alarm by chance is theirs to say: they have what is left of the budget.
      if (suppressed === undefined) return { ...draft, cause: undefined, reason: isSpent ? "budget" : undefined };
      return { ...draft, cause: undefined, kind: "SUPPRESSED", reason: suppressed };
    });
  }

  /** Of the window as the baseline with most rows has it. */
  #judgeQuality(
    { spec, quality }: Watched,
    window: ClosedWindow,
    of: WindowVerdicts | undefined,
    isMuted: (field: string) => boolean,
    suppressed: string | undefined,
  ): Judgement {
    const [first] = of?.drafts ?? [];
    if (of === undefined) return { verdicts: [], events: [] };
    const inService = this.#baselines.current(spec.name)?.id;
    const prepared = inService === undefined ? undefined : this.#baselineOf(spec, inService);
    const unjudged = of.evidence === undefined ? first : undefined;
    return quality.judge({ window, counted: of.counted, unjudged, prepared, suppressed }, isMuted);
  }

  /** Whether rows are broken on a topic before the monitor's: then its values follow from that. */
  #isBrokenBefore(name: string): boolean {
    const upstream = this.#options.upstreamOf?.get(name) ?? [];
    return upstream.some((before) => this.#monitors.get(before)?.quality.isBroken());
  }

  #suppressed({ stages }: Pick<Watched, "stages">, { fromMs, toMs, closedAtMs }: ClosedWindow): string | undefined {
    if (toMs < closedAtMs - this.#options.ageMaxMs) return "old";
    return stages.some((stage) => (this.#behindMs.get(stage) ?? 0) > toMs - fromMs) ? "catching-up" : undefined;
  }

  /** Of a field that drifts: what shows at its beginning alone is remembered from there. */
  #causeOf(monitor: Watched, { field, fromMs, toMs }: DraftVerdict, read: (isDeployment: boolean) => Cause): Cause {
    const { spec, alerts, deployments } = monitor;
    const run = alerts.runOf(field);
    const isChanged = deployments.hasChangeWithin(fromMs, toMs);
    const isDeployed = run === undefined ? isChanged : run.cause === "deployment";
    const cause = read(isDeployed && !this.#driftsBefore(spec, field));
    return run?.cause === "schema" && cause !== "deployment" ? "schema" : cause;
  }

  /** Whether a field drifts in what the monitor's stages read: then it is none of their doing. */
  #driftsBefore({ name }: MonitorSpec, field: string): boolean {
    const inputs = this.#options.inputsOf?.get(name) ?? [];
    return inputs.some((input) => this.#monitors.get(input)?.alerts.runOf(field) !== undefined);
  }
}

function tasksOf(stages: readonly string[], partitions: ReadonlyMap<string, number>): TaskName[] {
  return stages.flatMap((stage) =>
    Array.from({ length: partitions.get(stage) ?? 0 }, (_, partition) => ({ stage, partition })),
  );
}

function watched(spec: MonitorSpec, options: JudgeOptions): Watched {
  const { topology, rules, partitions, stagesOf, ageMaxMs } = options;
  const stages = stagesOf.get(spec.name) ?? [];
  const tasks = tasksOf(stages, partitions);
  const detectors = new FieldDetectors(topology, spec);
  const ofDetectors = new Map(detectors.lines.map((line) => [line, { ...rules, fire: detectorFire }]));
  return {
    spec,
    detectors,
    stages,
    taskCount: tasks.length,
    windows: new OpenWindows(spec, tasks, ageMaxMs),
    byRows: spec.windowRows === undefined ? undefined : new RowWindows(spec.windowRows),
    alerts: new MonitorAlerts(topology, spec, rules, ofDetectors),
    quality: new QualityJudge(spec, options),
    deployments: new Deployments(),
    closed: [],
    restored: new Map(),
    orphans: [],
    restoredMs: Number.NEGATIVE_INFINITY,
  };
}
