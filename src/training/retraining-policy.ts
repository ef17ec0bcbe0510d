/**
 * When a model is trained again.
 *
 * Per model there is at most one open request. A **demand** is a reason that has come and was not satisfied: an incident of
 * the model that is open, an alert of somebody else that fires, an age or a count that was passed, a time of the schedule. At every change each demand is asked
 * again; what a guard holds back is said once per guard and alert.
 *
 * ```
 *       alert, webhook, age, labels, schedule      all guards pass
 *   quiet ---------------------------------> demand ---------------> open --- promoted ----------> quiet
 *     ^                                       |  ^                    |
 *     +-- incident closed, alert resolved ----+  +--------------------+ rejected, undecided, failed, cancelled
 * ```
 *
 * Invariants, whatever the inputs are and however often a process ends and takes them again:
 * - P1 a model has never two open requests.
 * - P2 no request of the policy lies inside the cool-down after another of its model, in event time.
 * - P3 no more than `perDay` requests of the policy lie in a day of event time.
 * - P4 every alert that is a reason, one's own or somebody else's, is answered by exactly one event.
 * - P5 with the breaker open nothing but age asks.
 * - P6 no request while an incident of broken rows, or of a lag, is open.
 * - P7 no end of a request stops a trigger: what it counts or waits for counts from there, and asks again.
 * - P8 an alarm of a detector is answered by one version that does not pass; the next alarm asks again.
 *
 * What it decides is written down and read again: `takeEvent` of its own events gives the state in which it was when it
 * decided. Requests of persons pass no guard but P1.
 */
import type { RetrainCause } from "./retrain-cause.ts";
import type { RetrainSettings, RetrainTrigger } from "./retrain-settings.ts";
import { type Guard, isEnd, type RetrainingEvent } from "./retraining-event.ts";
import { parseSchedule } from "./schedule.ts";

const dayMs = 86_400_000;
/** More than a day may have by the grammar. */
const requestsKept = 1_000;

export interface PolicyModel {
  readonly name: string;
  /** Undefined: it is trained again when a person asks. */
  readonly retrain: RetrainSettings | undefined;
  /** Monitors on its features, its predictions and its labels. */
  readonly monitors: ReadonlySet<string>;
}

/** What an alert says, as far as it is a reason. */
export interface PolicyAlert {
  readonly id: string;
  readonly step: "begins" | "closes";
  readonly kind: "drift" | "performance" | "estimate" | "quality" | "lag";
  readonly monitor: string;
  readonly incident: string;
  /** Event time; of a lag the time at which it was found, by a clock. */
  readonly timeMs: number;
  /** Whether what we deployed ourselves is what drifts: another version answers otherwise, and that is no news of the world. */
  readonly isDeployment: boolean;
  /** Whether nothing is to be learned from what comes while its incident is open. */
  readonly isVeto: boolean;
  /** Whether detectors alone say it: at one moment, and again when they alarm again, while windows say what is so now. */
  readonly isAlarm: boolean;
}

/** What the policy asks for or holds back; who writes it adds id, time and name. */
export interface PolicyDecision {
  readonly type: "requested" | "suppressed";
  /** The same for the same decision, whoever takes it and how often. */
  readonly id: string;
  readonly request: string;
  readonly model: string;
  readonly cause: RetrainCause;
  readonly incident: string | undefined;
  readonly alert: string | undefined;
  readonly guard: Guard | undefined;
  readonly reason: string | undefined;
  readonly timeMs: number | undefined;
  readonly labels: number;
}

interface Demand {
  readonly cause: RetrainCause;
  /** Names the happening: the same after a restart. */
  readonly key: string;
  readonly incident: string | undefined;
  /** The last alert that was not answered yet. */
  readonly alerts: string[];
  /** What its alerts say is what we deployed, in each of them. */
  isDeployment: boolean;
  /** Its alerts are alarms of detectors, each of them. */
  isAlarm: boolean;
  /** Its incident has closed; what is left is to answer its alerts. */
  isOver: boolean;
}

interface ModelState {
  readonly model: PolicyModel;
  readonly demands: Map<string, Demand>;
  open: RetrainingEvent | undefined;
  requestTimes: number[];
  /** Decisions on a demand so far, so that each has an id of its own, and the guard that was named last. */
  readonly decided: Map<string, { readonly count: number; readonly guard: Guard | undefined }>;
  readonly satisfied: Set<string>;
  /** Incidents of which a version was made and did not pass: their alarms so far have been answered by that. */
  readonly rejected: Set<string>;
  /** Demands of which an alert came while a training was under way, which may have begun before it. */
  readonly cameDuring: Set<string>;
  /** Of the incident that was rejected last, or of the alert of somebody else. */
  rejections: number;
  rejectedIncident: string | undefined;
  breakerMs: number | undefined;
  labels: number;
  labelsTrained: number;
  /** From when on age counts: a promotion, or the end of a training that age asked for. */
  agedFromMs: number | undefined;
  scheduledMs: number | undefined;
}

