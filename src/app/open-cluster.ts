import type { KafkaCluster } from "../adapters/kafkajs/index.ts";
import { systemClock } from "../adapters/node/index.ts";
import { createPinoLogger } from "../adapters/pino/index.ts";
import type { Logger } from "../kernel/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { CommandContext } from "./cli/command.ts";
import { usageError } from "./exit.ts";
import { warnOfExposure } from "./exposure.ts";
import { createPeopleLogger } from "./people-logger.ts";
import { type ConnectionFlags, connectionOf } from "./settings.ts";
import { type BrokerOptions, openBroker, openRegistry } from "./wire.ts";

export interface OpenCluster {
  readonly broker: KafkaCluster;
  readonly registry: SchemaRegistry;
  readonly modelsDir: string | undefined;
  close(): Promise<void>;
}

/** Where commands that need a registry look when none is named. */
export const registryFolderDefault = ".millrace/registry";
/** Where models live when no folder is named. */
export const modelsFolderDefault = ".millrace/models";

/** Tells people, in words and not as a log line, why their command has nothing to say yet. */
export function sayWaiting(brokers: readonly string[], context: Pick<CommandContext, "stderr">): () => void {
  return () => context.stderr(`waiting for ${brokers.join(", ")} ...\n`);
}

/** The registry that the flags name, or the folder that stands for it; asked also where no cluster is named. */
export function openNamedRegistry(
  flags: ConnectionFlags,
  context: Pick<CommandContext, "environment">,
): Promise<SchemaRegistry> {
  const connection = connectionOf(flags, context.environment);
  return openRegistry(connection.registry ?? registryFolderDefault, connection.registryAccount);
}

/**
 * Connects to the cluster and the registry that the flags name.
 *
 * @param logger of a worker; without it people are told what they wait for
 * @throws ExitError 64 when no broker is named
 */
export async function openCluster(
  flags: ConnectionFlags,
  context: Pick<CommandContext, "environment" | "stderr">,
  access: "read" | "write",
  logger?: Logger,
  options: BrokerOptions = {},
): Promise<OpenCluster> {
  const connection = connectionOf(flags, context.environment);
  if (connection.brokers === undefined) {
    throw usageError(
      "no cluster is named",
      "give --brokers host:port or set MILLRACE_BROKERS; without Kafka, try `millrace dev FILE`",
    );
  }
  warnOfExposure(connection, logger ?? createPeopleLogger(context.stderr, systemClock.now));
  const registry = await openRegistry(connection.registry ?? registryFolderDefault, connection.registryAccount, access);
  const broker =
    logger === undefined
      ? await openBroker(connection, connection.brokers, createPinoLogger("warn"), {
          onWaiting: sayWaiting(connection.brokers, context),
        })
      : await openBroker(connection, connection.brokers, logger, options);
  return { broker, registry, modelsDir: connection.modelsDir, close: () => broker.close() };
}
