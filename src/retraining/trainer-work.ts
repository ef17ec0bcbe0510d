/**
 * The trainer's work on `<topology>.retraining`: the policy asks, one request at a time is worked off, and what becomes of
 * it is written down.
 *
 * ```
 * requested -> started -> (training) -> trained -> (shadow) -> waiting -> promoted
 *     |           |            +-> rejected, undecided, failed   |          ^
 *     |           |                              +---------------+-> undecided: another champion than the one compared with
 *     |           +-> started again after a crash                           | approved
 *     +-> suppressed: another is open        at any point: cancelled
 * ```
 *
 * - T1 The offset of a request is not committed before its end, and its end, the aliases that follow from it and the
 *   offset are one commit.
 * - T2 Nothing is trained but by who owns the partition, one request at a time; whoever loses it ends its training.
 * - T3 Whatever is known follows from the topics: a process that comes to the partition goes on where another was.
 * - T4 A version takes the place of none but the champion that it was compared with. Where there is none it serves at once:
 *   it has nothing to score beside.
 */
import {
  type Clock,
  codeOf,
  type Facts,
  formatIsoTime,
  messageOf,
  type Offset,
  parseIsoTimeMs,
} from "../kernel/index.ts";
import { alertEventsIn, TopicTail } from "../monitoring/index.ts";
import {
  AliasReader,
  aliasedVersion,
  aliasGone,
  aliasRecord,
  challengerAlias,
  championAlias,
  promotionRecords,
  readWholeLog,
} from "../runtime/control/index.ts";
import {
  type Broker,
  type ControlRecord,
  controlRecordsIn,
  type FollowerTurn,
  type FollowerWork,
  messageBytesDefault,
  OutputBatches,
  readControl,
} from "../runtime/index.ts";
import {
  isEnd,
  type RetrainingEvent,
  RetrainingPolicy,
  type RolloutSettings,
  retrainingRecord,
} from "../training/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import { isResetAnswer, resetAnswer, TrainerCommands } from "./commands.ts";
import { type Course, Courses, comparedWith, isRolledOut } from "./course.ts";
import { takeAlert } from "./policy-now.ts";
import { PromotionsDue } from "./promotions-due.ts";
import { retrainingEventsIn } from "./topic-events.ts";
import type { ModelTopics, ShadowSeen, TrainedModel } from "./trained-model.ts";
import type { TrainingEnd, TrainingOrder } from "./training-order.ts";

export interface TrainerWorkOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly topics: { readonly retraining: string; readonly control: string; readonly alerts: string | undefined };
  readonly models: readonly TrainedModel[];
  readonly train: (order: TrainingOrder, signal: AbortSignal) => Promise<TrainingEnd>;
  /** What follows when another version of a model serves. Begins when that is committed; tried again while it rejects. */
  readonly promoted: (model: string, signal: AbortSignal) => Promise<void>;
  readonly lookAt: ModelTopics;
  /** How often topics are looked at. */
  readonly lookEveryMs: number;
}

interface Training {
  readonly request: string;
  readonly cut: AbortController;
  readonly ended: Promise<void>;
}

/** Where the aliases of a model point. */
interface Standing {
  readonly champion: number | undefined;
  readonly challenger: number | undefined;
}

/** What there was when a training began. */
type Beginning = Pick<RetrainingEvent, "champion" | "labels">;

type Ended = { readonly began: Beginning } & ({ readonly end: TrainingEnd } | { readonly failure: string });

const nothingSeen: ShadowSeen = { records: 0, spanMs: 0, givenUp: undefined };

function labelsOf(began: Pick<RetrainingEvent, "labels"> | undefined): Pick<RetrainingEvent, "labels"> {
  return began?.labels === undefined ? {} : { labels: began.labels };
}

