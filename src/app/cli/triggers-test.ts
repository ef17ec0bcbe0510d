import { systemClock } from "../../adapters/node/index.ts";
import { createModelTopics, readPolicy, trainedModels } from "../../retraining/index.ts";
import { exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { namedModels, onModels, withModels } from "./models.ts";
import { withOutput } from "./monitoring.ts";

/** What a reason would come to if it came now. */
interface Answer {
  readonly model: string;
  readonly reason: string;
  readonly answer: "requested" | "suppressed";
  readonly guard: string | null;
  readonly why: string | null;
}

const columns: readonly Column<Answer>[] = [
  { heading: "MODEL", show: ({ model }) => model },
  { heading: "REASON", show: ({ reason }) => reason },
  { heading: "NOW", show: ({ answer }) => answer },
  { heading: "GUARD", show: ({ guard }) => guard ?? "-" },
  { heading: "WHY", show: ({ why }) => why ?? "-" },
];

export const command: CommandDefinition = {
  configure: (command) => withOutput(withModels(command)),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const answers = await onModels(context, file, flags, async ({ plan, reach }): Promise<readonly Answer[]> => {
      const { retraining, monitoring } = plan;
      if (retraining === undefined) return [];
      const topics = { retraining: retraining.clusterName, alerts: monitoring?.topics.alerts.clusterName };
      const lookAt = createModelTopics(plan, reach.broker, reach.registry, systemClock);
      const policy = await readPolicy(reach.broker, topics, trainedModels(plan), lookAt, context.stop);
      return namedModels(plan, flags).flatMap(({ name, retrain }) =>
        (retrain?.on ?? []).map(({ kind }) => {
          const held = policy.guardOf(name, kind);
          const answer = held === undefined ? "requested" : "suppressed";
          return { model: name, reason: kind, answer, guard: held?.guard ?? null, why: held?.reason ?? null };
        }),
      );
    });
    context.stdout(printedRows(answers, columns, form));
    return exitCodes.ok;
  },
};
