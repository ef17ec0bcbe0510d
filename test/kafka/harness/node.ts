import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import kafkajs from "kafkajs";
import { archiveClasses } from "./class-archive.ts";
import { javaOptions, kafkaJars, kafkaVersion, onClassPath, runJava } from "./java.ts";
import { freePorts, type Listeners, type Place, propertiesText, roadName } from "./properties.ts";

const startTimeoutMs = 120_000;
/** A broker that has just started has no leaders for a moment; after this they are missing because other nodes are down. */
const leaderlessMs = 5_000;
const stopTimeoutMs = 20_000;

/**
 * A shell between us and the broker: it prints the broker's pid and ends with it. A second one waits for its input to
 * end, which happens when this process does, however it ends, so that no broker and no folder is ever left behind.
 */
const guard = [
  'exec 3<&0; "$@" </dev/null >>"$KAFKA_FOLDER/broker.log" 2>&1 3<&- & p=$!',
  '{ trap "" HUP INT TERM; read keep <&3; [ "$keep" = keep ] || { kill -9 $p 2>/dev/null; sleep 1; rm -rf "$KAFKA_FOLDER"; }; } &',
  "echo $p; exec 3<&-; wait $p",
].join("\n");

export interface NodeOptions {
  /** Broker settings on top of the defaults for tests. */
  readonly configs?: Readonly<Record<string, string>>;
  /** Security protocols to listen for beside PLAINTEXT, each on a port of its own. */
  readonly listeners?: readonly ("SASL_PLAINTEXT" | "SSL" | "SASL_SSL")[];
  /**
   * How many further listeners without security there are, each of which the node advertises at an address where it does
   * not listen: whoever stands there passes the traffic on, or does not. See {@link KafkaNode.roadOf}.
   */
  readonly roads?: number;
  /** Further arguments of the format tool, such as `--add-scram`. */
  readonly format?: readonly string[];
  /** Release of Kafka; the newest that the tests know by default. */
  readonly version?: string;
  /** Compiled as a broker in use is, which takes a minute to get warm: for benchmarks. */
  readonly isOptimised?: boolean;
  readonly javaFlags?: readonly string[];
}

/** Lets every broker and tool that is started from now on start in half the time. */
export async function archiveKafkaClasses(): Promise<void> {
  await archiveClasses(await kafkaJars(), async (javaFlags) => {
    const node = await KafkaNode.start({ javaFlags });
    await node.stop();
    await node.remove();
  });
}

/** A node of Kafka (KRaft, broker and controller) on loopback, started from the jars; its log folder goes with it. */
export class KafkaNode {
  /** The address without security. */
  readonly bootstrap: string;
  /** As brokers know each other. */
  readonly id: number;
  readonly #listeners: Listeners;
  readonly #folder: string;
  readonly #java: readonly string[];
  #guard: ChildProcess | undefined;
  #pid = 0;

  private constructor(folder: string, java: readonly string[], id: number, listeners: Listeners) {
    this.id = id;
    this.#folder = folder;
    this.#java = java;
    this.#listeners = listeners;
    this.bootstrap = this.addressOf("PLAINTEXT");
  }

  /** Formats a log folder and starts a broker in it; about 4 s and 300 MB. */
  static async start(options: NodeOptions = {}): Promise<KafkaNode> {
    const [controller] = await freePorts(1);
    const alone = { id: 1, clusterId: newClusterId(), controllers: [controller ?? 0] };
    const node = await KafkaNode.format(alone, options);
    await node.restart().catch(async (error: unknown) => {
      await node.remove();
      throw error;
    });
    return node;
  }

