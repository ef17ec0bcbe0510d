import type { GroupMembership } from "../adapters/kafkajs/index.ts";
import type { Clock, Facts } from "../kernel/index.ts";

/** Signals that end a run. */
export const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;
export type StopSignal = (typeof stopSignals)[number];

/** How a worker ended: by itself with a code, or by a signal. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker in a process of its own. */
export interface SupervisedWorker {
  readonly pid: number | undefined;
  readonly ended: Promise<WorkerEnd>;
  /** Tells of each group that it has become a member of, before its first heartbeat there. */
  onJoined(tell: (member: GroupMembership) => void): void;
  kill(signal: NodeJS.Signals): void;
}

/** A process that has loaded all that a worker is made of, and waits until it is needed. */
export interface SpareWorker extends SupervisedWorker {
  /** It is a worker from now on. */
  begin(): void;
}

export interface SupervisorOptions {
  start(): SupervisedWorker;
  /** Left out, none stands by, and the next worker is started when it is needed. */
  startSpare?(): SpareWorker;
  /** Takes dead members out of their groups, so that nobody waits for their sessions. Never throws. */
  leave(members: readonly GroupMembership[]): Promise<void>;
  /** Whether a stop gives the partitions up, rather than keeping them for a restart under the same id. */
  readonly leavesOnStop: boolean;
  readonly drainTimeoutMs: number;
  /** The numbers that the system gives the signals, for exit codes. */
  readonly signalNumbers: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly facts: Facts;
}

/** How long a new worker may take to join before the dead one's partitions go to the others. */
const joinMsMax = 2_000;
/** Two deaths within this: the slot is not worth waiting for. */
const hastyMs = 10_000;
/** So many deaths within a minute end the run: something is wrong that a start does not mend. */
const deathsMax = 5;
const deathsWithinMs = 60_000;
/** A new worker has so long to itself: restoring needs the processor more than a spare does. */
const spareAfterMs = 3_000;
/** What a worker has for its end beyond the time of its drain. */
const stopGraceMs = 5_000;

/** Exit codes after which another start may help: a bug that one event had to meet, and an abort. */
const restartedCodes: readonly number[] = [70, 134];

