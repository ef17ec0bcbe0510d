import { randomUUID } from "node:crypto";
import { systemClock } from "../../adapters/node/index.ts";
import { formatIsoTime } from "../../kernel/index.ts";
import { aliasedVersion, approvalRecord, championAlias } from "../../runtime/control/index.ts";
import { readAliases, writeControl } from "../../runtime/index.ts";
import { eventually } from "../eventually.ts";
import { ExitError, exitCodes } from "../exit.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { namedModel, onModels, versionArgument, whyOf, withModels, withWhy } from "./models.ts";
import { durationFlag } from "./monitoring.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withWhy(withModels(command))
      .argument("<version>", "version that waits for a yes, as `millrace models list` shows it")
      .addOption(flag("--for <duration>", "how long the yes counts").default("1d")),

  async run(context, [file, text], flags) {
    const version = versionArgument(text);
    const forMs = durationFlag("for", flags["for"]);
    return onModels(context, file, flags, async ({ plan, reach, nowMs }) => {
      const { broker, artefacts } = reach;
      const { stop } = context;
      const { name: model } = namedModel(plan, flags);
      const champion = async (): Promise<number | undefined> =>
        aliasedVersion((await readAliases(broker, plan.control.clusterName, stop)).aliases, model, championAlias);
      if ((await champion()) === version) {
        context.stdout(`version ${version} of ${model} is the champion already\n`);
        return exitCodes.ok;
      }
      if (!(await artefacts.versions(model, stop)).includes(version))
        throw new ExitError(exitCodes.failure, `model ${model} has no version ${version}`, {
          code: "MR_MODEL",
          hint: "see `millrace models list`",
        });
      const untilMs = nowMs + forMs;
      const { by: who, reason = "" } = whyOf(flags);
      const record = approvalRecord({ model, version, who, reason, untilMs, request: randomUUID() });
      await writeControl(broker, plan.control.clusterName, [record], systemClock.now(), stop);
      context.stdout(`version ${version} of ${model} is approved until ${formatIsoTime(untilMs)}\n`);
      if (await eventually(async () => (await champion()) === version, stop)) {
        context.stdout(`model ${model} champion -> ${version}\n`);
        return exitCodes.ok;
      }
      context.stderr(
        `the trainer has not promoted it yet: is \`millrace run --role trainer\` running, and does it wait for this version?\n`,
      );
      return exitCodes.temporary;
    });
  },
};
