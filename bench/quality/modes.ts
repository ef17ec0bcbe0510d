/**
 * How a model is kept fresh: by nothing, by a timer, from nothing or by going on from the version in service, or by the
 * product's own loop of monitor, policy and trainer.
 */

export type LearnerName = "logistic" | "mlp";

export interface Mode {
  /** As its line is called. */
  readonly name: string;
  /** Its stage and its model in electricity.yaml. */
  readonly stage: string;
  /** Rows between two trainings; undefined for a model that is trained once. */
  readonly everyRows: number | undefined;
  /** Rows after the first one measured at which the timer first goes off; 0 for after the first period. */
  readonly phaseRows: number;
  readonly isWarm: boolean;
  /** Whether the topology says when it is trained again, and trains it. */
  readonly isDriven: boolean;
  /** Whether the rows come in another order: nothing drifts, and every training is for nothing. */
  readonly isShuffled: boolean;
  readonly seed: number;
}

/**
 * The newest rows with a label that a training is given. What measured best without a broker, of 2,000, 3,000 and 5,000:
 * a network makes more of few rows that are fresh.
 */
export const trainedRows: Readonly<Record<LearnerName, number>> = { logistic: 3_000, mlp: 2_000 };

/** All modes of a learner, in the order of their lines. A logistic regression has no warm start. */
export function modesOf(learner: LearnerName): readonly Mode[] {
  const timers = [0, 240, 480, 720].map((phase) => timer(960, phase));
  const warm = [0, 1, 2].map((seed) => modeOf({ name: `warm-${seed}`, everyRows: 960, isWarm: true, seed }));
  return [
    modeOf({ name: "static" }),
    ...timers,
    timer(480, 0),
    ...(learner === "logistic" ? [] : warm),
    modeOf({ name: "drift", isDriven: true }),
    modeOf({ name: "drift-shuffled", stage: "drift", isDriven: true, isShuffled: true }),
  ];
}

/** The modes that are named, or all. @throws Error for a name that no mode has */
export function chosenModes(learner: LearnerName, names: readonly string[] | undefined): readonly Mode[] {
  const modes = modesOf(learner);
  if (names === undefined) return modes;
  const unknown = names.find((name) => !modes.some((mode) => mode.name === name));
  if (unknown !== undefined)
    throw new Error(`--modes: ${unknown} is none of ${modes.map(({ name }) => name).join(", ")} (${learner})`);
  return modes.filter(({ name }) => names.includes(name));
}

function timer(everyRows: number, phaseRows: number): Mode {
  return modeOf({ name: `timer-${everyRows}-${phaseRows}`, everyRows, phaseRows });
}

function modeOf(given: Partial<Mode> & Pick<Mode, "name">): Mode {
  const defaults = { everyRows: undefined, phaseRows: 0, isWarm: false, isDriven: false, isShuffled: false, seed: 0 };
  return { ...defaults, stage: given.name, ...given };
}

/** Whether a mode trains before the row that is so many after the first one measured. */
export function isDue({ everyRows, phaseRows }: Mode, rowsMeasured: number): boolean {
  if (everyRows === undefined || rowsMeasured === 0 || rowsMeasured < phaseRows) return false;
  return (rowsMeasured - phaseRows) % everyRows === 0;
}
