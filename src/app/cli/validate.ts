import { exitCodes } from "../exit.ts";
import { checkTopologyFile, problemsText } from "../load-topology.ts";
import { type CommandDefinition, flag } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    command
      .argument("<files...>", "topology files")
      .addOption(flag("--namespace <name>", "goes before every topic, group and id that is not external")),

  async run(context, [files], flags) {
    let found = 0;
    for (const file of files as string[]) {
      const namespace = typeof flags["namespace"] === "string" ? flags["namespace"] : undefined;
      const { plan, problems } = checkTopologyFile(file, context.environment, namespace);
      if (problems.length > 0) context.stdout(`${problemsText(problems)}\n`);
      else {
        for (const warning of plan?.warnings ?? []) context.stderr(`${problemsText([warning])}\n`);
        context.stderr(`${file}: ok, ${plan?.stages.length} stages\n`);
      }
      found += problems.length;
    }
    return found === 0 ? exitCodes.ok : exitCodes.failure;
  },
};
