/** One pass over the readings: all modes of a learner side by side. */
import { join } from "node:path";
import type { GateSettings } from "../../src/training/index.ts";
import { type ChainOptions, QualityChain } from "./chain.ts";
import { isDue, type LearnerName, type Mode, modesOf, trainedRows } from "./modes.ts";
import { firstRows, labelDelayRows, labelText, type Readings, readingText, timeOfRow } from "./readings.ts";
import { accuracyOf, checkVersions, type ModeResult } from "./result.ts";

/** Rows that are sent at once; then everything has to come through before the next ones. */
const blockRows = 48;

/** A timer takes whatever comes: what the gate does is another question. */
const noGate: GateSettings = {
  recent: false,
  before: false,
  slices: [],
  sliceFloor: 0,
  latencyP99Ms: false,
  sizeBytes: false,
};

/** What a mode has come to so far. */
interface Course {
  readonly mode: Mode;
  version: number;
  trainings: number;
  promotions: number;
  cpuSeconds: number;
  /** The version in service when each row was sent. */
  readonly inService: Int32Array;
}

export interface PassOptions extends Pick<ChainOptions, "bootstrap" | "folder" | "logger"> {
  readonly learner: LearnerName;
  readonly readings: Readings;
  readonly say: (text: string) => void;
}

/** @throws Error when a row was not scored, or not by the version that was in service when it came */
export async function runPass(options: PassOptions): Promise<readonly ModeResult[]> {
  const { learner } = options;
  const chain = await QualityChain.open({
    ...options,
    file: join(import.meta.dirname, "electricity.yaml"),
    namespace: learner,
    environment: { LEARNER: learner },
  });
  try {
    return await new Pass(chain, options).run();
  } finally {
    await chain.close();
  }
}

class Pass {
  readonly #chain: QualityChain;
  readonly #options: PassOptions;
  readonly #courses: readonly Course[];
  #labelsSent = 0;

  constructor(chain: QualityChain, options: PassOptions) {
    this.#chain = chain;
    this.#options = options;
    this.#courses = modesOf(options.learner).map((mode) => ({
      mode,
      version: 0,
      trainings: 0,
      promotions: 0,
      cpuSeconds: 0,
      inService: new Int32Array(options.readings.count),
    }));
  }

  async run(): Promise<readonly ModeResult[]> {
    const { readings, learner, say } = this.#options;
    const chain = this.#chain;
    const cpuBefore = cpuSeconds();
    for (const name of ["ingest", "ingest-labels"]) await chain.start(name);
    await this.#sendReadings(0, firstRows);
    await this.#sendLabels(firstRows);
    await chain.untilCaughtUp();
    for (const course of this.#courses) {
      await this.#train(course, firstRows);
      await chain.start(course.mode.name);
    }
    for (let row = firstRows; row < readings.count; row += blockRows) {
      await this.#sendLabels(row);
      const due = this.#courses.filter(({ mode }) => isDue(mode, row - firstRows));
      if (due.length > 0) await chain.untilCaughtUp();
      for (const course of due) {
        await this.#train(course, row);
        await chain.restart(course.mode.name);
      }
      const end = Math.min(row + blockRows, readings.count);
      for (const course of this.#courses) course.inService.fill(course.version, row, end);
      await this.#sendReadings(row, end);
      await chain.untilCaughtUp();
      if ((row - firstRows) % (100 * blockRows) === 0) say(`${learner}: ${row} of ${readings.count} rows\n`);
    }
    const trained = this.#courses.reduce((sum, course) => sum + course.cpuSeconds, 0);
    const shared = (cpuSeconds() - cpuBefore - trained) / this.#courses.length;
    const results: ModeResult[] = [];
    for (const course of this.#courses) results.push(await this.#resultOf(course, shared));
    return results;
  }

  async #resultOf(course: Course, sharedCpuSeconds: number): Promise<ModeResult> {
    const { readings, learner } = this.#options;
    const { name } = course.mode;
    const served = await this.#chain.served(name, readings.count);
    checkVersions(name, served, course.inService);
    return {
      model: learner,
      mode: name,
      accuracy: accuracyOf(readings, served),
      retrainings: course.trainings - 1,
      promoted: course.promotions - 1,
      cpuSeconds: course.cpuSeconds + sharedCpuSeconds,
    };
  }

  /** On the newest rows whose labels are known before `row` comes; the first one on all of them. */
  async #train(course: Course, row: number): Promise<void> {
    const { mode, version } = course;
    const before = cpuSeconds();
    const isFirst = row === firstRows;
    const promoted = await this.#chain.train(mode.name, {
      seed: mode.seed,
      toMs: timeOfRow(row) - 1,
      newestRows: isFirst ? undefined : trainedRows,
      champion: isFirst ? undefined : version,
      mode: mode.isWarm ? "warm" : "full",
      gate: noGate,
      cause: "schedule",
    });
    course.trainings++;
    course.cpuSeconds += cpuSeconds() - before;
    if (promoted === undefined) return;
    course.version = promoted;
    course.promotions++;
  }

  async #sendReadings(from: number, to: number): Promise<void> {
    await this.#chain.send(
      "readings.inbox",
      range(from, to, (row) => readingText(this.#options.readings, row)),
    );
  }

  /** The labels that are known before `row` comes. */
  async #sendLabels(row: number): Promise<void> {
    const end = Math.max(this.#labelsSent, row - labelDelayRows);
    await this.#chain.send(
      "labels.inbox",
      range(this.#labelsSent, end, (each) => labelText(this.#options.readings, each)),
    );
    this.#labelsSent = end;
  }
}

function range(from: number, to: number, textOf: (row: number) => string): readonly string[] {
  return Array.from({ length: to - from }, (_, i) => textOf(from + i));
}

/** Of all threads of the process, since it began. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
