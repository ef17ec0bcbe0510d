import { type Clock, codeOf, Facts, type Logger, messageOf } from "../kernel/index.ts";
import {
  type Broker,
  CatchUp,
  type CatchUpOptions,
  type Follower,
  lagsInTime,
  type MeasuredStage,
  type ReadinessCheck,
  readinessOf,
  type StageRunner,
} from "../runtime/index.ts";
import { type ExitCode, exitCodes } from "./exit.ts";

/** How often stages look for what has changed around them, and the worker whether they are ready. */
const tickMs = 20;
const reportEveryMs = 10_000;
const pollMs = 50;
/** Half a session: of a loop that is blocked for longer the group may take its members for dead. */
const blockedMsMin = 3_000;
/** How long a drain goes on while no broker answers: nothing can be committed, and what is in hand is done again later. */
const awayMsMax = 3_000;

export interface WorkerOptions {
  readonly stages: readonly StageRunner[];
  /** What this process does beside, in the order in which one reads what another writes: they end in it, after the stages. */
  readonly roles?: readonly Follower[];
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly drainTimeoutMs: number;
  /** End by itself at the offsets that are the end when the worker starts. */
  readonly untilCaughtUp: boolean;
  /** Tells an alias that is still being read from one that does not exist; see {@link CatchUp}. */
  readonly aliasExists?: CatchUpOptions["aliasExists"];
  /** Called once, when every stage has its assignment and its tasks are open. */
  readonly onReady?: () => void;
}

type Drained = "done" | "late" | "away";

