import { constants } from "node:os";
import { expect, test } from "vitest";
import type { GroupMembership } from "../../../src/adapters/kafkajs/index.ts";
import { type SpareWorker, Supervisor, type SupervisorOptions, type WorkerEnd } from "../../../src/app/supervisor.ts";
import { Facts, type Logger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred } from "../../support/deadline.ts";

const member = (group: string, life: number): GroupMembership => ({
  group,
  memberId: `m${life}`,
  instanceId: "slot",
});

/** A life of the worker, as the test writes it. */
class Life implements SpareWorker {
  readonly pid: number;
  begun = 0;
  readonly signals: string[] = [];
  readonly #ended = deferred<WorkerEnd>();
  readonly ended = this.#ended.promise;
  #tell: (member: GroupMembership) => void = () => undefined;

  constructor(pid: number) {
    this.pid = pid;
  }

  onJoined(tell: (member: GroupMembership) => void): void {
    this.#tell = tell;
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
    if (signal === "SIGKILL") this.ends({ signal });
  }

  begin(): void {
    this.begun++;
  }

  joins(...groups: string[]): void {
    for (const group of groups) this.#tell(member(group, this.pid));
  }

  ends({ code = null, signal = null }: Partial<WorkerEnd>): void {
    this.#ended.resolve({ code, signal });
  }
}

function supervised(options: Partial<SupervisorOptions> = {}, { isRun = true } = {}) {
  const clock = new FakeClock(0);
  const lives: Life[] = [];
  /** Members that were taken out of their groups, by call. */
  const left: string[][] = [];
  const said: string[] = [];
  const log = (_: unknown, msg: string): void => void said.push(msg);
  const supervisor = new Supervisor({
    start: () => {
      const life = new Life(lives.length + 1);
      lives.push(life);
      return life;
    },
    leave: async (members) => void left.push(members.map(({ group, memberId }) => `${group} ${memberId}`)),
    leavesOnStop: false,
    drainTimeoutMs: 25_000,
    signalNumbers: constants.signals,
    clock,
    facts: new Facts({ debug: log, info: log, warn: log, error: log } as unknown as Logger),
    ...options,
  });
  return { clock, lives, left, said, supervisor, run: isRun ? supervisor.run() : Promise.resolve(0) };
}

