import { Facts } from "../../kernel/index.ts";
import { Follower, type FollowerOptions } from "../../runtime/index.ts";
import { LabellerWork, type LabellerWorkOptions, labellerName } from "./labeller-work.ts";

/** How often it is asked while nothing arrives: what it has to write comes of records alone. */
const everyMs = 5_000;

export type LabellerOptions = Omit<LabellerWorkOptions, "facts"> &
  Pick<FollowerOptions, "group" | "broker" | "logger" | "instanceId" | "decidingGroup" | "silentCommitMs">;

/** Joins labels to predictions: one of the processes that run a topology works, the others stand by. */
export function createLabeller(options: LabellerOptions): Follower {
  const { group, broker, logger, clock, topics, instanceId, decidingGroup, silentCommitMs } = options;
  const facts = new Facts(logger, { stage: labellerName });
  return new Follower({
    name: labellerName,
    group,
    topic: topics.labelled,
    needs: [topics.partials],
    // A partial and the offset behind what it was made of are seen together.
    delivery: "exactly-once",
    broker,
    clock,
    logger,
    everyMs,
    silentCommitMs,
    facts,
    work: new LabellerWork({ ...options, facts }),
    instanceId,
    decidingGroup,
  });
}
