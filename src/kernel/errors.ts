import type { ErrorCode, RecordErrorCode } from "./error-codes.ts";

/** What the runtime does after an error: try again, set the record aside, or stop the stage. */
export type Disposition = "retry" | "quarantine" | "halt";

/** An operating error: the code names it in the reference, the disposition tells the runtime what follows. */
export abstract class MillraceError extends Error {
  abstract readonly code: ErrorCode;
  abstract readonly disposition: Disposition;
}

/** One record cannot be processed; it goes to the dead letters and the stage goes on. */
export class RecordError extends MillraceError {
  override readonly name = "RecordError";
  override readonly code: RecordErrorCode;
  override readonly disposition = "quarantine";

  constructor(code: RecordErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The world did not do what was asked, and asking again as things stand is no use. */
export class OperationError extends MillraceError {
  override readonly name = "OperationError";
  override readonly code: ErrorCode;
  override readonly disposition: Disposition;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { disposition?: Disposition }) {
    super(message, options);
    this.code = code;
    this.disposition = options?.disposition ?? "halt";
  }
}

/** One thing wrong in a file a user wrote. `path` is as in zod: keys and indices from the root. */
export interface Problem {
  readonly code: ErrorCode;
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** How to mend it: the name meant, or the line to paste. */
  readonly hint?: string;
  /** 0-based offset inside the scalar at `path`, for expressions. */
  readonly at?: number;
}

/** The message of anything thrown, for a log line or a wrapping sentence. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Errors inside errors that are looked through for a code. */
const causesMax = 8;

/** The code of anything thrown, its own or that of what caused it, for a log line. */
export function codeOf(thrown: unknown, otherwise: ErrorCode = "MR_INTERNAL"): ErrorCode {
  for (let at = thrown, depth = 0; at instanceof Error && depth < causesMax; at = at.cause, depth++)
    if (at instanceof MillraceError) return at.code;
  return otherwise;
}
