import { randomUUID } from "node:crypto";
import { systemClock } from "../../adapters/node/index.ts";
import { formatIsoTime } from "../../kernel/index.ts";
import { retrainingRecord } from "../../training/index.ts";
import { ExitError, exitCodes } from "../exit.ts";
import type { CommandDefinition } from "./command.ts";
import { namedModel, onModels, whyOf, withModels, withWhy } from "./models.ts";

export const command: CommandDefinition = {
  configure: (command) => withWhy(withModels(command)),

  async run(context, [file], flags) {
    return onModels(context, file, flags, async ({ plan, reach, nowMs }) => {
      const { name: model } = namedModel(plan, flags);
      if (plan.retraining === undefined)
        throw new ExitError(exitCodes.failure, `no model of topology ${plan.topology} has a label`, {
          hint: "say under models.<name>.label where training finds the truth",
        });
      const { by, reason } = whyOf(flags);
      const request = randomUUID();
      const at = formatIsoTime(nowMs);
      const why = reason === undefined ? {} : { reason };
      const record = retrainingRecord({ type: "reset", id: request, request, model, at, cause: "manual", by, ...why });
      await reach.broker.append(
        [{ topic: plan.retraining.clusterName, partition: 0, timestampMs: systemClock.now(), ...record }],
        context.stop,
      );
      context.stdout(`the breaker of model ${model} is closed\n`);
      return exitCodes.ok;
    });
  },
};
