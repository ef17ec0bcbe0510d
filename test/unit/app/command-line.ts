import { Readable } from "node:stream";
import { runCommandLine } from "../../../src/app/main.ts";

/** What a command line said, and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly stop?: AbortSignal;
  /** Called with everything that was said so far, whenever something is said. */
  readonly onOutput?: (stdout: string, stderr: string) => void;
}

/** Runs a command line in this process. */
export async function millrace(argv: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  let [stdout, stderr] = ["", ""];
  const said = (): void => surroundings.onOutput?.(stdout, stderr);
  const code = await runCommandLine(argv, {
    environment: surroundings.environment ?? {},
    stdout: (text) => {
      stdout += text;
      said();
    },
    stderr: (text) => {
      stderr += text;
      said();
    },
    stdin: Readable.from([surroundings.stdin ?? ""]),
    isTerminal: false,
    stop: surroundings.stop ?? new AbortController().signal,
  });
  return { code, stdout, stderr };
}
