/** One pass over the readings: modes of a learner side by side. */
import { join } from "node:path";
import type { GateSettings } from "../../src/training/index.ts";
import { type ChainOptions, QualityChain } from "./chain.ts";
import { HeldTold, wakingRow } from "./held-told.ts";
import { isDue, type LearnerName, type Mode, trainedRows } from "./modes.ts";
import { firstRows, labelDelayRows, labelText, type Readings, readingText, timeOfRow } from "./readings.ts";
import { accuracyOf, checkVersions, type ModeResult } from "./result.ts";

/** Rows that are sent at once; then everything has to come through before the next ones. */
const blockRows = 48;

/** A timer takes whatever comes, so that it is what the references know; `drift` passes the gate of the topology. */
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
  /** After the first one, as are promotions. */
  retrainings: number;
  promotions: number;
  cpuSeconds: number;
  /** The version in service when each row was sent. */
  readonly inService: Int32Array;
}

export interface PassOptions extends Pick<ChainOptions, "bootstrap" | "folder" | "namespace"> {
  readonly learner: LearnerName;
  readonly modes: readonly Mode[];
  readonly readings: Readings;
  readonly say: (text: string) => void;
}

/** @throws Error when a row was not scored, or not by the version that was in service when it came */
export async function runPass(options: PassOptions): Promise<readonly ModeResult[]> {
  const { learner, say } = options;
  const told = new HeldTold((sentence) => say(`${learner}: ${sentence}\n`));
  const chain = await QualityChain.open({
    ...options,
    logger: told.logger,
    file: join(import.meta.dirname, "electricity.yaml"),
    environment: { LEARNER: learner, TRAINED_ROWS: String(trainedRows[learner]) },
  });
  try {
    const results = await new Pass(chain, options).run();
    const isSurprised = ({ name }: Mode): boolean => name === "static" && options.readings.count > wakingRow;
    for (const { stage } of options.modes.filter(isSurprised)) told.check(stage);
    return results;
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
    this.#courses = options.modes.map((mode) => ({
      mode,
      version: 0,
      retrainings: 0,
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
      await chain.start(course.mode.stage);
    }
    const driven = this.#courses.filter(({ mode }) => mode.isDriven);
    if (driven.length > 0) await chain.startRoles();
    for (let row = firstRows; row < readings.count; row += blockRows) {
      await this.#sendLabels(row);
      await chain.untilCaughtUp();
      // What these labels ask for is done before the next rows come, however long the others train.
      for (const course of driven) await this.#follow(course);
      for (const course of this.#courses.filter(({ mode }) => isDue(mode, row - firstRows))) {
        await this.#train(course, row);
        await chain.untilAdopted(course.mode.stage, course.version);
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
    const { name, stage } = course.mode;
    const served = await this.#chain.served(stage, readings.count);
    checkVersions(name, served, course.inService);
    return {
      model: learner,
      mode: name,
      accuracy: accuracyOf(readings, served),
      retrainings: course.retrainings,
      promoted: course.promotions,
      cpuSeconds: course.cpuSeconds + sharedCpuSeconds,
    };
  }

  /** On the newest rows whose labels are known before `row` comes; the first one on all of them. */
  async #train(course: Course, row: number): Promise<void> {
    const { mode, version } = course;
    const before = cpuSeconds();
    const isFirst = row === firstRows;
    const promoted = await this.#chain.train(mode.stage, {
      seed: mode.seed,
      toMs: timeOfRow(row) - 1,
      newestRows: isFirst ? undefined : trainedRows[this.#options.learner],
      champion: isFirst ? undefined : version,
      mode: mode.isWarm && !isFirst ? "warm" : "full",
      gate: noGate,
      cause: "schedule",
    });
    course.cpuSeconds += cpuSeconds() - before;
    if (promoted !== undefined) course.version = promoted;
    if (isFirst) return;
    course.retrainings++;
    if (promoted !== undefined) course.promotions++;
  }

  /** What the topology has done by itself; rows are sent on when the version that it promoted is in service. */
  async #follow(course: Course): Promise<void> {
    const { stage } = course.mode;
    const before = cpuSeconds();
    const { requested, promoted, version } = await this.#chain.untilTrained(stage);
    if (version !== undefined && version !== course.version) {
      await this.#chain.untilAdopted(stage, version);
      course.version = version;
    }
    if (requested > course.retrainings) course.cpuSeconds += cpuSeconds() - before;
    course.retrainings = requested;
    course.promotions = promoted;
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
