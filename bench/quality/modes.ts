/** How a model is kept fresh: by nothing, or by a timer, from nothing or by going on from the version in service. */

export type LearnerName = "logistic" | "mlp";

export interface Mode {
  /** As its line is called, and its stage and model in electricity.yaml. */
  readonly name: string;
  /** Rows between two trainings; undefined for a model that is trained once. */
  readonly everyRows: number | undefined;
  /** Rows after the first one measured at which the timer first goes off; 0 for after the first period. */
  readonly phaseRows: number;
  readonly isWarm: boolean;
  readonly seed: number;
}

/** The newest rows with a label that a training is given. */
export const trainedRows = 2_000;

/** Modes of one pass, in the order of their lines. A logistic regression has no warm start. */
export function modesOf(learner: LearnerName): readonly Mode[] {
  const timers = [0, 240, 480, 720].map((phase) => timer(960, phase));
  const fresh = [modeOf({ name: "static" }), ...timers, timer(480, 0)];
  if (learner === "logistic") return fresh;
  return [...fresh, ...[0, 1, 2].map((seed) => modeOf({ name: `warm-${seed}`, everyRows: 960, isWarm: true, seed }))];
}

function timer(everyRows: number, phaseRows: number): Mode {
  return modeOf({ name: `timer-${everyRows}-${phaseRows}`, everyRows, phaseRows });
}

function modeOf(given: Partial<Mode> & Pick<Mode, "name">): Mode {
  return { everyRows: undefined, phaseRows: 0, isWarm: false, seed: 0, ...given };
}

/** Whether a mode trains before the row that is so many after the first one measured. */
export function isDue({ everyRows, phaseRows }: Mode, rowsMeasured: number): boolean {
  if (everyRows === undefined || rowsMeasured === 0 || rowsMeasured < phaseRows) return false;
  return (rowsMeasured - phaseRows) % everyRows === 0;
}
