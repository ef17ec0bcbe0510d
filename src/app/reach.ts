/** What commands outside a worker need: a broker, a registry, the models, and the names of topics. */
import { connectDevSession } from "../adapters/dev-session/index.ts";
import { systemClock } from "../adapters/node/index.ts";
import { createPinoLogger } from "../adapters/pino/index.ts";
import type { ArtefactStore } from "../model/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { CommandContext } from "./cli/command.ts";
import { usageError } from "./exit.ts";
import { warnOfExposure } from "./exposure.ts";
import { modelsFolderDefault, registryFolderDefault, sayWaiting } from "./open-cluster.ts";
import { createPeopleLogger } from "./people-logger.ts";
import { type ConnectionFlags, connectionOf } from "./settings.ts";
import { devFolders, openArtefacts, openBroker, openRegistry } from "./wire.ts";

export interface Reach {
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly artefacts: ArtefactStore;
  /** A topic's name behind the namespace; a dev session has none. */
  topicName(name: string): string;
  close(): Promise<void>;
}

/** Connects to the cluster that the flags name, or with `dev` to the dev session of this folder. */
export async function openReach(flags: ConnectionFlags, dev: boolean, context: CommandContext): Promise<Reach> {
  const connection = connectionOf(flags, context.environment);
  const prefix = connection.namespace ? `${connection.namespace}.` : "";
  if (dev) {
    if (flags.brokers !== undefined) throw usageError("--dev and --brokers exclude each other");
    const folders = devFolders(process.cwd());
    const broker = connectDevSession(folders.session);
    return {
      broker,
      registry: await openRegistry(folders.registry, undefined),
      artefacts: openArtefacts(folders.models),
      topicName: (name) => name,
      close: () => broker.close(),
    };
  }
  if (connection.brokers === undefined) {
    throw usageError(
      "no cluster is named",
      "give --brokers host:port or set MILLRACE_BROKERS; --dev reaches a running `millrace dev`",
    );
  }
  warnOfExposure(connection, createPeopleLogger(context.stderr, systemClock.now));
  const onWaiting = sayWaiting(connection.brokers, context);
  const broker = await openBroker(connection, connection.brokers, createPinoLogger("warn"), { onWaiting });
  return {
    broker,
    registry: await openRegistry(connection.registry ?? registryFolderDefault, connection.registryAccount),
    artefacts: openArtefacts(connection.modelsDir ?? modelsFolderDefault),
    topicName: (name) => `${prefix}${name}`,
    close: () => broker.close(),
  };
}