/** Several stages in one process, and what watches them, from start to drain. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #facts: Facts;
  readonly #roles: readonly Follower[];
  #isReady = false;
  #isReporting = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#roles = options.roles ?? [];
    this.#facts = new Facts(options.logger);
  }

  /** True while every stage and role is ready and none is halted. */
  get isReady(): boolean {
    return this.#isReady && this.#all.every((one) => one.isReady);
  }

  get #all(): readonly (StageRunner | Follower)[] {
    return [...this.#options.stages, ...this.#roles];
  }

  /** What has metrics: stages and roles. */
  get measured(): readonly MeasuredStage[] {
    return this.#all;
  }

  /** The stages of this worker. */
  get stages(): readonly StageRunner[] {
    return this.#options.stages;
  }

  /** What `/readyz` answers: 200 when every check is well. */
  readiness(): readonly ReadinessCheck[] {
    const { broker, clock } = this.#options;
    return readinessOf(this.#all, broker, clock);
  }

  /**
   * Runs until `stop` is aborted, until all stages are halted, or until caught up; then drains.
   *
   * @returns 0; 1 when a stage halted or still waits for its model; 75 when the drain took too long
   */
  async run(stop: AbortSignal): Promise<ExitCode> {
    const { clock } = this.#options;
    const all = this.#all;
    let tickedMs = clock.monotonicMs();
    const ticking = setInterval(() => {
      const now = clock.monotonicMs();
      if (now - tickedMs >= blockedMsMin) this.#facts.emit("loopBlocked", { blockedMs: Math.round(now - tickedMs) });
      tickedMs = now;
      for (const one of all) one.tick(now);
      if (!this.#isReady && all.every((one) => one.isReady)) this.#becomeReady();
    }, tickMs);
    const reporting = setInterval(() => void this.#report(stop), reportEveryMs);
    try {
      let code: ExitCode = exitCodes.ok;
      let drained: Drained = "done";
      const settled = new AbortController();
      const starts = all.map((one) => one.start());
      try {
        // A start may wait for a registry or a broker that is down, and a stop must not wait for it.
        const isStarted = Promise.all(starts).then(() => true);
        const isStopped = aborted(stop, settled.signal).then(() => false);
        const isReplaced = this.#replaced(AbortSignal.any([stop, settled.signal])).then(() => false);
        if (await Promise.race([isStarted, isStopped, isReplaced])) code = await this.#untilDone(stop);
      } finally {
        settled.abort();
        drained = await this.#drain(starts);
        if (drained === "late") code = exitCodes.temporary;
      }
      await this.#report(undefined, drained !== "away");
      return code === exitCodes.ok && this.#halted.length > 0 ? exitCodes.failure : code;
    } finally {
      clearInterval(ticking);
      clearInterval(reporting);
      this.#facts.emit("workerEnded", {});
    }
  }

  get #halted(): readonly (StageRunner | Follower)[] {
    return this.#all.filter((one) => one.status === "halted");
  }

  /** True when nothing goes on that a process is run for: roles alone have nothing to watch. */
  get #isOver(): boolean {
    const { stages } = this.#options;
    if (stages.length === 0) return this.#roles.every((role) => role.status === "halted");
    // One that waits for its topic may go on yet.
    return stages.every((stage) => stage.status === "halted" && !stage.awaitsTopic);
  }

  #becomeReady(): void {
    this.#isReady = true;
    this.#facts.emit("workerReady", { stages: this.#all.map((one) => one.stage.name) });
    this.#options.onReady?.();
  }

  async #untilDone(stop: AbortSignal): Promise<ExitCode> {
    const { untilCaughtUp } = this.#options;
    const done = new AbortController();
    const either = AbortSignal.any([stop, done.signal]);
    const watches = [this.#allHalted(either)];
    if (untilCaughtUp) watches.push(this.#caughtUp(either));
    try {
      const isStopped = aborted(stop, done.signal).then((): ExitCode => exitCodes.ok);
      const code = await Promise.race([...watches, isStopped]);
      return this.#halted.length === this.#all.length ? exitCodes.failure : code;
    } finally {
      done.abort();
      await Promise.allSettled(watches);
    }
  }

  /** Resolves when another process has taken the instance id of this one, whatever still starts. */
  async #replaced(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      if (this.#halted.some(({ haltReason }) => codeOf(haltReason) === "MR_INSTANCE")) return;
      await this.#pause(over);
    }
    return new Promise(() => undefined);
  }

  async #allHalted(stop: AbortSignal): Promise<ExitCode> {
    while (!stop.aborted) {
      if (this.#isOver) return exitCodes.failure;
      await this.#pause(stop);
    }
    return exitCodes.ok;
  }

  async #caughtUp(stop: AbortSignal): Promise<ExitCode> {
    const { stages, broker, aliasExists } = this.#options;
    const watch = new CatchUp({ stages, admin: broker.admin, ...(aliasExists === undefined ? {} : { aliasExists }) });
    await watch.begin(stop);
    while (!stop.aborted) {
      const state = await watch.look(stop);
      if (state !== "behind") {
        const reasons = "lacking" in state ? state.lacking : [state];
        for (const reason of reasons) this.#facts.emit("catchUpBlocked", reason);
        return reasons.length === 0 ? exitCodes.ok : exitCodes.failure;
      }
      await this.#pause(stop);
    }
    return exitCodes.ok;
  }

  async #pause(stop: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(pollMs, stop).catch((thrown: unknown) => {
      if (!stop.aborted) throw thrown;
    });
  }

  /**
   * Waits for starts that are under way too, which end when their stage is drained.
   * @returns "late" when `drainTimeoutMs` was not enough, "away" when no broker answers
   */
  async #drain(starts: readonly Promise<void>[]): Promise<Drained> {
    const { clock, drainTimeoutMs } = this.#options;
    const timer = new AbortController();
    const late = clock.sleep(drainTimeoutMs, timer.signal).then(
      (): Drained => "late",
      (): Drained => "done",
    );
    const done = Promise.allSettled([this.#drainAll(timer.signal), ...starts]).then((): Drained => "done");
    const drained = await Promise.race([done, late, this.#away(timer.signal)]);
    timer.abort();
    if (drained === "late") this.#facts.emit("drainTimedOut", { drainTimeoutMs });
    if (drained === "away") this.#facts.emit("drainUnanswered", {});
    return drained;
  }

  /** The stages together, then each role behind those that write what it reads. */
  async #drainAll(over: AbortSignal): Promise<void> {
    const { stages, untilCaughtUp } = this.#options;
    const drain = (one: StageRunner | Follower): Promise<void> =>
      one.drain().catch((thrown: unknown) => {
        const { name } = one.stage;
        this.#facts.emit("drainFailed", { stage: name, code: codeOf(thrown), reason: messageOf(thrown) });
      });
    await Promise.all(stages.map(drain));
    for (const role of this.#roles) {
      if (untilCaughtUp) await this.#roleCaughtUp(role, over).catch(() => undefined);
      await drain(role);
    }
  }

  /** Resolves when a role has done what was there for it, or is halted. */
  async #roleCaughtUp(role: Follower, over: AbortSignal): Promise<void> {
    const [{ end } = { end: 0 }] = await this.#options.broker.admin.watermarks(role.topic, over);
    while (!over.aborted && role.status === "running" && !role.caughtUp(end)) await this.#pause(over);
  }

  /** Resolves when no broker has answered anything for long enough. */
  async #away(over: AbortSignal): Promise<Drained> {
    const { broker, clock } = this.#options;
    // Somebody has to ask: what drains may wait for an answer that is long due.
    const asking = async (): Promise<unknown> => broker.admin.describe([], over);
    asking().catch(() => undefined);
    while (!over.aborted) {
      const { silentSinceMs } = broker;
      if (silentSinceMs !== undefined && clock.monotonicMs() - silentSinceMs >= awayMsMax) return "away";
      await this.#pause(over);
    }
    return "done";
  }

  /** A line per stage. One that asks the cluster at length is not overtaken by the next. */
  async #report(stop?: AbortSignal, isAnswered = true): Promise<void> {
    if (stop !== undefined && (stop.aborted || this.#isReporting)) return;
    this.#isReporting = true;
    const { stages, broker, clock } = this.#options;
    const asked = stages.map(({ stage }) => stage);
    const lags = isAnswered ? await lagsInTime(asked, broker.admin, clock) : [];
    this.#isReporting = false;
    for (const [index, stage] of stages.entries()) {
      const { filtered, deadLetters, ...counts } = stage.counts();
      this.#facts.emit("stageCounted", {
        stage: stage.stage.name,
        status: stage.status,
        ...counts,
        filtered: total(Object.values(filtered)),
        deadLetters: total(Object.values(deadLetters)),
        // No number is better than an old one.
        lag: lags[index] === undefined ? null : total(lags[index].map(({ records }) => records)),
      });
    }
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Resolves with the signal's end; never when `over` comes first: a signal that lives on must not gather listeners. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true, signal: over });
  });
}
