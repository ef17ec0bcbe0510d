import { type ExitCode, exitCodes } from "./exit.ts";

/** Where signals come from: the process, or an emitter in tests. */
export interface SignalSource {
  on(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
}

/** Why a command stops. */
export class StoppedBySignal extends Error {
  override readonly name = "StoppedBySignal";
  readonly by: "SIGTERM" | "SIGINT";

  constructor(by: "SIGTERM" | "SIGINT") {
    super(`stopped by ${by}`);
    this.by = by;
  }
}

export interface Stop {
  /** Aborted by the first signal: commands finish what they hold and end. */
  readonly signal: AbortSignal;
  /** The exit code of a command that answered `code`: 130 when SIGINT ended it and nothing went wrong. */
  exitCode(code: ExitCode): ExitCode;
}

/**
 * Turns SIGTERM and SIGINT into an orderly stop.
 *
 * @param exitNow ends the process at once; called with 75 by a second signal, whatever is in hand
 */
export function stopOnSignals(source: SignalSource, exitNow: (code: ExitCode) => void): Stop {
  const stop = new AbortController();
  let isInterrupted = false;
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    source.on(name, () => {
      if (stop.signal.aborted) {
        exitNow(exitCodes.temporary);
        return;
      }
      isInterrupted = name === "SIGINT";
      stop.abort(new StoppedBySignal(name));
    });
  }
  return {
    signal: stop.signal,
    exitCode: (code) => (isInterrupted && code === exitCodes.ok ? exitCodes.interrupted : code),
  };
}
