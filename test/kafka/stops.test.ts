import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { silentLogger } from "../../src/kernel/index.ts";
import type { Broker, Membership } from "../../src/runtime/index.ts";
import { deferred } from "../support/deadline.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { describeFaults, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { KafkaNode } from "./harness/node.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 90_000 });

const deadlineMs = 30_000;
const stopMsMax = 5_000;
const partitions = 2;
const expected = [
  "The cluster does not answer; waiting for it.",
  "No broker answers; what was in hand is done again later.",
];

describeFaults("a worker that is stopped on a bad day", () => {
  let millrace: BuiltMillrace;
  const open: Broker[] = [];
  const removing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    millrace = await buildMillrace();
  });
  afterEach(async () => {
    await endWorkers();
    for (const remove of removing.splice(0).reverse()) await remove();
    for (const broker of open.splice(0)) await broker.close();
  });
  afterAll(() => millrace.remove());

  async function chainOn(bootstrap: string): Promise<{ readonly chain: RelayChain; readonly broker: Broker }> {
    const broker = await connect(bootstrap);
    open.push(broker);
    const chain = await RelayChain.open({ bootstrap, broker, millrace, namespace: uniqueNamespace(), partitions });
    return { chain, broker };
  }

  async function sharedChain() {
    const { bootstrap } = testBroker();
    const at = await chainOn(bootstrap);
    removing.push(() => at.chain.remove());
    return at;
  }

  /** A member of the first stage's group that never gives its tasks back, so that whoever joins waits for it. */
  async function stubborn(broker: Broker, chain: RelayChain): Promise<Membership> {
    const sink = new RecordingSink({ deadlineMs, onRevoking: () => deferred().promise });
    const start = { kind: "earliest" } as const;
    const member = await broker.join(
      { group: chain.group("one"), topics: [chain.inbox], start, logger: silentLogger },
      sink,
    );
    await sink.until("its tasks", () => sink.owned.size > 0);
    return member;
  }

  async function stop(worker: WorkerProcess): Promise<void> {
    worker.kill("SIGTERM");
    const fromMs = performance.now();
    const { code } = await worker.ended(deadlineMs);
    const tookMs = Math.round(performance.now() - fromMs);
    process.stdout.write(`stopped after ${tookMs} ms with ${code}\n`);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(stopMsMax);
    expect(worker.strayLines).toEqual([]);
    expect(worker.warnings.filter(({ msg }) => !expected.includes(msg))).toEqual([]);
  }

  const aWhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  test("a stop while a stage waits for others in its first join is a clean one, and soon over", async () => {
    const { chain, broker } = await sharedChain();
    await stubborn(broker, chain);
    const worker = chain.start();
    // The other stages have joined; this one waits until the session of a rebalance is over, a minute.
    await worker.until(aWhile(5_000));
    await stop(worker);
  });

  test("a stop while a stage that had partitions waits for others in a rebalance is a clean one, and soon over", async () => {
    const { chain } = await sharedChain();
    const worker = chain.start();
    await worker.ready(deadlineMs);
    await chain.send(200);
    const other = await connect(testBroker().bootstrap);
    open.push(other);
    await stubborn(other, chain);
    const third = await connect(testBroker().bootstrap);
    open.push(third);
    const start = { kind: "earliest" } as const;
    const sink = new RecordingSink({ deadlineMs });
    await third.join({ group: chain.group("one"), topics: [chain.inbox], start, logger: silentLogger }, sink);
    await worker.until(aWhile(3_000));
    await stop(worker);
  });

  test("a stop in the middle of one rebalance after another is a clean one", async () => {
    const { chain } = await sharedChain();
    for (let i = 0; i < 2; i++) {
      const workers = [chain.start(), chain.start()];
      await chain.send(1_000);
      await workers[0]!.ready(deadlineMs);
      await workers[1]!.until(aWhile(200 * i));
      await Promise.all(workers.map(stop));
    }
  });

  test("a stop while no broker answers is a clean one and soon over, at the start and later", async () => {
    const node = await KafkaNode.start();
    removing.push(() => node.remove());
    const { chain } = await chainOn(node.bootstrap);
    const idle = chain.start(["--stage", "three", "four"]);
    const busy = chain.start(["--stage", "one", "two"]);
    await Promise.all([idle, busy].map((worker) => worker.ready(deadlineMs)));
    await chain.send(1_000);
    const sending = chain.send(50_000).catch(() => undefined);
    await busy.until(aWhile(500));
    await node.kill();
    const starting = chain.start();
    await starting.warned("The cluster does not answer; waiting for it.", deadlineMs);
    await stop(starting);
    await stop(idle);
    await stop(busy);
    await open.pop()?.close();
    await sending;
  });
});
