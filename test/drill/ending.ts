/**
 * How a run ends: with its last line and an exit code, whatever ends it.
 *
 * - Its work is done, or throws: the line, then what was begun is ended, then the process, whatever is still open in it.
 * - A signal (whoever runs it has a limit of time, or closes its terminal), its own limit, or something thrown where nobody
 *   waits: the same, with what was seen by then. Before, these were ends without a word. A second signal ends it at once.
 * - Something calls for the end of the process itself: the line is written on the way out.
 *
 * SIGKILL alone leaves no line.
 */
import { writeSync } from "node:fs";
import { constants } from "node:os";
import { deferred, within } from "../support/deadline.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** As much of a process as an ending has to do with. */
export interface EndingProcess {
  on(event: string, listener: (thrown: unknown) => void): unknown;
  exit(code: number): void;
}

export interface EndingOptions {
  /** The last line, of what was seen so far. */
  readonly line: () => string;
  /** For all of the work. */
  readonly msMax: number;
  /** For each thing that is ended. */
  readonly endMsMax: number;
  readonly process: EndingProcess;
  /** Writes a line before it answers: what is written later may never be. */
  readonly write: (to: "stdout" | "stderr", line: string) => void;
}

/** Ends what was begun; called in the reverse order. */
export type Ends = (() => Promise<unknown>)[];

/** @param work fills `ends` as it goes, and answers whether all was well */
export async function runToItsEnd(work: (ends: Ends) => Promise<boolean>, options: EndingOptions): Promise<void> {
  const { line, msMax, endMsMax, process, write } = options;
  const cut = deferred<never>();
  // Nobody may wait for it any more.
  cut.promise.catch(() => undefined);
  let code = 1;
  let isSaid = false;
  const tell = (): void => {
    if (isSaid) return;
    isSaid = true;
    write("stdout", line());
  };
  const complain = (thrown: unknown): void =>
    write("stderr", thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  for (const signal of signals)
    process.on(signal, () => {
      code = 128 + constants.signals[signal];
      if (isSaid) process.exit(code);
      cut.reject(new Error(`ended by ${signal}`));
    });
  process.on("uncaughtException", (thrown: unknown) => {
    if (isSaid) complain(thrown);
    cut.reject(thrown);
  });
  process.on("exit", tell);
  // It also keeps a process alive that waits for something that can never come.
  const timer = setTimeout(() => cut.reject(new Error(`not done within ${msMax / 1_000} s`)), msMax);
  const ends: Ends = [];
  try {
    if (await Promise.race([work(ends), cut.promise])) code = 0;
  } catch (thrown) {
    complain(thrown);
  }
  clearTimeout(timer);
  // Before anything is ended, which may take its time.
  tell();
  for (const end of ends.reverse())
    await within(endMsMax, "something to end", end()).catch((thrown: unknown) => {
      complain(thrown);
      code ||= 1;
    });
  process.exit(code);
}

/** To the descriptors themselves; to standard error what nobody reads any more on standard output. */
export function writeNow(to: "stdout" | "stderr", line: string): void {
  const descriptors = to === "stdout" ? [1, 2] : [2];
  for (const descriptor of descriptors) {
    try {
      writeSync(descriptor, `${line}\n`);
      return;
    } catch {
      // A closed pipe; the next one may be read.
    }
  }
}
