import { Facts } from "../kernel/index.ts";
import { Follower, type FollowerOptions } from "../runtime/index.ts";
import { JudgeWork, type JudgeWorkOptions } from "./judge-work.ts";

/** How often the judge looks for what has changed around it while nothing arrives. */
const everyMs = 1_000;

export type JudgeRunnerOptions = Omit<JudgeWorkOptions, "facts"> &
  Pick<FollowerOptions, "group" | "broker" | "logger" | "instanceId" | "decidingGroup" | "silentCommitMs">;

/** The judge of a topology: one of the processes that run it works, the others stand by. */
export function createJudgeRunner(options: JudgeRunnerOptions): Follower {
  const { group, broker, logger, clock, topics, instanceId, decidingGroup, silentCommitMs } = options;
  const name = "monitor";
  const facts = new Facts(logger, { stage: name });
  return new Follower({
    name,
    group,
    topic: topics.partials,
    needs: [topics.baselines, topics.control, topics.verdicts, topics.alerts],
    // A verdict and the offset behind what it was made of are seen together, whatever the stages' delivery is.
    delivery: "exactly-once",
    broker,
    clock,
    logger,
    everyMs,
    facts,
    work: new JudgeWork({ ...options, facts }),
    silentCommitMs,
    instanceId,
    decidingGroup,
  });
}
