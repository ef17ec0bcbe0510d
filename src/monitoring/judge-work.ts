/**
 * The judge's work on `<topology>.partials`: windows that can be closed are judged, and verdicts and alert events go out
 * with the offset behind the record that closed them.
 *
 * What a verdict says follows from the partials in their order and from Kafka's times in them, however they come in batches
 * (J3 of `monitor/judge.ts`). Baselines and commands are followed beside: a window waits for the baseline that its partials name.
 */
import { type Clock, type EpochMs, type Facts, formatIsoTime, type Offset } from "../kernel/index.ts";
import type { Expectation } from "../monitor/estimate/index.ts";
import {
  type AlertEvent,
  alertRecord,
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  decodeBaseline,
  decodePartial,
  decodeVerdict,
  encodeVerdict,
  type HeartbeatRecord,
  isBaselineHead,
  isHeartbeat,
  type PartialRecord,
  readAlertEvent,
  type VerdictRecord,
  verdictKey,
  verdictSchema,
} from "../monitor/index.ts";
import { readTakenCommand, takenCommandRecord } from "../monitor/telling/index.ts";
import { readUpTo, readWholeLog } from "../runtime/control/index.ts";
import {
  type Broker,
  type ControlRecord,
  controlRecordsIn,
  type FollowerTurn,
  type FollowerWork,
  type GaugeReading,
  OutputBatches,
  OwnValues,
  TimeSlices,
} from "../runtime/index.ts";
import { ownSchemaId, type SchemaRegistry } from "../schema/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import { onePartition, textsIn } from "./alerts-topic.ts";
import { JudgeGauges, type JudgeGaugesOptions } from "./judge-gauges.ts";
import { TakenCommands } from "./taken-commands.ts";
import { TopicTail } from "./topic-tail.ts";

/** What judges windows, made anew for each ownership of the partials. */
export interface WindowJudge {
  takeBaseline(record: BaselineFieldRecord | BaselineHeadRecord): void;
  takePartial(record: PartialRecord, kafkaTimeMs: number): void;
  /** The version, as `<model>/<version>`, of a record of which it is not known what to expect. */
  lacks(record: PartialRecord): string | undefined;
  takeExpectation(version: string, expectation: Expectation | undefined): void;
  takeHeartbeat(record: HeartbeatRecord, kafkaTimeMs: number): void;
  /** What was judged before, in the order of its topic. */
  takeVerdict(record: VerdictRecord): void;
  takeCommand(record: ControlRecord): void;
  /** What was told before, in the order of its topic. */
  takeEvent(event: AlertEvent): void;
  /** What was there before has been taken, and what comes is new. */
  begin(): void;
  /** How far a stage is behind, in ms. */
  lagging(stage: string, behindMs: number): void;
  /** Kafka's time of the last record; -Infinity before there was one. */
  readonly nowMs: EpochMs;
  /** Pages of a monitor within the period of the budget; undefined of one that has none. */
  pagesSpent(monitor: string): number | undefined;
  /** Every window that can be closed now, oldest first. */
  judge(): { readonly verdicts: readonly VerdictRecord[]; readonly events: readonly AlertEvent[] };
  /** Windows of monitors that were counted otherwise than the file has it now, since it was asked last. */
  passedOver(): readonly { readonly monitor: string; readonly windows: number }[];
}

/** What watches the lag beside, and says what comes of it. */
export interface LagWatcher {
  /** Forgets everything: a new ownership begins. */
  begin(): void;
  /** What was told before, in order; what is not of a lag is passed over. */
  takeEvent(event: AlertEvent): void;
  /** A record of the control topic; what is no command is passed over. */
  takeCommand(record: ControlRecord): void;
  /** Looks when it is time, beside; what came of looks before is answered. @param nowMs monotonic */
  tick(nowMs: number): { readonly events: readonly AlertEvent[]; readonly behindMs: ReadonlyMap<string, number> };
  /** Ends a look that is under way. */
  end(): Promise<void>;
}

export interface JudgeTopics {
  readonly partials: string;
  readonly baselines: string;
  readonly control: string;
  readonly verdicts: string;
  readonly alerts: string;
}

export interface JudgeWorkOptions {
  readonly topology: string;
  /** What is shown in metrics of what it judges. */
  readonly shown: JudgeGaugesOptions;
  readonly broker: Pick<Broker, "read" | "admin">;
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly topics: JudgeTopics;
  /**
   * What to expect of a version, `<model>/<version>`; undefined where nobody knows. Asked once per version and ownership.
   * Left out: of none anything is known.
   */
  readonly readExpectation?: (version: string, signal: AbortSignal) => Promise<Expectation | undefined>;
  /** Asks the cluster what it has to know of it. */
  readonly createJudge: (signal: AbortSignal) => Promise<WindowJudge>;
  readonly lag?: LagWatcher | undefined;
  /** What else is seen to by who judges, from its beginning until the signal ends it. Says itself what fails. */
  readonly beside?: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly timeSliceMs: number;
  readonly yieldToLoop: () => Promise<void>;
}

