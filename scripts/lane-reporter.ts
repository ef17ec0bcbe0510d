/**
 * A reporter for Vitest that keeps what a lane did in the file that MILLRACE_LANE_OUTCOME names: counts, and of each
 * failure its place and first lines. Vitest's own JSON leaves out errors that no test caught.
 */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestModule, TestSuite, Vitest } from "vitest/node";

/** One thing that failed: a test, a file or suite that could not be set up, an error that no test caught. */
export interface LaneFailure {
  readonly what: string;
  readonly lines: readonly string[];
}

export interface LaneOutcome {
  readonly passed: number;
  readonly failures: readonly LaneFailure[];
  /** Names of the tests that were not run. */
  readonly skipped: readonly string[];
}

type RunError = Parameters<NonNullable<Reporter["onTestRunEnd"]>>[1][number];

const linesMax = 6;
const columnsMax = 240;
const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

export default class LaneReporter implements Reporter {
  #root = "";

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly RunError[]): void {
    const outcome = {
      passed: modules.flatMap((file) => [...file.children.allTests("passed")]).length,
      failures: [
        ...modules.flatMap((file) => this.#failuresOf(file)),
        ...unhandled.map((error) => ({ what: "an error that no test caught", lines: this.#lines([error]) })),
      ],
      skipped: modules.flatMap((file) =>
        [...file.children.allTests()]
          .filter((test) => !["passed", "failed"].includes(test.result().state))
          .map(({ fullName }) => fullName),
      ),
    } satisfies LaneOutcome;
    writeFileSync(String(process.env["MILLRACE_LANE_OUTCOME"]), JSON.stringify(outcome));
  }

  #failuresOf(file: TestModule): LaneFailure[] {
    const path = relative(this.#root, file.moduleId);
    const hasErrors = (each: TestModule | TestSuite): boolean => each.errors().length > 0;
    return [
      ...[file].filter(hasErrors).map((each) => ({ what: path, lines: this.#lines(each.errors()) })),
      ...[...file.children.allSuites()]
        .filter(hasErrors)
        .map((suite) => ({ what: `${path} > ${suite.fullName}`, lines: this.#lines(suite.errors()) })),
      ...[...file.children.allTests("failed")].map((test) => ({
        what: `${path} > ${test.fullName}`,
        lines: this.#lines(test.result().errors ?? []),
      })),
    ];
  }

  /** The first lines of the first error, what differs, and where it was thrown. */
  #lines([error]: readonly RunError[]): string[] {
    if (error === undefined) return [];
    const text = error.message === "" ? (error.name ?? "an error without a message") : error.message;
    const differing = plain(String(error["diff"] ?? ""))
      .filter((line) => /^[-+] (?!Expected$|Received$)/.test(line))
      .slice(0, linesMax);
    const [place] = error.stacks ?? [];
    return [
      ...plain(text).slice(0, linesMax),
      ...differing,
      ...(error.cause === undefined ? [] : [`cause: ${plain(error.cause.message)[0]}`]),
      ...(place === undefined ? [] : [`at ${relative(this.#root, place.file)}:${place.line}`]),
    ].map((line) => line.slice(0, columnsMax));
  }
}

/** Lines of a text without colours. */
function plain(text: string): string[] {
  return text.replace(escapes, "").split("\n");
}