export class TrainerWork implements FollowerWork {
  readonly #options: TrainerWorkOptions;
  readonly #events: OutputBatches;
  readonly #control: OutputBatches;
  #policy: RetrainingPolicy;
  #courses = new Courses();
  #commands = new TrainerCommands();
  #offsets = new Map<string, Offset>();
  #predictions = new Map<string, number>();
  /** What was seen last of what passed and does not serve yet, by the ids of its requests. */
  #shadows = new Map<string, ShadowSeen & Standing>();
  #tails: { readonly alerts: TopicTail | undefined; readonly control: TopicTail } | undefined;
  #training: Training | undefined;
  /** Of this process: what has ended is not trained again when a commit has to be tried anew. */
  readonly #ended = new Map<string, Ended>();
  readonly #promotions: PromotionsDue;
  /** Resets of breakers that are to be answered, and those that were, by their requests. */
  #resets: RetrainingEvent[] = [];
  #resetsAnswered = new Set<string>();
  #lookDueMs = Number.NEGATIVE_INFINITY;

  constructor(options: TrainerWorkOptions) {
    this.#options = options;
    this.#policy = new RetrainingPolicy(options.models);
    this.#promotions = new PromotionsDue(options.promoted, options.clock);
    const output = (topic: string): OutputBatches =>
      new OutputBatches({ topic, partitions: 1, messageBytesMax: messageBytesDefault }, "output", undefined);
    this.#events = output(options.topics.retraining);
    this.#control = output(options.topics.control);
  }

