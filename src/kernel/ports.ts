import type { ErrorCode } from "./error-codes.ts";
import type { EpochMs } from "./time.ts";

/** Where processing time comes from. Event time never does: it is a field of the value. */
export interface Clock {
  /** Wall-clock time, for record timestamps and `failed.at`; may step. */
  now(): EpochMs;
  /** Milliseconds from an arbitrary start, never going back; for time slices and durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Hashing through a port, so that the pure folders need no built-in module. */
export interface Hasher {
  /** Lower-case hex SHA-256 of the bytes, or of the text as UTF-8. */
  sha256(input: Uint8Array | string): string;
}

/** Variables of a log line. Never record values, never secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;

/** Variables of a warning or an error: its code stands in the reference, like that of every message. */
export type ProblemFields = LogFields & { readonly code: ErrorCode };

/**
 * Where log lines go. Messages are fixed sentences that end in a period; what varies is in the fields.
 * `warn` = odd but safe, `error` = data lost or a human needed.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: ProblemFields, message: string): void;
  error(fields: ProblemFields, message: string): void;
}

/** A logger that says nothing, for tests and offline commands. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
