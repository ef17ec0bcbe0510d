import { createPinoLogger } from "../adapters/pino/index.ts";
import type { Logger } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { CommandContext } from "./cli/command.ts";
import { usageError } from "./exit.ts";
import { type ConnectionFlags, connectionOf } from "./settings.ts";
import { openBroker, openRegistry } from "./wire.ts";

export interface OpenCluster {
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly modelsDir: string | undefined;
  close(): Promise<void>;
}

/** Where commands that need a registry look when none is named. */
export const registryFolderDefault = ".millrace/registry";
/** Where models live when no folder is named. */
export const modelsFolderDefault = ".millrace/models";

/** Connects to the cluster and the registry that the flags name. @throws ExitError 64 when no broker is named */
export async function openCluster(
  flags: ConnectionFlags,
  context: Pick<CommandContext, "environment">,
  access: "read" | "write",
  logger: Logger = createPinoLogger("warn"),
): Promise<OpenCluster> {
  const connection = connectionOf(flags, context.environment);
  if (connection.brokers === undefined) {
    throw usageError(
      "no cluster is named",
      "give --brokers host:port or set MILLRACE_BROKERS; without Kafka, try `millrace dev FILE`",
    );
  }
  const registry = await openRegistry(connection.registry ?? registryFolderDefault, connection.registryAccount, access);
  const broker = await openBroker(connection, connection.brokers, logger);
  return { broker, registry, modelsDir: connection.modelsDir, close: () => broker.close() };
}