/**
 * Keeps one worker running in one slot: puts a spare in its place at once when it dies, under the same instance id, so that
 * it finds its partitions again without a rebalance. Only when it does not come back are its partitions given to others,
 * without waiting for its session.
 *
 * A worker that ends by itself ends the run; see {@link restartedCodes}.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #worker: SupervisedWorker | undefined;
  #spare: SpareWorker | undefined;
  /** What the latest worker of each group is there. */
  #members = new Map<string, GroupMembership>();
  /** Members of workers that are dead, in groups that no worker has joined since. */
  #orphans = new Map<string, GroupMembership>();
  #deathsMs: number[] = [];
  #stopped: StopSignal | undefined;
  readonly #forwarded = new Set<StopSignal>();
  readonly #over = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Hands a signal on, each once; from the first on the worker's end is the run's. */
  stop(signal: StopSignal): void {
    if (this.#forwarded.has(signal)) return;
    this.#forwarded.add(signal);
    this.#worker?.kill(signal);
    if (this.#stopped !== undefined) return;
    this.#stopped = signal;
    void this.#killIfSlow();
  }

  /** @returns the exit code of the run: the worker's last, or 128 and its signal's number */
  async run(): Promise<number> {
    try {
      for (;;) {
        // It may have come when there was no worker to hand it to.
        if (this.#stopped !== undefined) return await this.#endedWith({ code: 0, signal: null });
        const end = await this.#oneLife();
        if (this.#stopped !== undefined || !isDeath(end)) return await this.#endedWith(end);
        if (await this.#diedTooOften(end)) return 1;
        this.#orphan();
      }
    } finally {
      this.#over.abort();
      this.#spare?.kill("SIGKILL");
    }
  }

  async #oneLife(): Promise<WorkerEnd> {
    const { facts } = this.#options;
    const worker = this.#next();
    this.#worker = worker;
    void this.#standBy(worker);
    facts.emit("workerStarted", { pid: worker.pid ?? -1 });
    worker.onJoined((member) => {
      this.#members.set(member.group, member);
      this.#orphans.delete(member.group);
    });
    const end = await worker.ended;
    this.#worker = undefined;
    return end;
  }

  /** The spare where there is one. */
  #next(): SupervisedWorker {
    const spare = this.#spare;
    if (spare === undefined) return this.#options.start();
    this.#spare = undefined;
    spare.begin();
    return spare;
  }

  /** Sees to it that there is a spare while this worker works. One that ended is made anew with the next worker. */
  async #standBy(worker: SupervisedWorker): Promise<void> {
    const { clock, startSpare } = this.#options;
    if (startSpare === undefined) return;
    await clock.sleep(spareAfterMs, this.#over.signal).catch(() => undefined);
    if (this.#over.signal.aborted || this.#stopped !== undefined || this.#worker !== worker) return;
    const spare = startSpare();
    this.#spare = spare;
    const forget = (): void => {
      if (this.#spare === spare) this.#spare = undefined;
    };
    spare.ended.then(forget, forget);
  }

  async #diedTooOften(end: WorkerEnd): Promise<boolean> {
    const { clock, facts } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#deathsMs = [...this.#deathsMs, nowMs].filter((ms) => nowMs - ms < deathsWithinMs);
    const deaths = this.#deathsMs.length;
    facts.emit("workerDied", { how: howOf(end), deaths });
    if (deaths < deathsMax) return false;
    facts.emit("workerGivenUp", { how: howOf(end), deaths });
    await this.#leave([...this.#orphans.values(), ...this.#members.values()]);
    return true;
  }

  /** The dead worker's slots wait for the next one, unless it was the second to die in a short time. */
  #orphan(): void {
    const [before, last] = [this.#deathsMs.at(-2), this.#deathsMs.at(-1)];
    const isHasty = before !== undefined && last !== undefined && last - before < hastyMs;
    for (const [group, member] of this.#members) this.#orphans.set(group, member);
    this.#members = new Map();
    if (isHasty) void this.#leaveOrphans();
    else void this.#leaveIfLate([...this.#orphans.values()]);
  }

  async #leaveIfLate(members: readonly GroupMembership[]): Promise<void> {
    const { clock } = this.#options;
    await clock.sleep(joinMsMax, this.#over.signal).catch(() => undefined);
    if (this.#over.signal.aborted) return;
    const late = members.filter((member) => this.#orphans.get(member.group) === member);
    for (const { group } of late) this.#orphans.delete(group);
    await this.#leave(late);
  }

  async #leaveOrphans(): Promise<void> {
    const members = [...this.#orphans.values()];
    this.#orphans.clear();
    await this.#leave(members);
  }

  async #leave(members: readonly GroupMembership[]): Promise<void> {
    if (members.length === 0) return;
    this.#options.facts.emit("slotsGivenUp", { groups: members.map(({ group }) => group) });
    await this.#options.leave(members);
  }

  /** A worker that ended by itself has left as it was told to; one that died has not, nor those before it. */
  async #endedWith(end: WorkerEnd): Promise<number> {
    const dead = [...this.#orphans.values(), ...(isDeath(end) ? this.#members.values() : [])];
    if (this.#options.leavesOnStop) await this.#leave(dead);
    return end.signal === null ? (end.code ?? 0) : 128 + (this.#options.signalNumbers[end.signal] ?? 0);
  }

  async #killIfSlow(): Promise<void> {
    const { clock, drainTimeoutMs, facts } = this.#options;
    await clock.sleep(drainTimeoutMs + stopGraceMs, this.#over.signal).catch(() => undefined);
    if (this.#over.signal.aborted) return;
    facts.emit("workerKilled", { drainTimeoutMs });
    this.#worker?.kill("SIGKILL");
  }
}

function isDeath({ code, signal }: WorkerEnd): boolean {
  return signal !== null || restartedCodes.includes(code ?? 0);
}

function howOf({ code, signal }: WorkerEnd): string {
  return signal === null ? `exit code ${code ?? 0}` : signal;
}
