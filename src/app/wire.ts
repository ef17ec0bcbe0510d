/** The composition root: which adapter stands behind each port. One line per adapter; nothing else knows them. */
import { join } from "node:path";
import { createFolderArtefacts } from "../adapters/artefact-fs/index.ts";
import { createCodecs } from "../adapters/codecs/index.ts";
import type { KafkaBrokerOptions, KafkaCluster } from "../adapters/kafkajs/index.ts";
import { nodeHasher, systemClock } from "../adapters/node/index.ts";
import { createFolderRegistry } from "../adapters/registry-fs/index.ts";
import { createFolderShelf } from "../adapters/state-fs/index.ts";
import { openTrainerThread } from "../adapters/training-thread/index.ts";
import type { Logger } from "../kernel/index.ts";
import type { ArtefactStore, ScorerOpener } from "../model/index.ts";
import {
  type AliasModelSource,
  type Broker,
  createAliasModelSource,
  type SnapshotOptions,
  SnapshotTurns,
} from "../runtime/index.ts";
import { cachedRegistry, punctualRegistry, type SchemaRegistry } from "../schema/index.ts";
import type { Plan } from "../topology/index.ts";
import type { TrainerOpener } from "../training/index.ts";
import type { Connection } from "./settings.ts";
import { version } from "./version.ts";

/** How a process takes part in its cluster. */
export type BrokerOptions = Pick<KafkaBrokerOptions, "onWaiting" | "onJoined" | "isLeaveForGood"> & {
  readonly heartbeatMs?: number;
};

/** A Kafka cluster. The client is loaded here and not at start-up: most commands never need it. */
export async function openBroker(
  connection: Pick<Connection, "tls" | "sasl"> & Partial<Pick<Connection, "sessionMs">>,
  brokers: readonly string[],
  logger: Logger,
  options: BrokerOptions = {},
): Promise<KafkaCluster> {
  const { heartbeatMs, ...more } = options;
  const { createKafkaBroker, sessionTimings } = await import("../adapters/kafkajs/index.ts");
  return createKafkaBroker({
    brokers,
    clientId: `millrace-${version}`,
    codecs: await createCodecs(),
    logger,
    clock: systemClock,
    ...more,
    timings: {
      ...sessionTimings(connection.sessionMs),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    },
    ...(connection.tls === undefined ? {} : { tls: connection.tls }),
    ...(connection.sasl === undefined ? {} : { sasl: connection.sasl }),
  });
}

/** The in-process broker of `dev` and the demo. */
export async function openMemoryBroker(bytesMax: number, logger: Logger): Promise<Broker> {
  const { createMemoryBroker } = await import("../adapters/memory/index.ts");
  return createMemoryBroker({ codecs: await createCodecs(), clock: systemClock, logger, bytesMax });
}

/** A registry by its address: http(s) URLs speak Confluent's protocol, everything else is a folder. */
export async function openRegistry(
  address: string,
  account: Connection["registryAccount"],
  access: "read" | "write" = "read",
): Promise<SchemaRegistry> {
  if (!/^https?:\/\//.test(address))
    return cachedRegistry(
      punctualRegistry(createFolderRegistry(address, { readOnly: access === "read" }), systemClock),
    );
  const { createHttpRegistry } = await import("../adapters/registry-http/index.ts");
  const auth = account === undefined ? {} : { auth: { username: account.user, password: account.password } };
  return cachedRegistry(
    punctualRegistry(createHttpRegistry({ url: address, clock: systemClock, ...auth }), systemClock),
  );
}

export function openArtefacts(folder: string): ArtefactStore {
  return createFolderArtefacts(folder);
}

/** Snapshots of a process's stores, under a folder of this machine. */
export function openSnapshots(folder: string): SnapshotOptions {
  return { shelf: createFolderShelf(folder), turns: new SnapshotTurns() };
}

/** Where rows become a model: a thread of its own, which a signal can end. */
export const openTrainer: TrainerOpener = openTrainerThread;

/** What opens versions that TensorFlow.js serves; the library is loaded when there is one. */
export function tfjsOpener(logger: Logger): ScorerOpener {
  return async (artefact, where) => {
    const { openTfjsScorer } = await import("../adapters/tfjs/index.ts");
    return openTfjsScorer(artefact, where, logger);
  };
}

/** Models by alias, from the control topic of a plan. */
export function openModels(plan: Plan, broker: Broker, artefacts: ArtefactStore, logger: Logger): AliasModelSource {
  return createAliasModelSource({
    broker,
    controlTopic: plan.control.clusterName,
    artefacts,
    openTfjs: tfjsOpener(logger),
    hasher: nodeHasher,
    clock: systemClock,
    logger,
  });
}

/** Where a dev session keeps its things, under the folder it was started in. */
export function devFolders(folder: string): {
  readonly session: string;
  readonly registry: string;
  readonly models: string;
} {
  const session = join(folder, ".millrace", "dev");
  return { session, registry: join(session, "registry"), models: join(session, "models") };
}
