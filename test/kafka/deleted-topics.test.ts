import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 150_000 });

const { signal } = new AbortController();
const partitions = 2;
/** A topic must be unknown for half a minute before it is taken for deleted. */
const deadlineMs = 60_000;

describeKafka("a topic that is deleted and made anew under a running process", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  const chains: RelayChain[] = [];
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
  });
  afterAll(async () => {
    await endWorkers();
    for (const chain of chains) await chain.remove();
    await broker.close();
    await millrace.remove();
  });

  async function running(inbox?: string): Promise<[RelayChain, WorkerProcess]> {
    const options = { bootstrap: testBroker().bootstrap, broker, millrace, namespace: uniqueNamespace(), partitions };
    const chain = await RelayChain.open({ ...options, ...(inbox === undefined ? {} : { inbox }) });
    chains.push(chain);
    await chain.send(100);
    const worker = chain.start(["--stage", "one"]);
    await worker.ready(deadlineMs);
    await worker.until(chain.committed("one", deadlineMs));
    await broker.admin.deleteTopics([chain.inbox], signal);
    return [chain, worker];
  }

  test("its reader is halted with its name, and goes on by itself or halts again, as its policy says", async () => {
    const [[restarting, going], [plain, halting]] = await Promise.all([running(", onLogChange: restart"), running()]);
    for (const [chain, worker] of [
      [restarting, going],
      [plain, halting],
    ] as const) {
      const halted = await worker.warned("The stage is halted.", deadlineMs);
      expect(halted).toMatchObject({
        stage: "one",
        code: "MR_TOPIC_MISSING",
        reason: expect.stringContaining(chain.inbox),
      });
    }
    for (const chain of [restarting, plain]) {
      await broker.admin.createTopics([{ topic: chain.inbox, partitions, replication: 1, configs: {} }], signal);
      await chain.send(60);
    }
    await going.until(restarting.committed("one", deadlineMs));
    going.kill("SIGTERM");
    await going.endedWell(deadlineMs);
    expect(going.counts.get("one")).toMatchObject({ in: 160, out: 160 });

    // Its only stage cannot go on, and the process ends.
    expect((await halting.ended(deadlineMs)).code).toBe(1);
    const last = halting.warnings.findLast(({ msg }) => msg === "The stage is halted.");
    expect(last).toMatchObject({
      code: "MR_LOG_CHANGED",
      reason: expect.stringContaining("was deleted and made anew"),
    });
    expect(last?.reason).toMatch(/kafka-consumer-groups .*--reset-offsets --to-earliest --execute$/);
    for (const { strayLines } of [going, halting]) expect(strayLines).toEqual([]);
  });
});
