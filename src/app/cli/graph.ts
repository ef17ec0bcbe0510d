import { graphOf } from "../../topology/index.ts";
import { exitCodes } from "../exit.ts";
import { loadPlan } from "../load-topology.ts";
import type { CommandDefinition } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) => command.argument("<files...>", "topology files"),

  async run(context, [files]) {
    for (const file of files as string[]) {
      context.stdout(graphOf(loadPlan(file, context.environment, undefined)));
    }
    return exitCodes.ok;
  },
};
