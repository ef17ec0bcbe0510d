/** The logger of `kernel` on pino: JSON lines to stderr, ISO times, levels by name, secrets redacted by path. */
import { type DestinationStream, destination, pino, stdTimeFunctions } from "pino";
import type { Logger } from "../../kernel/index.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Written synchronously by default: the last line before an exit must not be lost. */
export function createPinoLogger(
  level: LogLevel,
  stream: DestinationStream = destination({ dest: 2, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ["password", "*.password", "token", "*.token", "sasl.*", "authorization", "*.authorization"],
    },
    stream,
  );
}
