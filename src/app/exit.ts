import { type ErrorCode, MillraceError, messageOf } from "../kernel/index.ts";

/** Exit codes of every command. */
export const exitCodes = {
  ok: 0,
  /** A check found something, or a failure that was handled and said. */
  failure: 1,
  /** Wrong command, flag or argument. */
  usage: 64,
  /** Broker or registry unreachable. */
  unreachable: 69,
  /** A bug. */
  bug: 70,
  /** Timed out or cut short; try again. */
  temporary: 75,
  /** Interrupted by SIGINT. */
  interrupted: 130,
} as const;

/** Errors inside errors that are looked through. */
const wrappingMax = 8;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Thrown to end a command: what is said on stderr, and the exit code. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly exitCode: ExitCode;
  readonly code: ErrorCode | undefined;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, options: { code?: ErrorCode; hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.code = options.code;
    this.hint = options.hint;
  }
}

/** A wrong flag or argument: exit 64. */
export function usageError(message: string, hint?: string): ExitError {
  return new ExitError(exitCodes.usage, message, { code: "MR_USAGE", ...(hint === undefined ? {} : { hint }) });
}

/**
 * Whether an error only says that the command was stopped: the signal's own reason, or an error that wraps it. What
 * else went wrong while a command stopped is told as ever.
 */
export function isStopped(thrown: unknown, stop: AbortSignal): boolean {
  if (!stop.aborted) return false;
  for (let at: unknown = thrown, depth = 0; depth < wrappingMax; depth++) {
    if (at === stop.reason) return true;
    if (!(at instanceof Error)) return false;
    at = at.cause;
  }
  return false;
}

/** The exit code that an error of any kind ends a command with. */
export function exitCodeOf(thrown: unknown): ExitCode {
  if (thrown instanceof ExitError) return thrown.exitCode;
  if (isSystemError(thrown)) return exitCodes.failure;
  if (!(thrown instanceof MillraceError)) return exitCodes.bug;
  if (thrown.code === "MR_BROKER" || thrown.code === "MR_REGISTRY") return exitCodes.unreachable;
  if (thrown.code === "MR_USAGE") return exitCodes.usage;
  return exitCodes.failure;
}

/** What the system refused, as Node throws it: a file that cannot be read, a disk that is full. */
function isSystemError(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  return typeof syscall === "string" && typeof code === "string" && /^E[A-Z0-9]+$/.test(code);
}

/** One or two lines for stderr: code, message, hint; a bug also shows its stack. */
export function describeFailure(thrown: unknown): string {
  const isCoded = thrown instanceof ExitError || thrown instanceof MillraceError;
  const code = isCoded ? thrown.code : isSystemError(thrown) ? "MR_IO" : undefined;
  const hint = thrown instanceof ExitError && thrown.hint !== undefined ? `\n  ${thrown.hint}` : "";
  const head = code === undefined ? "" : `${code} `;
  if (exitCodeOf(thrown) !== exitCodes.bug) return `${head}${messageOf(thrown)}${hint}`;
  return `MR_INTERNAL a bug in Millrace: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
}
