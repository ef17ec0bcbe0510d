import { systemClock } from "../../adapters/node/index.ts";
import { ExitError, exitCodes } from "../exit.ts";
import { resetBreaker } from "../reset-breaker.ts";
import type { CommandDefinition } from "./command.ts";
import { namedModel, onModels, whyOf, withModels, withWhy } from "./models.ts";

export const command: CommandDefinition = {
  configure: (command) => withWhy(withModels(command)),

  async run(context, [file], flags) {
    return onModels(context, file, flags, async ({ plan, reach }) => {
      const { name: model } = namedModel(plan, flags);
      if (plan.retraining === undefined)
        throw new ExitError(exitCodes.failure, `no model of topology ${plan.topology} has a label`, {
          hint: "say under models.<name>.label where training finds the truth",
        });
      const { broker } = reach;
      const { clusterName: topic } = plan.retraining;
      const asked = { broker, topic, model, ...whyOf(flags), clock: systemClock };
      if (await resetBreaker(asked, context.stop)) {
        context.stdout(`the breaker of model ${model} is closed\n`);
        return exitCodes.ok;
      }
      context.stderr("nobody has taken it yet: is `millrace run --role trainer` running? The next trainer closes it\n");
      return exitCodes.temporary;
    });
  },
};
