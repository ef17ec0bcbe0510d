import { readAliases } from "../../runtime/index.ts";
import { exitCodes, usageError } from "../exit.ts";
import { type PredictionOrigin, predictionOrigin } from "../prediction-origin.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { onModels, withModels } from "./models.ts";
import { withOutput } from "./monitoring.ts";

interface Line {
  readonly what: string;
  readonly value: string;
}

const columns: readonly Column<Line>[] = [
  { heading: "WHAT", show: ({ what }) => what },
  { heading: "VALUE", show: ({ value }) => value },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withModels(command))
      .argument("<topic>", "topic of predictions, as the topology calls it")
      .argument("<partition>", "partition of the prediction")
      .argument("<offset>", "offset of the prediction"),

  async run(context, [file, topic, partition, offset], flags) {
    const form = outputForm(flags["output"]);
    const at = {
      topic: String(topic),
      partition: numberOf("partition", partition),
      offset: numberOf("offset", offset),
    };
    const origin = await onModels(context, file, flags, async ({ plan, reach }) => {
      const { aliases } = await readAliases(reach.broker, plan.control.clusterName, context.stop);
      return predictionOrigin({ plan, reach, at, aliases }, context.stop);
    });
    context.stdout(form === "table" ? printedRows(linesOf(origin), columns, form) : printedRows([origin], [], form));
    return exitCodes.ok;
  },
};

function linesOf(origin: PredictionOrigin): readonly Line[] {
  return Object.entries(origin).map(([name, value]) => ({
    what: name,
    value: typeof value === "string" ? value : value === null ? "-" : JSON.stringify(value),
  }));
}

function numberOf(name: string, text: unknown): number {
  if (/^\d{1,15}$/.test(String(text))) return Number(text);
  throw usageError(`the ${name} is a whole number, found ${JSON.stringify(text)}`);
}
