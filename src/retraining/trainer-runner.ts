import { Facts } from "../kernel/index.ts";
import { Follower, type FollowerOptions } from "../runtime/index.ts";
import { TrainerWork, type TrainerWorkOptions } from "./trainer-work.ts";

/** How often the trainer looks whether something has ended while nothing arrives. */
const everyMs = 250;

export type TrainerOptions = Omit<TrainerWorkOptions, "facts"> &
  Pick<FollowerOptions, "group" | "broker" | "logger" | "instanceId" | "decidingGroup"> & {
    /** Stem of the transactional id of all who write aliases. */
    readonly aliasesId: string;
  };

/** The trainer of a topology: one of the processes that run it works, the others stand by. */
export function createTrainer(options: TrainerOptions): Follower {
  const { group, broker, logger, clock, topics, aliasesId, instanceId, decidingGroup } = options;
  const name = "trainer";
  const facts = new Facts(logger, { stage: name });
  return new Follower({
    name,
    group,
    topic: topics.retraining,
    needs: [topics.control, ...(topics.alerts === undefined ? [] : [topics.alerts])],
    delivery: "exactly-once",
    writesAs: aliasesId,
    broker,
    clock,
    logger,
    everyMs,
    facts,
    work: new TrainerWork({ ...options, facts }),
    instanceId,
    decidingGroup,
  });
}
