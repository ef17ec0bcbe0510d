import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import kafkajs from "kafkajs";
import { javaOptions, kafkaJars, runJava } from "./java.ts";

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

/**
 * A shell between us and the broker: it prints the broker's pid and ends with it. A second one waits for its input to
 * end, which happens when this process does, however it ends, so that no broker and no folder is ever left behind.
 */
const guard = [
  'exec 3<&0; "$@" </dev/null >>"$KAFKA_FOLDER/broker.log" 2>&1 3<&- & p=$!',
  '{ read keep <&3; [ "$keep" = keep ] || { kill -9 $p 2>/dev/null; sleep 1; rm -rf "$KAFKA_FOLDER"; }; } &',
  "echo $p; exec 3<&-; wait $p",
].join("\n");

export interface NodeOptions {
  /** Broker settings on top of the defaults for tests. */
  readonly configs?: Readonly<Record<string, string>>;
  /** Security protocols to listen for beside PLAINTEXT, each on a port of its own. */
  readonly listeners?: readonly ("SASL_PLAINTEXT" | "SSL" | "SASL_SSL")[];
  /** Further arguments of the format tool, such as `--add-scram`. */
  readonly format?: readonly string[];
}

/** A single-node Kafka (KRaft) on loopback, started from the jars; its log folder goes with it. */
export class KafkaNode {
  /** The address without security. */
  readonly bootstrap: string;
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #folder: string;
  readonly #jars: string;
  #guard: ChildProcess | undefined;
  #pid = 0;

  private constructor(folder: string, jars: string, addresses: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.#jars = jars;
    this.#addresses = addresses;
    this.bootstrap = this.addressOf("PLAINTEXT");
  }

  /** Formats a log folder and starts a broker in it; about 4 s and 300 MB. */
  static async start({ configs = {}, listeners = [], format = [] }: NodeOptions = {}): Promise<KafkaNode> {
    const jars = await kafkaJars();
    const folder = await mkdtemp(join(tmpdir(), "millrace-kafka-"));
    const protocols = ["PLAINTEXT", ...listeners];
    const [controller, ...ports] = await freePorts(protocols.length + 1);
    const addresses = new Map(protocols.map((protocol, i) => [protocol, `127.0.0.1:${ports[i]}`]));
    const node = new KafkaNode(folder, jars, addresses);
    try {
      await mkdir(join(folder, "data"));
      await writeFile(node.#properties, serverProperties(folder, addresses, controller ?? 0, configs));
      const id = randomBytes(16).toString("base64url");
      const args = ["format", "-t", id, "-c", node.#properties, ...format];
      const formatted = await runJava("kafka.tools.StorageTool", args);
      if (formatted.code !== 0)
        throw new Error(`formatting Kafka's log folder: ${formatted.stdout}${formatted.stderr}`);
      await node.restart();
    } catch (error) {
      await node.remove();
      throw error;
    }
    return node;
  }

  addressOf(protocol: string): string {
    const address = this.#addresses.get(protocol);
    if (address === undefined) throw new Error(`this broker does not listen for ${protocol}`);
    return address;
  }

  get #properties(): string {
    return join(this.#folder, "server.properties");
  }

  /** Starts the broker on the same ports and log folder, and waits until it answers. */
  async restart(): Promise<void> {
    await this.kill();
    const log = join(this.#folder, "broker.log");
    const java = ["java", ...javaOptions("384m"), "-cp", join(this.#jars, "*"), "kafka.Kafka", this.#properties];
    const child = spawn("sh", ["-c", guard, "sh", ...java], {
      env: { ...process.env, KAFKA_FOLDER: this.#folder },
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#guard = child;
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    this.#pid = Number(line.toString().trim());
    try {
      await answers(this.bootstrap, () => child.exitCode === null);
    } catch (error) {
      throw new Error(`starting Kafka on ${this.bootstrap}: ${await readFile(log, "utf8")}`, { cause: error });
    }
  }

  /** Stops the broker as an operator does; it may be started again. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends the broker as a power cut does; it may be started again. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends the broker and removes its log folder. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const guardian = this.#guard;
    if (guardian === undefined) return;
    this.#guard = undefined;
    const ended = guardian.exitCode === null ? once(guardian, "exit") : Promise.resolve([]);
    // First, because Node closes the input when the shell ends, which would read as "this process is gone".
    guardian.stdin?.end("keep\n");
    if (guardian.exitCode === null) process.kill(this.#pid, signal);
    const insist = setTimeout(() => process.kill(this.#pid, "SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(insist);
  }
}

/** Polls until a broker answers a request for the cluster's description. */
export async function answers(bootstrap: string, alive: () => boolean = () => true): Promise<void> {
  const kafka = new kafkajs.Kafka({
    brokers: bootstrap.split(","),
    clientId: "millrace-tests",
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 2_000,
    retry: { retries: 0 },
  });
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const cluster = await admin.describeCluster();
      if (cluster.brokers.length > 0) return;
    } catch (error) {
      if (!alive() || performance.now() > deadline) throw error;
    } finally {
      await admin.disconnect();
    }
    await delay(100);
  }
}

/** Ports that were free a moment ago on loopback. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function serverProperties(
  folder: string,
  addresses: ReadonlyMap<string, string>,
  controller: number,
  configs: Readonly<Record<string, string>>,
): string {
  const listeners = [...addresses].map(([protocol, address]) => `${protocol}://${address}`).join(",");
  const settings: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": listeners,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": ["CONTROLLER:PLAINTEXT", ...[...addresses.keys()].map((p) => `${p}:${p}`)].join(
      ",",
    ),
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": join(folder, "data"),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "8388608",
    ...configs,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