  async restore(_offsetNext: Offset, signal: AbortSignal): Promise<void> {
    const { topics, models, broker } = this.#options;
    await this.release();
    this.#policy = new RetrainingPolicy(models);
    this.#courses = new Courses();
    this.#commands = new TrainerCommands();
    this.#offsets = new Map();
    this.#shadows = new Map();
    this.#resets = [];
    this.#resetsAnswered = new Set();
    this.#lookDueMs = Number.NEGATIVE_INFINITY;
    for (const batches of [this.#events, this.#control]) batches.reset();
    await readWholeLog(broker, { topic: topics.retraining }, (batch) => this.#takeEvents(batch, 0), signal);
    const alertsTo =
      topics.alerts === undefined
        ? 0
        : await readWholeLog(broker, { topic: topics.alerts }, (batch) => this.#takeAlerts(batch), signal);
    const aliases = new AliasReader();
    const controlTo = await readControl(
      broker,
      topics.control,
      (record) => {
        aliases.take(record);
        this.#commands.take(record);
      },
      signal,
    );
    for (const { model, alias, at } of aliases.aliases)
      if (alias === championAlias && at !== undefined) this.#policy.takePromotion(model, at);
    this.#tails = {
      alerts: topics.alerts === undefined ? undefined : this.#tail(topics.alerts, alertsTo),
      control: this.#tail(topics.control, controlTo),
    };
  }

  async take(batch: RawBatch, from: number): Promise<void> {
    this.#takeEvents(batch, from);
    for (const { offset, event } of retrainingEventsIn(batch, from)) {
      if (event.type === "promoted") this.#promotions.take(event.model, offset);
      if (event.type === "reset" && !isResetAnswer(event)) this.#resets.push(event);
    }
  }

  async turn(signal: AbortSignal): Promise<FollowerTurn> {
    const { clock } = this.#options;
    for (const batch of this.#tails?.alerts?.take() ?? []) this.#takeAlerts(batch);
    for (const batch of this.#tails?.control.take() ?? [])
      for (const record of controlRecordsIn(batch)) this.#commands.take(record);
    if (clock.monotonicMs() >= this.#lookDueMs) await this.#look(signal);
    for (const { alert, incident, guard, reason, timeMs, ...decision } of this.#policy.decide(clock.now()))
      this.#write({
        ...decision,
        at: this.#now(),
        by: "policy",
        alert,
        incident,
        guard,
        reason,
        timeMs,
      });
    this.#answerResets();
    for (const course of this.#courses.open) await this.#advance(course, signal);
    return this.#taken();
  }

  /** The policy has closed the breaker when it took the event; whoever asked waits to be told. */
  #answerResets(): void {
    for (const { request, model, cause } of this.#resets.splice(0)) {
      if (this.#resetsAnswered.has(request)) continue;
      const reason = "the breaker is closed";
      this.#write({
        type: "reset",
        id: resetAnswer(request),
        request,
        model,
        cause,
        at: this.#now(),
        by: "trainer",
        reason,
      });
    }
  }

  async release(): Promise<void> {
    const [tails, training] = [this.#tails, this.#training];
    this.#tails = undefined;
    this.#training = undefined;
    training?.cut.abort(new Error("the trainer gives its partition up"));
    await Promise.all([tails?.alerts?.end(), tails?.control.end(), training?.ended, this.#promotions.release()]);
  }

  /** One step of a request, if there is one to take now. */
  async #advance(course: Course, signal: AbortSignal): Promise<void> {
    const { request, trained } = course;
    const model = this.#options.models.find(({ name }) => name === request.model);
    if (model === undefined)
      return this.#end(course, "suppressed", `the topology has no model ${request.model} to train`);
    if (this.#policy.openRequest(request.model)?.request !== request.request)
      return this.#end(course, "suppressed", "another training of the model is under way");
    const cancelledBy = this.#commands.cancelledBy(request.request);
    if (cancelledBy !== undefined) {
      await this.#stopTraining(request.request);
      if (trained?.version !== undefined) await this.#withdraw(request.model, trained.version, signal);
      return this.#end(course, "cancelled", `${cancelledBy} cancelled it`);
    }
    if (trained === undefined) return this.#train(course, model, signal);
    return this.#rollOut(course, trained, model, signal);
  }

  async #train(course: Course, model: TrainedModel, signal: AbortSignal): Promise<void> {
    const { request } = course;
    const ended = this.#ended.get(request.request);
    if (ended === undefined) return this.#begin(course, model, signal);
    if ("failure" in ended) return this.#end(course, "failed", ended.failure);
    const { kind, reason, version, checks } = ended.end;
    const found = checks.map(({ name, outcome, text }) => ({ name, outcome, text }));
    if (kind !== "accepted" || version === undefined)
      return this.#end(course, kind === "accepted" ? "failed" : kind, reason, {
        ...labelsOf(ended.began),
        checks: found,
      });
    this.#step(course, "trained", {
      ...ended.began,
      reason,
      version,
      checks: found,
      predictions: this.#predictions.get(request.model) ?? 0,
    });
    if (model.rollout !== "none") {
      // Without a champion there is nothing to score beside, and nobody who would begin to score.
      const { champion } = await this.#standing(request.model, signal);
      if (champion !== undefined && champion === ended.began.champion)
        this.#writeControl(aliasRecord({ ...this.#why(course, version), alias: challengerAlias }));
    }
    const next = this.#courses.of(request.request);
    if (next?.trained !== undefined) await this.#rollOut(next, next.trained, model, signal);
  }

  async #begin(course: Course, { retrain }: TrainedModel, signal: AbortSignal): Promise<void> {
    if (this.#training !== undefined) return;
    const { request } = course;
    const { champion } = await this.#standing(request.model, signal);
    const began = { ...(champion === undefined ? {} : { champion }), labels: this.#policy.labelsOf(request.model) };
    const cut = new AbortController();
    const order: TrainingOrder = {
      model: request.model,
      request: request.request,
      cause: request.cause,
      incident: request.incident,
      champion,
      rows: retrain?.rows,
      mode: champion === undefined ? "full" : (request.mode ?? retrain?.mode ?? "full"),
    };
    const { facts, train } = this.#options;
    const work = async (): Promise<void> => {
      try {
        this.#ended.set(request.request, { began, end: await train(order, cut.signal) });
      } catch (thrown) {
        if (cut.signal.aborted) return;
        facts.emit("trainingFailed", {
          model: order.model,
          request: order.request,
          code: codeOf(thrown),
          reason: messageOf(thrown),
        });
        this.#ended.set(request.request, { began, failure: messageOf(thrown) });
      }
    };
    this.#step(course, "started", began);
    const ended = work().finally(() => {
      if (this.#training?.request === order.request) this.#training = undefined;
    });
    this.#training = { request: order.request, cut, ended };
  }

  async #rollOut(course: Course, trained: RetrainingEvent, model: TrainedModel, signal: AbortSignal): Promise<void> {
    const { request } = course;
    const version = trained.version ?? 0;
    const looked = this.#shadows.get(request.request);
    const { champion: known } = looked ?? (await this.#standing(request.model, signal));
    // Whoever has moved it since it was looked at fences the commit, behind which it is looked at anew.
    if (await this.#isOvertaken(course, version, known, signal)) return;
    // Whoever has promoted it in the meantime has said yes.
    const isServing = known === version;
    const isBeside = model.rollout !== "none" && known !== undefined && !isServing;
    if (isBeside && !(await this.#hasShadowed(course, version, model.rollout, signal))) return;
    let reason = trained.reason ?? "it passed the gate";
    if (model.retrain?.approve === true && !isServing) {
      const who = this.#commands.approvedBy(request.model, version, this.#options.clock.now());
      if (who === undefined) {
        if (!course.isWaiting)
          this.#step(course, "waiting", { version, reason: `version ${version} waits for a person` });
        return;
      }
      reason = `${who} approved it`;
    }
    const aliases = await this.#aliases(signal);
    const champion = aliasedVersion(aliases, request.model, championAlias);
    for (const record of promotionRecords(aliases, { ...this.#why(course, version), reason }))
      this.#writeControl(record);
    await this.#end(course, "promoted", reason, { version, ...(champion === undefined ? {} : { champion }) });
  }

  /** T4: whether another version serves by now than the one that this was compared with; then its request ends here. */
  async #isOvertaken(
    course: Course,
    version: number,
    champion: number | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const before = comparedWith(course);
    if (champion === undefined || champion === version || champion === before) return false;
    const reason = `${championAlias} became ${champion} meanwhile; version ${version} was compared with ${before ?? "none"}`;
    await this.#withdraw(course.request.model, version, signal);
    await this.#end(course, "undecided", reason, { version });
    return true;
  }

  /** Whether a challenger may take the champion's place; where it never may its request ends here. */
  async #hasShadowed(course: Course, version: number, rollout: RolloutSettings, signal: AbortSignal): Promise<boolean> {
    const { model, request } = course.request;
    const seen = this.#shadows.get(request);
    if (seen === undefined) return false;
    const { challenger, givenUp } = seen;
    if (challenger !== version) {
      const now = challenger === undefined ? "nothing" : `version ${challenger}`;
      const reason = `${challengerAlias} points at ${now}, and no more at version ${version}`;
      await this.#end(course, "cancelled", reason, { version });
      return false;
    }
    if (givenUp === undefined) return isRolledOut(rollout, seen);
    await this.#withdraw(model, version, signal);
    await this.#end(course, "rejected", givenUp, { version });
    return false;
  }

  /** A version that is not to serve scores no more beside the one that does. */
  async #withdraw(model: string, version: number, signal: AbortSignal): Promise<void> {
    if (aliasedVersion(await this.#aliases(signal), model, challengerAlias) === version)
      this.#writeControl(aliasGone(model, challengerAlias));
  }

  #why({ request }: Course, version: number) {
    const { model, incident } = request;
    const why = incident === undefined ? {} : { incident };
    return { model, version, at: this.#options.clock.now(), by: "trainer", request: request.request, ...why };
  }

  async #stopTraining(request: string): Promise<void> {
    const training = this.#training;
    if (training?.request !== request) return;
    training.cut.abort(new Error("the training was cancelled"));
    await training.ended;
  }

  async #end(
    course: Course,
    type: "suppressed" | "rejected" | "undecided" | "failed" | "cancelled" | "promoted",
    reason: string,
    more: Partial<RetrainingEvent> = {},
  ): Promise<void> {
    const isTrained = type === "promoted" || type === "rejected";
    const counted = isTrained ? labelsOf(course.trained ?? course.started) : {};
    this.#step(course, type, { reason, ...counted, ...more });
  }

  #step({ request, starts }: Course, type: RetrainingEvent["type"], more: Partial<RetrainingEvent>): void {
    const { nowMs } = this.#policy;
    const count = type === "started" ? `/${starts + 1}` : "";
    this.#write({
      type,
      id: `${request.request}/${type}${count}`,
      request: request.request,
      model: request.model,
      cause: request.cause,
      at: this.#now(),
      by: "trainer",
      incident: request.incident,
      timeMs: nowMs,
      ...more,
    });
  }

  #write(event: RetrainingEvent): void {
    const { key, value } = retrainingRecord(event);
    this.#events.appendEntry(0, this.#options.clock.now(), key, value);
    this.#takeEvent(event);
    const { model, request, type, cause, incident, reason } = event;
    this.#options.facts.emit("retrainingMoved", {
      model,
      request,
      event: type,
      cause,
      ...(incident === undefined ? {} : { incident }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  #writeControl({ key, value }: ControlRecord): void {
    const bytes = value === null ? null : Buffer.from(value);
    this.#control.appendEntry(0, this.#options.clock.now(), Buffer.from(key), bytes);
  }

  #now(): string {
    return formatIsoTime(this.#options.clock.now());
  }

  /** T1: what is before the first request that has not ended is done with. */
  #taken(): FollowerTurn {
    const outgoing: Outgoing[] = [];
    for (const batches of [this.#control, this.#events]) {
      batches.sealAll();
      batches.take(outgoing);
      batches.reset();
    }
    const open = this.#courses.open.flatMap(({ request }) => this.#offsets.get(request.request) ?? []);
    const held = [...open, ...this.#promotions.offsets];
    return held.length === 0 ? { outgoing } : { outgoing, offsetNext: Math.min(...held) };
  }

  #takeEvents(batch: RawBatch, from: number): void {
    for (const { offset, event } of retrainingEventsIn(batch, from)) {
      if (event.type === "requested" && !this.#offsets.has(event.request)) this.#offsets.set(event.request, offset);
      // Not before it is read back: a commit that fails leaves the end to be written again.
      if (isEnd(event)) {
        this.#ended.delete(event.request);
        this.#shadows.delete(event.request);
      }
      this.#takeEvent(event);
    }
  }

  #takeEvent(event: RetrainingEvent): void {
    if (isResetAnswer(event)) this.#resetsAnswered.add(event.request);
    this.#policy.takeEvent(event);
    this.#courses.take(event);
  }

  #takeAlerts(batch: RawBatch): void {
    for (const [, event] of alertEventsIn(batch, 0)) takeAlert(this.#policy, event);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, lookAt, lookEveryMs, models } = this.#options;
    for (const { name } of models) {
      const { labels, predictions, timeMs } = await lookAt.look(name, signal);
      this.#policy.takeLabels(name, labels);
      this.#predictions.set(name, predictions);
      if (timeMs !== undefined) this.#policy.takeTime(timeMs);
    }
    await this.#lookBeside(signal);
    this.#lookDueMs = clock.monotonicMs() + lookEveryMs;
  }

  /** What the challengers have done that requests wait for, and what serves meanwhile. */
  async #lookBeside(signal: AbortSignal): Promise<void> {
    for (const { request, trained } of this.#courses.open) {
      const { model, request: id } = request;
      if (trained?.version === undefined) continue;
      const rollout = this.#options.models.find(({ name }) => name === model)?.rollout ?? "none";
      const sinceMs = parseIsoTimeMs(trained.at) ?? 0;
      const { version } = trained;
      const seen =
        rollout === "none"
          ? nothingSeen
          : await this.#options.lookAt.shadow(
              { model, version, sinceMs, recordsMax: rollout.shadow.recordsMin },
              signal,
            );
      this.#shadows.set(id, { ...seen, ...(await this.#standing(model, signal)) });
    }
  }

  async #standing(model: string, signal: AbortSignal): Promise<Standing> {
    const aliases = await this.#aliases(signal);
    return {
      champion: aliasedVersion(aliases, model, championAlias),
      challenger: aliasedVersion(aliases, model, challengerAlias),
    };
  }

  async #aliases(signal: AbortSignal) {
    const reader = new AliasReader();
    const { broker, topics } = this.#options;
    await readControl(broker, topics.control, (record) => reader.take(record), signal);
    return reader.aliases;
  }

  #tail(topic: string, from: Offset): TopicTail {
    const { broker, clock, facts } = this.#options;
    const tail = new TopicTail({ broker, topic, clock, facts });
    tail.begin(from);
    return tail;
  }
}