export class RetrainingPolicy {
  readonly #models = new Map<string, ModelState>();
  /** Incidents that hold requests back, by id, with their monitor. */
  readonly #vetoes = new Map<string, PolicyAlert>();
  readonly #answered = new Set<string>();
  readonly #taken = new Set<string>();
  #nowMs: number | undefined;

  constructor(models: readonly PolicyModel[]) {
    for (const model of models)
      this.#models.set(model.name, {
        model,
        demands: new Map(),
        open: undefined,
        requestTimes: [],
        decided: new Map(),
        satisfied: new Set(),
        rejected: new Set(),
        cameDuring: new Set(),
        rejections: 0,
        rejectedIncident: undefined,
        breakerMs: undefined,
        labels: 0,
        labelsTrained: 0,
        agedFromMs: undefined,
        scheduledMs: undefined,
      });
  }

  /** Event time; undefined before anything said it. */
  get nowMs(): number | undefined {
    return this.#nowMs;
  }

  /** The request of a model that has not ended. */
  openRequest(model: string): RetrainingEvent | undefined {
    return this.#models.get(model)?.open;
  }

  labelsOf(model: string): number {
    return this.#models.get(model)?.labels ?? 0;
  }

  /** Event time is at least this. */
  takeTime(timeMs: number): void {
    if (this.#nowMs === undefined || timeMs > this.#nowMs) this.#nowMs = timeMs;
  }

  takeLabels(model: string, count: number): void {
    const state = this.#models.get(model);
    if (state !== undefined) state.labels = count;
  }

  /** When the version in service was put there, for a model that no event tells of. */
  takePromotion(model: string, timeMs: number): void {
    const state = this.#models.get(model);
    if (state !== undefined) state.agedFromMs ??= timeMs;
  }

  takeAlert(alert: PolicyAlert): void {
    // Events may be replayed or made up, years from the clock by which a lag is found.
    if (alert.kind !== "lag") this.takeTime(alert.timeMs);
    if (alert.step === "closes") this.#vetoes.delete(alert.incident);
    else if (alert.isVeto) this.#vetoes.set(alert.incident, alert);
    if (alert.kind === "lag") return;
    for (const state of this.#models.values()) this.#takeReason(state, alert, alert.kind);
  }

  #takeReason(state: ModelState, alert: PolicyAlert, kind: "drift" | "performance" | "estimate" | "quality"): void {
    const { model, demands } = state;
    if (!model.monitors.has(alert.monitor) || !model.retrain?.on.some((trigger) => trigger.kind === kind)) return;
    const known = demands.get(alert.incident);
    if (alert.step === "closes") {
      // What was broken can be learned from when it is whole again: then a quality incident asks at its end.
      if (kind === "quality" || known === undefined) return;
      if (known.alerts.length === 0) demands.delete(alert.incident);
      else known.isOver = true;
      return;
    }
    const isAnswered = this.#answered.has(answerKey(model.name, alert.id));
    if (isAnswered && state.satisfied.has(alert.incident)) return;
    if (isAnswered && alert.isAlarm && state.rejected.has(alert.incident)) return;
    const isDeployment = kind === "drift" && alert.isDeployment;
    const { isAlarm } = alert;
    const demand = known ?? { ...demandOf(kind, alert.incident), isDeployment, isAlarm };
    demand.isDeployment &&= isDeployment;
    demand.isAlarm &&= isAlarm;
    if (isAnswered) {
      demands.set(alert.incident, demand);
      return;
    }
    demand.alerts.push(alert.id);
    // One that comes after a promotion says that it did not help.
    state.satisfied.delete(alert.incident);
    demands.set(alert.incident, demand);
  }

  /** Takes what stands on the retraining topic, in its order, one's own decisions too. */
  takeEvent(event: RetrainingEvent): void {
    if (this.#taken.has(event.id)) return;
    this.#taken.add(event.id);
    const state = this.#models.get(event.model);
    if (state === undefined) return;
    if (event.timeMs !== undefined) this.takeTime(event.timeMs);
    if (event.alert !== undefined) for (const alert of event.alert.split(" ")) this.#answer(state, event, alert);
    if (event.by === "policy") takeDecision(state, event);
    if (event.type === "reset") closeBreaker(state);
    else if (event.type === "reported") takeReport(state, event);
    else if (event.type === "resolved") takeResolved(state, event);
    else if (event.type === "requested") takeRequest(state, event);
    else if (isEnd(event) && state.open?.request === event.request) takeEnd(state, event, this.#nowMs);
  }

  #answer(state: ModelState, event: RetrainingEvent, alert: string): void {
    this.#answered.add(answerKey(state.model.name, alert));
    const key = event.incident ?? demandKey(event);
    // It came after whatever satisfied its incident.
    state.satisfied.delete(key);
    state.rejected.delete(key);
    const demand = state.demands.get(key);
    if (demand !== undefined)
      demand.alerts.splice(0, demand.alerts.length, ...demand.alerts.filter((id) => id !== alert));
  }

  /**
   * What follows from all that was taken. Each decision has to come back through `takeEvent` before the next call.
   * @param clockMs of the wall, for schedules
   */
  decide(clockMs: number): readonly PolicyDecision[] {
    const decisions: PolicyDecision[] = [];
    for (const state of this.#models.values()) {
      this.#demandByCount(state, clockMs);
      let isOpen = state.open !== undefined;
      for (const demand of [...state.demands.values()].sort(inOrder)) {
        const guard = this.#heldBy(state, demand, isOpen);
        const isNew = demand.alerts.length > 0;
        const isSaid = guard !== undefined && state.decided.get(demand.key)?.guard === guard.guard;
        // A request that is open says by itself that nothing more is asked.
        if (!isNew && (isSaid || guard === underWay)) continue;
        decisions.push(decisionOn(state, demand, guard, this.#nowMs));
        isOpen ||= guard === undefined;
      }
    }
    return decisions;
  }

  #heldBy(state: ModelState, demand: Demand, isOpen: boolean): Held | undefined {
    // At once, so that no such demand outlasts the decision on its alert.
    if (demand.isDeployment) return deployed;
    if (isOpen) return underWay;
    if (demand.isOver) return demand.cause === "webhook" ? resolved : over;
    return this.guardOf(state.model.name, demand.cause);
  }

  /** What would hold a request of the model back now; undefined when nothing would. */
  guardOf(name: string, cause: RetrainCause): Held | undefined {
    const state = this.#models.get(name);
    const retrain = state?.model.retrain;
    if (state === undefined || retrain === undefined)
      return { guard: "not-asked", reason: "the model is trained when somebody asks" };
    if (state.open !== undefined) return { guard: "open", reason: `request ${state.open.request} has not ended` };
    const nowMs = this.#nowMs ?? Number.NEGATIVE_INFINITY;
    if (cause !== "age" && isBroken(state, nowMs))
      return {
        guard: "breaker",
        reason: `${retrain.breaker} versions in a row did not pass; millrace triggers reset closes it`,
      };
    const veto = [...this.#vetoes.values()].find(
      ({ kind, monitor }) => kind === "lag" || state.model.monitors.has(monitor),
    );
    if (veto !== undefined) return { guard: "veto", reason: `incident ${veto.incident} of the ${veto.kind} is open` };
    const last = state.requestTimes.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - last < retrain.cooldownMs)
      return { guard: "cooldown", reason: "the last request is not long enough ago" };
    const today = state.requestTimes.filter((time) => nowMs - time < dayMs).length;
    if (today >= retrain.perDay) return { guard: "per-day", reason: `${today} requests were made within a day` };
    const labels = state.labels - state.labelsTrained;
    if (labels < retrain.labelsMin)
      return { guard: "labels", reason: `${labels} labels came since the last training, of ${retrain.labelsMin}` };
    return undefined;
  }

  /** Demands that no alert makes. */
  #demandByCount(state: ModelState, clockMs: number): void {
    const triggers = state.model.retrain?.on ?? [];
    for (const trigger of triggers) {
      const key = keyOf(state, trigger, this.#nowMs, clockMs);
      if (key === undefined) continue;
      const { kind } = trigger;
      if (kind !== "age" && kind !== "labels" && kind !== "schedule") continue;
      if (!state.satisfied.has(key) && !state.demands.has(key)) state.demands.set(key, demandOf(kind, undefined, key));
    }
  }
}

/** The same order for every process, whenever each has read what: incidents, then what others told, then counts. */
function inOrder(a: Demand, b: Demand): number {
  return rankOf(a) - rankOf(b) || (a.key < b.key ? -1 : 1);
}

function rankOf({ incident, cause }: Demand): number {
  if (incident !== undefined) return 0;
  return cause === "webhook" ? 1 : 2;
}

interface Held {
  readonly guard: Guard;
  readonly reason: string;
}

const underWay: Held = { guard: "open", reason: "a training of the model is under way" };
const deployed: Held = {
  guard: "deployment",
  reason: "the cause is a deployment of ours: what another version answers is no drift of the world",
};
const over: Held = { guard: "over", reason: "the incident closed before anything was asked for" };
const resolved: Held = { guard: "over", reason: "the alert was resolved before anything was asked for" };

function decisionOn(
  state: ModelState,
  demand: Demand,
  held: Held | undefined,
  timeMs: number | undefined,
): PolicyDecision {
  const { name } = state.model;
  const { key, cause, incident, alerts } = demand;
  // Whoever cancels by an id cancels nothing that comes later.
  const request = `${name}/${key}/${(state.decided.get(key)?.count ?? 0) + 1}`;
  const type = held === undefined ? "requested" : "suppressed";
  return {
    type,
    id: `${request}/${type}`,
    request,
    model: name,
    cause,
    incident,
    alert: alerts.length === 0 ? undefined : alerts.join(" "),
    guard: held?.guard,
    reason: held?.reason,
    timeMs,
    labels: state.labels,
  };
}

const answerKey = (model: string, alert: string): string => `${model} ${alert}`;

function demandOf(cause: RetrainCause, incident: string | undefined, key = incident ?? cause): Demand {
  return { cause, key, incident, alerts: [], isDeployment: false, isAlarm: false, isOver: false };
}

/** Of the demand that an event of the policy is about; it is the middle of the request's id. */
function demandKey({ request, model }: RetrainingEvent): string {
  return request.slice(model.length + 1, request.lastIndexOf("/"));
}

/** What names the happening of a trigger that has come; undefined while it has not. */
function keyOf(
  state: ModelState,
  trigger: RetrainTrigger,
  nowMs: number | undefined,
  clockMs: number,
): string | undefined {
  if (trigger.kind === "age") {
    const { agedFromMs } = state;
    const isDue = nowMs !== undefined && agedFromMs !== undefined && nowMs - agedFromMs >= trigger.ageMs;
    return isDue ? `age-${agedFromMs}` : undefined;
  }
  if (trigger.kind === "labels")
    return state.labels - state.labelsTrained >= trigger.count ? `labels-${state.labelsTrained}` : undefined;
  if (trigger.kind !== "schedule") return undefined;
  // Times that passed while nobody looked are one: it is asked for once.
  state.scheduledMs ??= clockMs;
  const dueMs = parseSchedule(trigger.cron)?.next(state.scheduledMs) ?? Number.POSITIVE_INFINITY;
  if (dueMs > clockMs) return undefined;
  state.scheduledMs = clockMs;
  return `schedule-${dueMs}`;
}

/** An alert of somebody else fires: said again under the same id it is the same one. */
function takeReport(state: ModelState, { id, request, model }: RetrainingEvent): void {
  if (!state.model.retrain?.on.some(({ kind }) => kind === "webhook")) return;
  const key = request.slice(model.length + 1);
  const demand = state.demands.get(key) ?? demandOf("webhook", undefined, key);
  demand.alerts.push(id);
  state.demands.set(key, demand);
}

function takeResolved(state: ModelState, { request, model }: RetrainingEvent): void {
  const key = request.slice(model.length + 1);
  const demand = state.demands.get(key);
  if (demand === undefined || demand.cause !== "webhook") return;
  demand.isOver = true;
  // Otherwise what is left is to answer it.
  if (demand.alerts.length === 0) state.demands.delete(key);
}

function takeDecision(state: ModelState, event: RetrainingEvent): void {
  const key = demandKey(event);
  state.decided.set(key, { count: (state.decided.get(key)?.count ?? 0) + 1, guard: event.guard });
  if (event.type === "requested") state.cameDuring.delete(key);
  else if (event.guard === "open" && event.alert !== undefined) state.cameDuring.add(key);
  if (event.cause === "schedule")
    state.scheduledMs = Math.max(state.scheduledMs ?? 0, Number(key.slice("schedule-".length)));
  // A time that could not be kept is over, and one whose incident has closed, or is our own doing, asks nothing any more.
  const isOver = event.guard === "over" || (event.cause === "webhook" && state.demands.get(key)?.isOver === true);
  const isDone = event.cause === "schedule" || event.guard === "deployment" || isOver;
  if (event.type === "suppressed" && isDone) satisfy(state, key);
}

function takeRequest(state: ModelState, event: RetrainingEvent): void {
  // One that came while another was open has not been taken on, and is refused by who does trainings.
  if (state.open !== undefined) return;
  state.open = event;
  if (event.by === "policy" && event.timeMs !== undefined)
    state.requestTimes = [...state.requestTimes, event.timeMs].slice(-requestsKept);
}

function takeEnd(state: ModelState, event: RetrainingEvent, nowMs: number | undefined): void {
  const request = state.open;
  state.open = undefined;
  if (request === undefined) return;
  const { cause } = request;
  const timeMs = event.timeMs ?? nowMs;
  countLabelsFrom(state, request, event);
  if (event.type === "promoted" || (cause === "age" && event.type !== "suppressed")) {
    state.agedFromMs = timeMs ?? state.agedFromMs;
    forget(state, "age");
  }
  // An incident whose version did not pass, or could not be made, asks again: what windows say is so still.
  const isSatisfied = event.type === "promoted" || event.type === "cancelled" || cause === "schedule";
  if (request.by === "policy" && isSatisfied) satisfy(state, demandKey(request));
  if (event.type === "promoted") {
    closeBreaker(state);
    // Whatever others told before it has been learned from.
    for (const { key, cause: told } of [...state.demands.values()]) if (told === "webhook") satisfy(state, key);
  }
  if (event.type === "rejected") {
    countRejection(state, request, timeMs);
    // One with a version passed the gate, and did not serve for another reason: that says nothing of the alarm.
    if (request.incident !== undefined && event.version === undefined) answerAlarms(state, request.incident);
  }
}

/**
 * An alarm says that something changed at a moment. When the best that can be made of the rows since is no better than what
 * serves, that is the answer to it: asked again at each end of the cool-down, it would be a timer.
 */
function answerAlarms(state: ModelState, incident: string): void {
  if (state.cameDuring.has(incident)) return;
  state.rejected.add(incident);
  const demand = state.demands.get(incident);
  if (demand?.isAlarm === true && demand.alerts.length === 0) state.demands.delete(incident);
}

function countLabelsFrom(state: ModelState, request: RetrainingEvent, end: RetrainingEvent): void {
  const isTrained = end.type === "promoted" || end.type === "rejected";
  // One that was cancelled counts anew too, or its count would name the same happening for ever.
  if (!isTrained && !(end.type === "cancelled" && request.cause === "labels")) return;
  // Whoever trained says what there was when it began: that is later than the request, and a person's request says nothing.
  const labels = end.labels ?? request.labels;
  if (labels === undefined) return;
  state.labelsTrained = Math.max(state.labelsTrained, labels);
  forget(state, "labels");
}

/** Those of one incident, or of one alert of somebody else, add up. */
function countRejection(state: ModelState, request: RetrainingEvent, timeMs: number | undefined): void {
  const { cause, incident } = request;
  const chain = incident ?? (cause === "webhook" ? demandKey(request) : undefined);
  if (chain === undefined) return;
  // Whether or not anybody asked since: a process that only reads the log comes to the same count.
  isBroken(state, timeMs ?? Number.NEGATIVE_INFINITY);
  state.rejections = state.rejectedIncident === chain ? state.rejections + 1 : 1;
  state.rejectedIncident = chain;
  if (state.rejections >= (state.model.retrain?.breaker ?? Number.POSITIVE_INFINITY))
    state.breakerMs = timeMs ?? Number.NEGATIVE_INFINITY;
}

/** Nothing more is asked for it, unless an alert has come in between. */
function satisfy(state: ModelState, key: string): void {
  if ((state.demands.get(key)?.alerts.length ?? 0) > 0) return;
  state.demands.delete(key);
  state.satisfied.add(key);
}

function forget(state: ModelState, cause: RetrainCause): void {
  for (const [key, demand] of state.demands) if (demand.cause === cause) state.demands.delete(key);
}

function closeBreaker(state: ModelState): void {
  state.rejections = 0;
  state.rejectedIncident = undefined;
  state.breakerMs = undefined;
}

function isBroken(state: ModelState, nowMs: number): boolean {
  if (state.breakerMs === undefined) return false;
  if (nowMs - state.breakerMs < dayMs) return true;
  closeBreaker(state);
  return false;
}
