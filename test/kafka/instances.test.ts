import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { RelayChain } from "./support/relay-chain.ts";
import {
  type BuiltMillrace,
  buildMillrace,
  type Ended,
  endWorkers,
  type WorkerProcess,
} from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 120_000 });

const deadlineMs = 40_000;
const partitions = 4;
/** Within which one of two processes under one instance id has ended. */
const fencedMs = 5_000;
const flags = ["--instance-id", "slot-0"];

describeKafka("two processes under one instance id", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  let chain: RelayChain;
  beforeAll(async () => {
    const { bootstrap } = testBroker();
    [broker, millrace] = await Promise.all([connect(bootstrap), buildMillrace()]);
    chain = await RelayChain.open({ bootstrap, broker, millrace, namespace: uniqueNamespace(), partitions });
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await chain.remove();
    await broker.close();
    await millrace.remove();
  });

  /** Sends 1,500 records a second until told to stop. */
  function traffic(): { stop(): Promise<void> } {
    let isOver = false;
    const sending = (async () => {
      while (!isOver) {
        await chain.send(150);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    return {
      stop: async () => {
        isOver = true;
        await sending;
      },
    };
  }

  const isFenced = ({ warnings }: WorkerProcess): boolean => warnings.some(({ code }) => code === "MR_INSTANCE");

  /**
   * Everything sent has arrived, and nothing again that was committed before; the process that goes on is alive until
   * then, and ends well.
   *
   * @param before how often each id had arrived when all was committed
   * @returns copies of what was sent since: what was in hand when a process ended
   */
  async function checkSurvivor(alive: WorkerProcess, before: ReadonlyMap<string, number>): Promise<number> {
    await alive.until(chain.workedOff(deadlineMs));
    alive.kill("SIGTERM");
    await alive.endedWell(deadlineMs);
    const arrived = await chain.timesArrived();
    expect(arrived.size).toBe(chain.sent);
    expect([...before].filter(([id, times]) => arrived.get(id) !== times)).toEqual([]);
    return [...arrived].reduce((sum, [id, times]) => sum + (before.has(id) ? 0 : times - 1), 0);
  }

  test("the newcomer goes on, and the one before ends with 1 within five seconds, over and over", async () => {
    let current = chain.start(flags);
    await chain.send(1_000);
    await current.ready(deadlineMs);
    await current.until(chain.workedOff(deadlineMs));
    const before = await chain.timesArrived();
    const sending = traffic();
    const tookMs: number[] = [];
    for (let i = 0; i < 3; i++) {
      const next = chain.start(flags);
      const { code } = await current.ended(deadlineMs);
      expect(code).toBe(1);
      expect(isFenced(current)).toBe(true);
      expect(current.strayLines).toEqual([]);
      await next.ready(deadlineMs);
      // Whoever is ready has joined every group; below 0 when the one before has ended by then.
      tookMs.push(Math.round(current.endedMs! - next.readyMs!));
      current = next;
    }
    await sending.stop();
    const copies = await checkSurvivor(current, before);
    process.stdout.write(`replaced ${tookMs.join(", ")} ms after the newcomer was ready, ${copies} copies\n`);
    for (const ms of tookMs) expect(ms).toBeLessThan(fencedMs);
  });

  test("of two that start at once exactly one goes on", async () => {
    for (let i = 0; i < 3; i++) {
      const before = await chain.timesArrived();
      const pair = [chain.start(flags), chain.start(flags)];
      const sending = traffic();
      const ends = pair.map(async (one): Promise<[WorkerProcess, Ended]> => [one, await one.ended(deadlineMs)]);
      const [fenced, { code }] = await Promise.race(ends);
      expect(code).toBe(1);
      expect(isFenced(fenced)).toBe(true);
      const [alive] = pair.filter((one) => one !== fenced);
      await alive!.ready(deadlineMs);
      await sending.stop();
      await checkSurvivor(alive!, before);
    }
  });

  test("a process that sleeps through the loss of its place ends with 1 when it wakes, and the other is not disturbed", async () => {
    const before = await chain.timesArrived();
    const zombie = chain.start(flags);
    await zombie.ready(deadlineMs);
    const sending = traffic();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    zombie.kill("SIGSTOP");
    const next = chain.start(flags);
    await next.ready(deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const wokenMs = performance.now();
    zombie.kill("SIGCONT");
    expect((await zombie.ended(deadlineMs)).code).toBe(1);
    expect(performance.now() - wokenMs).toBeLessThan(fencedMs);
    expect(isFenced(zombie)).toBe(true);
    await sending.stop();
    await checkSurvivor(next, before);
  });
});
