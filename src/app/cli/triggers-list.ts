import { readRetrainings } from "../../retraining/index.ts";
import type { RetrainingEvent } from "../../training/index.ts";
import { exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { onModels, withModels } from "./models.ts";
import { withOutput } from "./monitoring.ts";

export const columns: readonly Column<RetrainingEvent>[] = [
  { heading: "AT", show: ({ at }) => at },
  { heading: "EVENT", show: ({ type }) => type },
  { heading: "MODEL", show: ({ model }) => model },
  { heading: "CAUSE", show: ({ cause }) => cause },
  { heading: "INCIDENT", show: ({ incident }) => incident ?? "-" },
  { heading: "VERSION", show: ({ version }) => version ?? "-" },
  { heading: "REQUEST", show: ({ request }) => request },
  { heading: "REASON", show: ({ reason }) => reason ?? "-" },
];

export const command: CommandDefinition = {
  configure: (command) => withOutput(withModels(command)),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const wanted = flags["model"];
    const events = await onModels(context, file, flags, async ({ plan, reach }) =>
      plan.retraining === undefined ? [] : readRetrainings(reach.broker, plan.retraining.clusterName, context.stop),
    );
    const shown = events.filter(({ model }) => wanted === undefined || model === wanted);
    context.stdout(printedRows(shown.toReversed(), columns, form));
    return exitCodes.ok;
  },
};