export class JudgeWork implements FollowerWork {
  readonly #options: JudgeWorkOptions;
  readonly #partials: OwnValues<PartialRecord | HeartbeatRecord>;
  readonly #baselines: OwnValues<BaselineFieldRecord | BaselineHeadRecord>;
  readonly #verdicts: OwnValues<VerdictRecord>;
  readonly #verdictsOut: OutputBatches;
  readonly #alertsOut: OutputBatches;
  /** Undefined before the first opening. */
  #judge: WindowJudge | undefined;
  /** Of verdicts, in the registry. */
  #verdictSchemaId = -1;
  #taken = new TakenCommands();
  #gauges: JudgeGauges;
  /** What was written in the last turn, counted when that is known to be committed: when there is another one. */
  #uncounted: { verdicts: VerdictRecord[]; events: AlertEvent[] } = { verdicts: [], events: [] };
  #tails: readonly TopicTail[] = [];
  #beside: Promise<void> | undefined;
  #over = new AbortController();

  constructor(options: JudgeWorkOptions) {
    const { topics, registry, clock, facts, shown } = options;
    this.#options = options;
    this.#gauges = new JudgeGauges(shown);
    const by = { registry, clock, facts };
    this.#partials = new OwnValues({ ...by, decode: decodePartial });
    this.#baselines = new OwnValues({ ...by, decode: decodeBaseline });
    this.#verdicts = new OwnValues({ ...by, decode: decodeVerdict });
    this.#verdictsOut = new OutputBatches(onePartition(topics.verdicts), "output", undefined);
    this.#alertsOut = new OutputBatches(onePartition(topics.alerts), "output", undefined);
  }

