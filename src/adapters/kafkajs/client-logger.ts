import { type Logger, say } from "../../kernel/index.ts";
import type { KafkajsLogEntry, KafkajsParts } from "./client-types.ts";

const levelWarn = 2;

/**
 * kafkajs's log, turned into fixed sentences at debug level: what matters of it arrives as an error and is logged by
 * whoever handles that. Only its own message is kept, never the fields beside it, which may hold payloads.
 */
export function clientLogger(createLogger: KafkajsParts["createLogger"], logger: Logger): object {
  const write = (entry: KafkajsLogEntry): void => {
    say(logger, "clientSpoke", { part: entry.namespace, broker: entry.log.broker, detail: entry.log.message });
  };
  return createLogger({ level: levelWarn, logCreator: () => write });
}