  /** Formats the log folder of a node, which is not started yet. */
  static async format(
    place: Place,
    {
      configs = {},
      listeners = [],
      roads = 0,
      format = [],
      version = kafkaVersion,
      isOptimised = false,
      javaFlags = [],
    }: NodeOptions = {},
  ): Promise<KafkaNode> {
    const jars = await kafkaJars(version);
    const folder = await mkdtemp(join(tmpdir(), "millrace-kafka-"));
    const roadNames = Array.from({ length: roads }, (_, road) => roadName(road));
    const names = ["PLAINTEXT", ...listeners, ...roadNames];
    const ports = await freePorts(names.length + roads);
    const at = (port: number | undefined): string => `127.0.0.1:${port}`;
    const addresses = new Map(names.map((name, i) => [name, at(ports[i])]));
    const advertised = new Map([
      ...addresses,
      ...roadNames.map((name, i) => [name, at(ports[names.length + i])] as const),
    ]);
    const java = ["java", ...javaOptions("384m", isOptimised ? 4 : 1), ...javaFlags, ...onClassPath(jars)];
    const node = new KafkaNode(folder, java, place.id, { addresses, advertised });
    try {
      await mkdir(join(folder, "data"));
      await writeFile(
        node.#properties,
        propertiesText(join(folder, "data"), { addresses, advertised }, place, configs),
      );
      const args = ["format", "-t", place.clusterId, "-c", node.#properties, ...format];
      const formatted = await runJava("kafka.tools.StorageTool", args, { version });
      if (formatted.code !== 0)
        throw new Error(`formatting Kafka's log folder: ${formatted.stdout}${formatted.stderr}`);
    } catch (error) {
      await node.remove();
      throw error;
    }
    return node;
  }

  addressOf(protocol: string): string {
    const address = this.#listeners.addresses.get(protocol);
    if (address === undefined) throw new Error(`this broker does not listen for ${protocol}`);
    return address;
  }

  /** A road's two ends: where clients are sent, and where the node listens. */
  roadOf(road: number): { readonly advertised: string; readonly address: string } {
    const name = roadName(road);
    return { advertised: this.#listeners.advertised.get(name) ?? "", address: this.addressOf(name) };
  }

  get #properties(): string {
    return join(this.#folder, "server.properties");
  }

  /** Starts the broker on the same ports and log folder, and waits until it answers. */
  async restart(): Promise<void> {
    await this.kill();
    const log = join(this.#folder, "broker.log");
    const child = spawn("sh", ["-c", guard, "sh", ...this.#java, "kafka.Kafka", this.#properties], {
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

  /** The broker does nothing any more, and its connections stay open, as when a machine swaps or a disk hangs. */
  freeze(): void {
    process.kill(this.#pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.#pid, "SIGCONT");
  }

  /** Changes the stored batches of a partition (of one segment) as a failing disk does; the broker must be stopped. */
  async rewriteLog(topic: string, partition: number, rewrite: (bytes: Buffer) => void): Promise<void> {
    const segment = join(this.#folder, "data", `${topic}-${partition}`, "00000000000000000000.log");
    const bytes = await readFile(segment);
    rewrite(bytes);
    await writeFile(segment, bytes);
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
    if (guardian.exitCode === null) {
      // A frozen process would not hear of it.
      if (signal === "SIGTERM") this.thaw();
      process.kill(this.#pid, signal);
    }
    const insist = setTimeout(() => process.kill(this.#pid, "SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(insist);
  }
}

/**
 * Polls until a broker answers a request for the cluster's description, and knows of as many brokers.
 *
 * kafkajs throws such an answer away when any partition has no leader, which lasts for as long as the nodes with its
 * replicas are down: one broker that says so for five seconds has answered.
 */
export async function answers(bootstrap: string, alive: () => boolean = () => true, brokerCount = 1): Promise<void> {
  const kafka = new kafkajs.Kafka({
    brokers: bootstrap.split(","),
    clientId: "millrace-tests",
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 2_000,
    retry: { retries: 0 },
  });
  const deadline = performance.now() + startTimeoutMs;
  let leaderlessSince: number | undefined;
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const cluster = await admin.describeCluster();
      if (cluster.brokers.length >= brokerCount) return;
      if (performance.now() > deadline)
        throw new Error(`${cluster.brokers.length} of ${brokerCount} brokers are there`);
    } catch (error) {
      if (!alive() || performance.now() > deadline) throw error;
      leaderlessSince = hasNoLeader(error) ? (leaderlessSince ?? performance.now()) : undefined;
      if (brokerCount === 1 && leaderlessSince !== undefined && performance.now() - leaderlessSince > leaderlessMs)
        return;
    } finally {
      await admin.disconnect();
    }
    await delay(100);
  }
}

/** kafkajs wraps what a broker refused in an error that says how often it was tried. */
function hasNoLeader(error: unknown): boolean {
  const refusal = error instanceof kafkajs.KafkaJSNumberOfRetriesExceeded ? error.cause : error;
  return refusal instanceof kafkajs.KafkaJSProtocolError && refusal.type === "LEADER_NOT_AVAILABLE";
}

/** An id that the format tool does not take for a flag, as one in 64 begins like one. */
export function newClusterId(): string {
  return randomBytes(16).toString("base64url").replace(/^-/, "A");
}
