import type { Learner, LearnerModel } from "./learner.ts";
import { logistic } from "./logistic.ts";
import { mlp } from "./mlp.ts";

/** Every learner of this version by the name it has in a topology, in the order of the reference page. */
export const learnerCatalogue = { logistic, mlp } as const;

export type LearnerKind = keyof typeof learnerCatalogue;

/** The names of all learners. */
export const learnerKinds: readonly [LearnerKind, ...LearnerKind[]] = ["logistic", "mlp"];

export function isLearnerKind(kind: unknown): kind is LearnerKind {
  return typeof kind === "string" && Object.hasOwn(learnerCatalogue, kind);
}

/** The learner of that kind with the types of its config and its model erased: give it what comes from itself. */
export function learnerOf(kind: LearnerKind): Learner<unknown, LearnerModel> {
  return learnerCatalogue[kind] as Learner<unknown, LearnerModel>;
}