  async restore(offsetNext: Offset, signal: AbortSignal): Promise<void> {
    const { broker, topics, createJudge, lag, registry, beside } = this.#options;
    await this.release();
    this.#verdictSchemaId = await ownSchemaId(registry, topics.verdicts, verdictSchema, signal);
    this.#verdictsOut.reset();
    this.#alertsOut.reset();
    this.#judge = await createJudge(signal);
    this.#taken = new TakenCommands();
    this.#gauges = new JudgeGauges(this.#options.shown);
    this.#uncounted = { verdicts: [], events: [] };
    const baselinesTo = await readWholeLog(
      broker,
      { topic: topics.baselines },
      (batch) => this.#takeBaselines(batch, signal),
      signal,
    );
    await readWholeLog(broker, { topic: topics.verdicts }, (batch) => this.#takeVerdicts(batch, signal), signal);
    lag?.begin();
    const controlTo = await readWholeLog(
      broker,
      { topic: topics.control },
      (batch) => this.#takeCommands(batch),
      signal,
    );
    await this.#restoreEvents(lag, signal);
    const [{ low } = { low: 0 }] = await broker.admin.watermarks(topics.partials, signal);
    const range = { topic: topics.partials, from: low, to: offsetNext };
    await readUpTo(broker, range, (batch) => this.#takePartials(batch, 0, signal), signal);
    this.#judge.begin();
    this.#tails = [this.#tail(topics.baselines, baselinesTo), this.#tail(topics.control, controlTo)];
    this.#over = new AbortController();
    this.#beside = beside?.(this.#over.signal).catch(() => undefined);
  }

  async take(batch: RawBatch, from: number, signal: AbortSignal): Promise<void> {
    await this.#takeTails(signal);
    await this.#takePartials(batch, from, signal);
  }

  async turn(signal: AbortSignal): Promise<FollowerTurn> {
    await this.#takeTails(signal);
    this.#count();
    const { lag, clock, facts } = this.#options;
    if (lag !== undefined) {
      const { events, behindMs } = lag.tick(clock.monotonicMs());
      for (const [stage, ms] of behindMs) this.#judge?.lagging(stage, ms);
      for (const event of events) this.#writeEvent(event);
    }
    const { verdicts, events } = this.#judge?.judge() ?? { verdicts: [], events: [] };
    for (const verdict of verdicts) this.#writeVerdict(verdict);
    for (const event of events) this.#writeEvent(event);
    for (const { key, request } of this.#taken.due()) this.#writeTaken(key, request);
    for (const { monitor, windows } of this.#judge?.passedOver() ?? [])
      facts.emit("windowsOfBefore", { monitor, windows });
    const outgoing: Outgoing[] = [];
    for (const batches of [this.#verdictsOut, this.#alertsOut]) {
      batches.sealAll();
      batches.take(outgoing);
      batches.reset();
    }
    return { outgoing };
  }

  readings(): readonly GaugeReading[] {
    return this.#judge === undefined ? [] : this.#gauges.readings(this.#judge);
  }

  async release(): Promise<void> {
    const tails = this.#tails;
    this.#tails = [];
    this.#over.abort(new Error("judging is over"));
    await Promise.all([...tails.map((tail) => tail.end()), this.#options.lag?.end(), this.#beside]);
  }

  async #takePartials(batch: RawBatch, from: number, signal: AbortSignal): Promise<void> {
    const { clock, timeSliceMs, yieldToLoop } = this.#options;
    const slices = new TimeSlices(clock, timeSliceMs, yieldToLoop);
    for await (const [i, record] of this.#partials.in(batch, from, signal)) {
      const kafkaTimeMs = batch.timestampsMs[i] ?? -1;
      if (isHeartbeat(record)) this.#judge?.takeHeartbeat(record, kafkaTimeMs);
      else {
        const lacking = this.#judge?.lacks(record);
        if (lacking !== undefined) {
          const expectation = await this.#options.readExpectation?.(lacking, signal);
          this.#judge?.takeExpectation(lacking, expectation);
        }
        this.#judge?.takePartial(record, kafkaTimeMs);
      }
      if (slices.isOver()) await slices.next(signal);
    }
  }

  #count(): void {
    const { verdicts, events } = this.#uncounted;
    const { facts } = this.#options;
    for (const { monitor, kind } of verdicts) facts.emit("verdictWritten", { monitor, verdict: kind });
    for (const { monitor, type } of events)
      facts.emit("alertWritten", { monitor, event: type.replace("millrace.", "") });
    this.#uncounted = { verdicts: [], events: [] };
  }

  #writeVerdict(verdict: VerdictRecord): void {
    this.#uncounted.verdicts.push(verdict);
    this.#gauges.takeVerdict(verdict);
    const value = encodeVerdict(verdict, this.#verdictSchemaId);
    this.#verdictsOut.appendEntry(0, this.#options.clock.now(), Buffer.from(verdictKey(verdict)), value);
  }

  #writeEvent(event: AlertEvent): void {
    this.#uncounted.events.push(event);
    this.#gauges.takeEvent(event);
    const { key, value, headers } = alertRecord(event);
    this.#alertsOut.appendWithHeaders(-1, 0, this.#options.clock.now(), key, value, headers);
  }

  #writeTaken(command: string, request: string | null): void {
    const { clock, topology } = this.#options;
    const taken = { key: command, request, topology, at: formatIsoTime(clock.now()) };
    const { key, value, headers } = takenCommandRecord(taken);
    this.#alertsOut.appendWithHeaders(-1, 0, clock.now(), key, value, headers);
  }

  async #takeTails(signal: AbortSignal): Promise<void> {
    const [baselines, control] = this.#tails;
    for (const batch of baselines?.take() ?? []) await this.#takeBaselines(batch, signal);
    for (const batch of control?.take() ?? []) this.#takeCommands(batch);
  }

  async #takeBaselines(batch: RawBatch, signal: AbortSignal): Promise<void> {
    for await (const [, record] of this.#baselines.in(batch, 0, signal)) {
      this.#judge?.takeBaseline(record);
      if (isBaselineHead(record)) this.#taken.takeBaseline(record.monitor, record.id);
    }
  }

  async #takeVerdicts(batch: RawBatch, signal: AbortSignal): Promise<void> {
    for await (const [, record] of this.#verdicts.in(batch, 0, signal)) {
      this.#judge?.takeVerdict(record);
      this.#gauges.takeVerdict(record);
    }
  }

  #takeCommands(batch: RawBatch): void {
    for (const record of controlRecordsIn(batch)) {
      this.#judge?.takeCommand(record);
      this.#options.lag?.takeCommand(record);
      this.#taken.take(record);
    }
  }

  async #restoreEvents(lag: LagWatcher | undefined, signal: AbortSignal): Promise<void> {
    const take = (batch: RawBatch): void => {
      for (const [, text] of textsIn(batch, 0)) {
        const event = readAlertEvent(text);
        if (event !== undefined) {
          this.#judge?.takeEvent(event);
          lag?.takeEvent(event);
          this.#gauges.takeEvent(event);
        }
        const taken = readTakenCommand(text);
        if (taken !== undefined) this.#taken.takeAnswer(taken);
      }
    };
    const { broker, topics } = this.#options;
    await readWholeLog(broker, { topic: topics.alerts }, take, signal);
  }

  #tail(topic: string, from: Offset): TopicTail {
    const { broker, clock, facts } = this.#options;
    const tail = new TopicTail({ broker, topic, clock, facts });
    tail.begin(from);
    return tail;
  }
}
