import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 120_000 });

const { signal } = new AbortController();
const deadlineMs = 40_000;
const partitions = 6;
/** The session of a member that is dead, a heartbeat of those that are not, and a moment: 8 s on a machine of its own. */
const standstillMsMax = 8_000;

describeKafka("members that crash, without instance ids", () => {
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

  const aWhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const start = () => chain.start(["--stage", "one"]);

  /** Sends records to every partition, and watches what the group commits, until told to stop. */
  function watched() {
    let isOver = false;
    let anyMs = performance.now();
    let groupMsMax = 0;
    const last = new Map<number, { offset: number; ms: number }>();
    let partitionMsMax = 0;
    const watching = (async () => {
      while (!isOver) {
        await chain.send(partitions * 5);
        const committed = await broker.admin.committed(chain.group("one"), chain.inbox, signal);
        const nowMs = performance.now();
        groupMsMax = Math.max(groupMsMax, nowMs - anyMs);
        for (const { partition, offset } of committed) {
          const before = last.get(partition);
          partitionMsMax = Math.max(partitionMsMax, nowMs - (before?.ms ?? nowMs));
          if (before?.offset === offset) continue;
          last.set(partition, { offset, ms: nowMs });
          anyMs = nowMs;
        }
        await aWhile(100);
      }
    })();
    return async () => {
      isOver = true;
      await watching;
      return { groupMs: Math.round(groupMsMax), partitionMs: Math.round(partitionMsMax) };
    };
  }

  test("one that is killed stops its group for no longer than its session and a moment", async () => {
    const startedMs = performance.now();
    const [dying, ...others] = [start(), start(), start()];
    for (const worker of [dying!, ...others]) await worker.ready(deadlineMs);
    const startMs = performance.now() - startedMs;
    const stop = watched();
    await aWhile(1_500);
    dying!.kill("SIGKILL");
    await aWhile(8_500);
    const { groupMs, partitionMs } = await stop();
    process.stdout.write(`a killed member: the group stood still ${groupMs} ms, a partition ${partitionMs} ms\n`);
    // On a machine that does other things too a join takes longer, as a start does.
    expect(groupMs).toBeLessThan(standstillMsMax + startMs);
    expect(partitionMs).toBeLessThan(standstillMsMax + startMs);
  });

  test("ones that are killed again and again stop their group for no longer than that behind the last of them", async () => {
    const startedMs = performance.now();
    const steady = start();
    const restarted: WorkerProcess[] = [start(), start()];
    for (const worker of [steady, ...restarted]) await worker.ready(deadlineMs);
    const startMs = performance.now() - startedMs;
    const stop = watched();
    await aWhile(1_000);
    // Each comes back at once, as a stranger, and some die before they have joined. A join that waits for one that is dead
    // waits for those too that die meanwhile.
    const killsMs: number[] = [];
    for (const livesMs of [2_500, 1_200, 4_500]) {
      killsMs.push(performance.now());
      restarted.shift()!.kill("SIGKILL");
      restarted.push(start());
      await steady.until(aWhile(livesMs));
    }
    await aWhile(9_000);
    const { groupMs, partitionMs } = await stop();
    process.stdout.write(`crashes in a row: the group stood still ${groupMs} ms, a partition ${partitionMs} ms\n`);
    expect(groupMs).toBeLessThan(killsMs.at(-1)! - killsMs[0]! + standstillMsMax + startMs);
  });
});
