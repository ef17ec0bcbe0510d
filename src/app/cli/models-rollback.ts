import { aliasedVersion, previousAlias } from "../../runtime/control/index.ts";
import { readAliases } from "../../runtime/index.ts";
import { ExitError, exitCodes } from "../exit.ts";
import { followPromotion, promoteVersion, promotionText } from "../promote-version.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { namedModel, onModels, whyOf, withModels, withWhy } from "./models.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withWhy(withModels(command)).addOption(
      flag("--dry-run", "open the version and score a row with it, and change nothing"),
    ),

  async run(context, [file], flags) {
    const isDry = flags["dryRun"] === true;
    await onModels(context, file, flags, async ({ plan, reach }) => {
      const { name: model } = namedModel(plan, flags);
      const { aliases } = await readAliases(reach.broker, plan.control.clusterName, context.stop);
      const version = aliasedVersion(aliases, model, previousAlias);
      if (version === undefined)
        throw new ExitError(exitCodes.failure, `model ${model} has no previous version to go back to`, {
          code: "MR_MODEL",
          hint: "`millrace models list` shows its versions, `millrace models promote` takes any of them",
        });
      const { by, reason = "rollback" } = whyOf(flags);
      const expected = { alias: previousAlias, version };
      const outcome = await promoteVersion({ plan, reach, model, version, by, reason, isDry, expected }, context.stop);
      context.stdout(promotionText(outcome, plan, isDry));
      if (!isDry) await followPromotion(outcome, { plan, reach }, context.stdout, context.stop);
    });
    return exitCodes.ok;
  },
};
