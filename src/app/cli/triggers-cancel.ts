import { systemClock } from "../../adapters/node/index.ts";
import { cancelRecord, readRetrainings } from "../../retraining/index.ts";
import { writeControl } from "../../runtime/index.ts";
import { isEnd, type RetrainingEvent } from "../../training/index.ts";
import { eventually } from "../eventually.ts";
import { exitCodes, usageError } from "../exit.ts";
import type { CommandDefinition } from "./command.ts";
import { onModels, whyOf, withModels, withWhy } from "./models.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withWhy(withModels(command)).argument("<request>", "id of the request, as `millrace triggers list` shows it"),

  async run(context, [file, request], flags) {
    return onModels(context, file, flags, async ({ plan, reach }) => {
      const { broker } = reach;
      const { stop } = context;
      const id = String(request);
      const eventsOf = async (): Promise<readonly RetrainingEvent[]> =>
        plan.retraining === undefined
          ? []
          : (await readRetrainings(broker, plan.retraining.clusterName, stop)).filter((event) => event.request === id);
      const endOf = (events: readonly RetrainingEvent[]) =>
        events.find((event) => event.by !== "policy" && isEnd(event));
      const before = await eventsOf();
      if (!before.some(({ type }) => type === "requested"))
        throw usageError(`there is no request ${id}`, "see `millrace triggers list`");
      if (endOf(before) === undefined) {
        const { by, reason = "" } = whyOf(flags);
        await writeControl(broker, plan.control.clusterName, [cancelRecord(id, by, reason)], systemClock.now(), stop);
        await eventually(async () => endOf(await eventsOf()) !== undefined, stop);
      }
      const end = endOf(await eventsOf());
      if (end !== undefined) context.stdout(`request ${id} ended: ${end.type}, ${end.reason ?? "-"}\n`);
      else context.stderr("nobody has taken it yet: is `millrace run --role trainer` running?\n");
      return end === undefined ? exitCodes.temporary : exitCodes.ok;
    });
  },
};
