import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { StageLag } from "../../src/monitoring/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { mustRun } from "./support/command.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

const deadlineMs = 40_000;

describeKafka("millrace lag", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  let chain: RelayChain;
  beforeAll(async () => {
    const { bootstrap } = testBroker();
    [broker, millrace] = await Promise.all([connect(bootstrap), buildMillrace()]);
    chain = await RelayChain.open({ bootstrap, broker, millrace, namespace: uniqueNamespace(), partitions: 2 });
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await chain.remove();
    await broker.close();
    await millrace.remove();
  });

  async function lag(): Promise<StageLag[]> {
    const { bootstrap } = testBroker();
    const flags = ["--brokers", bootstrap, "--namespace", chain.namespace, "--output", "json"];
    const out = await mustRun(process.execPath, [millrace.entry, "lag", chain.file, ...flags], { cwd: process.cwd() });
    return JSON.parse(out) as StageLag[];
  }

  test("tells what nobody works on, and what is done", async () => {
    await chain.send(100);
    const [first, ...others] = await lag();
    expect(first).toMatchObject({ stage: "one", topic: chain.inbox, members: 0, records: 100, status: "no-members" });
    expect(first?.partitions.map(({ committed, records }) => [committed, records])).toEqual([
      [null, 50],
      [null, 50],
    ]);
    expect(others.map(({ status, records }) => [status, records])).toEqual(Array(3).fill(["idle", 0]));

    const worker = chain.start();
    await worker.until(chain.workedOff(deadlineMs));
    const stages = await lag();
    expect(stages.map(({ status, members, records }) => [status, members, records])).toEqual(
      Array(4).fill(["ok", 1, 0]),
    );
    worker.kill("SIGTERM");
    await worker.endedWell(deadlineMs);
  });
});
