import { exitCodes } from "../exit.ts";
import { followPromotion, promoteVersion, promotionText } from "../promote-version.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { namedModel, onModels, versionArgument, whyOf, withModels, withWhy } from "./models.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withWhy(withModels(command))
      .argument("<version>", "version that is to serve, as `millrace models list` shows it")
      .addOption(flag("--dry-run", "open the version and score a row with it, and change nothing")),

  async run(context, [file, text], flags) {
    const version = versionArgument(text);
    const isDry = flags["dryRun"] === true;
    await onModels(context, file, flags, async ({ plan, reach }) => {
      const { name: model } = namedModel(plan, flags);
      const outcome = await promoteVersion({ plan, reach, model, version, ...whyOf(flags), isDry }, context.stop);
      context.stdout(promotionText(outcome, plan, isDry));
      if (!isDry) await followPromotion(outcome, { plan, reach }, context.stdout, context.stop);
    });
    return exitCodes.ok;
  },
};
