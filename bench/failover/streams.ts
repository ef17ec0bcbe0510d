import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Broker } from "../../src/runtime/index.ts";
import { javaOptions, kafkaVersion, run, streamsJars } from "../../test/kafka/harness/java.ts";
import { within } from "../../test/support/deadline.ts";
import { type Contestant, partitions, replication } from "./contestant.ts";

const readyMsMax = 300_000;
const { signal } = new AbortController();
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Kafka Streams with what it does by default, exactly once; a process that is killed is started again at once. */
export async function openStreams(broker: Broker, bootstrap: string): Promise<Contestant> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-streams-"));
  const jars = join(await streamsJars(), "*");
  const compiled = await run("javac", ["-cp", jars, "-d", folder, join(import.meta.dirname, "CountPayments.java")], {});
  if (compiled.code !== 0) throw new Error(`compiling CountPayments.java: ${compiled.stderr}`);
  const group = "streams";
  const [inputTopic, outputTopic] = ["streams.payments", "streams.features"];
  const topics = [inputTopic, outputTopic].map((topic) => ({ topic, partitions, replication, configs: {} }));
  await broker.admin.createTopics(topics, signal);

  const children = new Map<number, ChildProcess>();
  const nameOf = (slot: number): string => `slot-${slot}`;
  const start = async (slot: number): Promise<void> => {
    const args = [group, bootstrap, nameOf(slot), join(folder, nameOf(slot)), inputTopic, outputTopic];
    const flags = [...javaOptions("512m", 4), "-cp", `${folder}:${jars}`, "CountPayments", ...args];
    const child = spawn("java", flags, { stdio: ["ignore", "pipe", "ignore"] });
    running.add(child);
    children.set(slot, child);
    const lines = createInterface({ input: child.stdout });
    const isRunning = new Promise<void>((resolve) => {
      lines.on("line", (line) => line === "RUNNING" && resolve());
    });
    await within(readyMsMax, `${nameOf(slot)} to run`, isRunning);
  };
  const end = async (slot: number): Promise<void> => {
    const child = children.get(slot);
    if (child === undefined) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
    running.delete(child);
  };
  return {
    name: `Kafka Streams ${kafkaVersion}`,
    group,
    inputTopic,
    outputTopic,
    encode: ({ id, amount }) => Buffer.from(`${id},${amount}`),
    start,
    replace: async (slot, killed) => {
      const ended = end(slot);
      killed();
      await ended;
      await start(slot);
    },
    isOf: (slot, { clientId }) => clientId.startsWith(`${nameOf(slot)}-`),
    stop: async () => {
      for (const slot of children.keys()) await end(slot);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
