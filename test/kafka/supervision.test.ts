import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { GroupMembership, KafkaCluster } from "../../src/adapters/kafkajs/index.ts";
import { silentLogger } from "../../src/kernel/index.ts";
import { eventually } from "../support/deadline.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 120_000 });

const { signal } = new AbortController();
const deadlineMs = 40_000;
const partitions = 4;
/** Longer than any of these tests: whoever waits for it has not been told. */
const sessionMs = 60_000;

describeKafka("a supervised run", () => {
  let broker: KafkaCluster;
  let millrace: BuiltMillrace;
  let chain: RelayChain;
  beforeAll(async () => {
    const { bootstrap } = testBroker();
    [broker, millrace] = await Promise.all([connect(bootstrap), buildMillrace()]);
    chain = await RelayChain.open({
      bootstrap,
      broker,
      millrace,
      namespace: uniqueNamespace(),
      partitions,
      stageCount: 2,
    });
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await chain.remove();
    await broker.close();
    await millrace.remove();
  });

  const supervised = (environment: Readonly<Record<string, string>> = {}): WorkerProcess =>
    chain.start([], { MILLRACE_NO_SUPERVISE: "", ...environment });

  const readyAgain = (run: WorkerProcess, count: number): Promise<true> =>
    run.until(eventually(deadlineMs, "the next worker to be ready", async () => run.readyCount >= count || undefined));

  test("a worker that is killed comes back into its slot long before its session is over, and nothing is lost", async () => {
    const [run, other] = [
      supervised({ MILLRACE_SESSION_TIMEOUT: "1min" }),
      supervised({ MILLRACE_SESSION_TIMEOUT: "1min" }),
    ];
    for (const one of [run, other]) await one.ready(deadlineMs);
    await chain.send(400);
    const killedMs = performance.now();
    process.kill(run.workerPids.at(-1)!, "SIGKILL");
    await chain.send(400);
    await readyAgain(run, 2);
    await run.until(chain.workedOff(deadlineMs));
    process.stdout.write(`a killed worker: all worked off ${Math.round(performance.now() - killedMs)} ms later\n`);
    expect(run.workerPids.length).toBe(2);
    expect(run.warnings.map(({ msg }) => msg)).toEqual(["The worker died; it is started again in its place."]);
    const { ids } = await chain.arrived();
    expect(ids).toBe(chain.sent);
    for (const one of [run, other]) one.kill("SIGTERM");
    for (const one of [run, other]) await one.endedWell(deadlineMs);
    expect([...run.strayLines, ...other.strayLines]).toEqual([]);
  });

  test("a slot of its own making is given up at the stop, so that nobody waits for its session", async () => {
    const run = supervised({ MILLRACE_SESSION_TIMEOUT: "1min" });
    await run.ready(deadlineMs);
    run.kill("SIGINT");
    expect((await run.ended(deadlineMs)).code).toBe(130);
    const next = supervised({ MILLRACE_SESSION_TIMEOUT: "1min" });
    await next.ready(deadlineMs);
    await chain.send(100);
    await next.until(chain.workedOff(deadlineMs));
    next.kill("SIGTERM");
    await next.endedWell(deadlineMs);
  });

  test("a spare takes a dead worker's place, and the next one stands by; a supervisor that is killed takes both with it", async () => {
    const run = supervised();
    await run.ready(deadlineMs);
    const spareOf = (worker: number): Promise<number> =>
      run.until(
        eventually(deadlineMs, "a spare to stand by", async () => childrenOf(run.pid).find((pid) => pid !== worker)),
      );
    const [worker] = run.workerPids;
    const spare = await spareOf(worker!);
    process.kill(worker!, "SIGKILL");
    await readyAgain(run, 2);
    expect(run.workerPids).toEqual([worker, spare]);
    await chain.send(100);
    await run.until(chain.workedOff(deadlineMs));
    const nextSpare = await spareOf(spare);
    run.kill("SIGKILL");
    await eventually(
      deadlineMs,
      "worker and spare to end",
      async () => (isGone(spare) && isGone(nextSpare)) || undefined,
    );
  });

  test("none stands by where that is not wanted", async () => {
    const run = supervised({ MILLRACE_NO_SPARE: "true" });
    await run.ready(deadlineMs);
    // Ten seconds after the start, when a spare would long be there.
    await run.hasCounted(2, deadlineMs);
    expect(childrenOf(run.pid)).toEqual(run.workerPids);
    run.kill("SIGTERM");
    await run.endedWell(deadlineMs);
  });

  test("a member that is dead and taken out of its group is not waited for", async () => {
    const topic = `${uniqueNamespace()}.in`;
    await broker.admin.createTopics([{ topic, partitions: 2, replication: 1, configs: {} }], signal);
    const joined: GroupMembership[] = [];
    const timings = { heartbeatMs: 200, sessionMs };
    const { bootstrap } = testBroker();
    const [dying, living] = [
      await connect(bootstrap, { timings, onJoined: (member) => joined.push(member) }),
      await connect(bootstrap, { timings }),
    ];
    const start = { kind: "earliest" } as const;
    const spec = { group: topic, topics: [topic], start, logger: silentLogger };
    const [first, second] = [new RecordingSink({ deadlineMs }), new RecordingSink({ deadlineMs })];
    await dying.join({ ...spec, instanceId: "one" }, first);
    await first.until("both tasks", () => first.owned.size === 2);
    await living.join({ ...spec, instanceId: "two" }, second);
    await second.until("its task", () => second.owned.size === 1);
    // As when its process is killed: a static member that does not say that it goes.
    await dying.close();
    await broker.removeMembers([joined.at(-1)!], signal);
    await second.until("both tasks", () => second.owned.size === 2);
    await living.close();
    await broker.admin.deleteTopics([topic], signal);
  });
});

/** Process ids, as Linux tells them. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
