import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** A node's place in its cluster. */
export interface Place {
  /** From 1 on. */
  readonly id: number;
  readonly clusterId: string;
  /** Ports of the controllers on loopback, in the order of the nodes' ids. */
  readonly controllers: readonly number[];
}

/** Below what systems give to clients by default: none of these is taken by a connection before a broker listens there. */
const ports = { first: 12_000, end: 32_000 } as const;
const handedOut = new Set<number>();

/** Ports of loopback that nobody listens on, each handed out once by this process. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = randomInt(ports.first, ports.end);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    found.push(port);
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Where a node listens, and where it says that it does, by listener. */
export interface Listeners {
  readonly addresses: ReadonlyMap<string, string>;
  readonly advertised: ReadonlyMap<string, string>;
}

/** Listeners without security whose traffic passes through something in between. */
export function roadName(road: number): string {
  return `ROAD${road}`;
}

/** The settings of a node, as its properties file has them. */
export function propertiesText(
  dataFolder: string,
  { addresses, advertised }: Listeners,
  { id, controllers }: Place,
  configs: Readonly<Record<string, string>>,
): string {
  const listed = (of: ReadonlyMap<string, string>): string =>
    [...of].map(([name, address]) => `${name}://${address}`).join(",");
  const protocols = [...addresses.keys()].map((name) => `${name}:${name.startsWith("ROAD") ? "PLAINTEXT" : name}`);
  const replicas = String(controllers.length);
  const inSyncMin = String(Math.ceil(controllers.length / 2));
  const settings: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": String(id),
    "controller.quorum.voters": controllers.map((port, i) => `${i + 1}@127.0.0.1:${port}`).join(","),
    listeners: `${listed(addresses)},CONTROLLER://127.0.0.1:${controllers[id - 1]}`,
    "advertised.listeners": listed(advertised),
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": ["CONTROLLER:PLAINTEXT", ...protocols].join(","),
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": dataFolder,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSyncMin,
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSyncMin,
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