/** Lets everything that can go on go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

test.each([0, 1, 64, 69, 75, 130])("a worker that ends by itself with %i ends the run with it", async (code) => {
  const { lives, run, left } = supervised();
  lives[0]!.joins("a");
  lives[0]!.ends({ code });
  expect(await run).toBe(code);
  expect(lives.length).toBe(1);
  expect(left).toEqual([]);
});

test.each([[{ signal: "SIGKILL" as const }], [{ signal: "SIGABRT" as const }], [{ code: 70 }], [{ code: 134 }]])(
  "a worker that dies (%o) is started again at once, and nobody is told when it joins in time",
  async (end) => {
    const { lives, left, clock, said, supervisor, run } = supervised();
    lives[0]!.joins("a", "b");
    lives[0]!.ends(end);
    await settle();
    expect(lives.length).toBe(2);
    clock.advance(1_999);
    lives[1]!.joins("a", "b");
    clock.advance(60_000);
    await settle();
    expect(left).toEqual([]);
    expect(said).toEqual(["Worker started.", "The worker died; it is started again in its place.", "Worker started."]);
    supervisor.stop("SIGTERM");
    lives[1]!.ends({ code: 0 });
    expect(await run).toBe(0);
  },
);

test("places that the next worker has not taken after two seconds are given up, and only those", async () => {
  const { lives, left, clock } = supervised();
  lives[0]!.joins("a", "b", "c");
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  lives[1]!.joins("b");
  clock.advance(1_999);
  await settle();
  expect(left).toEqual([]);
  clock.advance(1);
  await settle();
  expect(left).toEqual([["a m1", "c m1"]]);
});

test("the second death within ten seconds gives the places up at once", async () => {
  const { lives, left, clock } = supervised();
  lives[0]!.joins("a");
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  lives[1]!.joins("a", "b");
  clock.advance(9_999);
  lives[1]!.ends({ signal: "SIGKILL" });
  await settle();
  expect(left).toEqual([["a m2", "b m2"]]);
  expect(lives.length).toBe(3);
  clock.advance(10_000);
  await settle();
  expect(left.length).toBe(1);
});

test("deaths ten seconds apart each wait for the slot", async () => {
  const { lives, left, clock } = supervised();
  lives[0]!.joins("a");
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  lives[1]!.joins("a");
  clock.advance(10_000);
  lives[1]!.ends({ signal: "SIGKILL" });
  await settle();
  expect(left).toEqual([]);
});

test("a death before the slot was taken leaves what the worker before it held", async () => {
  const { lives, left, clock } = supervised();
  lives[0]!.joins("a");
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  clock.advance(1_000);
  lives[1]!.ends({ signal: "SIGKILL" });
  await settle();
  expect(left).toEqual([["a m1"]]);
});

test("the fifth death within a minute ends the run with 1 and gives the places up", async () => {
  const { lives, left, clock, said, run } = supervised();
  for (let i = 0; i < 5; i++) {
    lives[i]!.joins("a");
    lives[i]!.ends({ signal: "SIGSEGV" });
    await settle();
    clock.advance(14_000);
    await settle();
  }
  expect(await run).toBe(1);
  expect(lives.length).toBe(5);
  expect(left.at(-1)).toEqual(["a m5"]);
  expect(said.at(-2)).toContain("five times within a minute");
});

test("five deaths over more than a minute do not end the run", async () => {
  const { lives, clock } = supervised();
  for (let i = 0; i < 5; i++) {
    lives[i]!.joins("a");
    lives[i]!.ends({ signal: "SIGSEGV" });
    await settle();
    clock.advance(15_000);
    await settle();
  }
  expect(lives.length).toBe(6);
});

test("each signal is handed on once, and a worker that a signal ends gives 128 and its number", async () => {
  const { lives, left, supervisor, run } = supervised();
  lives[0]!.joins("a");
  for (const signal of ["SIGHUP", "SIGHUP", "SIGTERM", "SIGTERM", "SIGQUIT", "SIGINT"] as const)
    supervisor.stop(signal);
  expect(lives[0]!.signals).toEqual(["SIGHUP", "SIGTERM", "SIGQUIT", "SIGINT"]);
  lives[0]!.ends({ signal: "SIGHUP" });
  expect(await run).toBe(129);
  expect(lives.length).toBe(1);
  expect(left).toEqual([]);
});

test("a worker that is killed while it stops has its places given up where a stop does so", async () => {
  const { lives, left, supervisor, run } = supervised({ leavesOnStop: true });
  lives[0]!.joins("a");
  supervisor.stop("SIGTERM");
  lives[0]!.ends({ signal: "SIGKILL" });
  expect(await run).toBe(137);
  expect(left).toEqual([["a m1"]]);
});

test("a stop that comes before there is a worker starts none", async () => {
  const { lives, supervisor } = supervised({}, { isRun: false });
  supervisor.stop("SIGTERM");
  expect(await supervisor.run()).toBe(0);
  expect(lives.length).toBe(0);
});

test("a stop between two workers gives the places of the dead one up where a stop does so", async () => {
  const { lives, left, clock, supervisor, run } = supervised({ leavesOnStop: true });
  lives[0]!.joins("a", "b");
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  lives[1]!.joins("b");
  supervisor.stop("SIGTERM");
  lives[1]!.ends({ code: 0 });
  expect(await run).toBe(0);
  expect(left).toEqual([["a m1"]]);
  clock.advance(10_000);
  await settle();
  expect(left.length).toBe(1);
});

test("a worker that stops in order has left by itself", async () => {
  const { lives, left, supervisor, run } = supervised({ leavesOnStop: true });
  lives[0]!.joins("a");
  supervisor.stop("SIGINT");
  lives[0]!.ends({ code: 130 });
  expect(await run).toBe(130);
  expect(left).toEqual([]);
});

test("a worker that does not end five seconds after its drain is killed", async () => {
  const { lives, clock, supervisor, run } = supervised();
  supervisor.stop("SIGTERM");
  await settle();
  clock.advance(29_999);
  await settle();
  expect(lives[0]!.signals).toEqual(["SIGTERM"]);
  clock.advance(1);
  expect(await run).toBe(137);
  expect(lives[0]!.signals).toEqual(["SIGTERM", "SIGKILL"]);
});

function withSpares() {
  const spares: Life[] = [];
  const startSpare = (): Life => {
    const spare = new Life(100 + spares.length);
    spares.push(spare);
    return spare;
  };
  return { spares, ...supervised({ startSpare }) };
}

test("three seconds after a worker was started a spare stands by, which takes its place when it dies", async () => {
  const { spares, lives, clock, left, supervisor, run } = withSpares();
  lives[0]!.joins("a");
  clock.advance(2_999);
  await settle();
  expect(spares).toEqual([]);
  clock.advance(1);
  await settle();
  expect(spares.map(({ begun }) => begun)).toEqual([0]);
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  expect([lives.length, spares.map(({ begun }) => begun)]).toEqual([1, [1]]);
  spares[0]!.joins("a");
  clock.advance(3_000);
  await settle();
  expect(left).toEqual([]);
  expect(spares.map(({ begun }) => begun)).toEqual([1, 0]);
  supervisor.stop("SIGTERM");
  expect(spares.map(({ signals }) => signals)).toEqual([["SIGTERM"], []]);
  spares[0]!.ends({ code: 0 });
  expect(await run).toBe(0);
  expect(spares[1]!.signals).toEqual(["SIGKILL"]);
});

test("a worker that dies before there is a spare, or after the spare has ended, is started anew", async () => {
  const { spares, lives, clock } = withSpares();
  clock.advance(2_000);
  lives[0]!.ends({ signal: "SIGKILL" });
  await settle();
  expect([lives.length, spares.length]).toEqual([2, 0]);
  // The first worker's three seconds are over, the second's are not.
  clock.advance(1_000);
  await settle();
  expect(spares.length).toBe(0);
  clock.advance(2_000);
  await settle();
  expect(spares.length).toBe(1);
  spares[0]!.ends({ signal: "SIGKILL" });
  await settle();
  clock.advance(10_000);
  lives[1]!.ends({ code: 70 });
  await settle();
  expect([lives.length, spares[0]!.begun]).toEqual([3, 0]);
});

test("none stands by while a worker is being stopped", async () => {
  const { spares, lives, clock, supervisor, run } = withSpares();
  clock.advance(1_000);
  supervisor.stop("SIGTERM");
  clock.advance(5_000);
  await settle();
  expect(spares).toEqual([]);
  lives[0]!.ends({ code: 0 });
  expect(await run).toBe(0);
});
