import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { KafkaNode } from "./harness/node.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const deadlineMs = 90_000;
const partitions = 200;

/** A broker of its own, which it stops. */
describeFaults("a worker with many partitions", () => {
  let node: KafkaNode;
  let broker: Broker;
  let millrace: BuiltMillrace;
  beforeAll(async () => {
    [node, millrace] = await Promise.all([KafkaNode.start(), buildMillrace()]);
    broker = await connect(node.bootstrap);
  });
  afterAll(async () => {
    await endWorkers();
    await broker?.close();
    await node?.remove();
    await millrace?.remove();
  });

  test("says nothing on standard error but JSON lines, and nothing of listeners, also when its broker goes away for a while", async () => {
    const { bootstrap } = node;
    const options = { bootstrap, broker, millrace, namespace: uniqueNamespace(), partitions, stageCount: 1 };
    const chain = await RelayChain.open(options);
    // Node prints its warnings where it is not told otherwise; with a trace they name the listener.
    const worker = chain.start([], { NODE_OPTIONS: "--trace-warnings" });
    await worker.ready(deadlineMs);
    await chain.send(partitions * 10);
    await worker.until(chain.workedOff(deadlineMs));
    await node.kill();
    await worker.warned("The cluster does not answer; waiting for it.", deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await node.restart();
    await chain.send(partitions * 10);
    await worker.until(chain.workedOff(deadlineMs));
    worker.kill("SIGTERM");
    await worker.endedWell(deadlineMs);
    expect(worker.strayLines).toEqual([]);
    expect(worker.warnings.filter(({ msg }) => /Listeners/.test(msg))).toEqual([]);
    expect((await chain.arrived()).ids).toBe(chain.sent);
  });
});
