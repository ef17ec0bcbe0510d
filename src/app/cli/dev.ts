import { join } from "node:path";
import { refuseSecondSession, serveDevSession } from "../../adapters/dev-session/index.ts";
import { systemClock } from "../../adapters/node/index.ts";
import { codeOf, say } from "../../kernel/index.ts";
import { type Plan, type TopicToCreate, topicsNeeded } from "../../topology/index.ts";
import { applyChanges, compareWithCluster } from "../apply-plan.ts";
import { keepAliases } from "../dev-aliases.ts";
import { feedSample } from "../feed-sample.ts";
import { loadFilePlan } from "../load-topology.ts";
import { createPeopleLogger } from "../people-logger.ts";
import { createWorker } from "../start-worker.ts";
import { trainsByItself } from "../trainer-role.ts";
import { devFolders, openArtefacts, openMemoryBroker, openModels, openRegistry } from "../wire.ts";
import { type CommandDefinition, flag } from "./command.ts";

/** What the in-process broker keeps; older segments go first. */
const brokerBytesMax = 512 * 1024 * 1024;
const externalPartitionsDefault = 4;
const drainTimeoutMs = 10_000;

export const command: CommandDefinition = {
  configure: (command) => command.argument("<file>", "topology file").addOption(flag("--no-sample", "feed nothing")),

  async run(context, [file], flags) {
    const loaded = loadFilePlan(String(file), context.environment, "");
    const logger = createPeopleLogger(context.stderr, () => systemClock.now());
    const folders = devFolders(process.cwd());
    // Before anything is opened: both would write to the same registry, models and aliases.
    await refuseSecondSession(folders.session);
    const broker = await openMemoryBroker(brokerBytesMax, logger);
    const registry = await openRegistry(folders.registry, undefined, "write");
    const plan = await loaded.against(registry, context.stop);
    const session = new AbortController();
    const stop = AbortSignal.any([context.stop, session.signal]);
    await broker.admin.createTopics(externalTopics(plan), stop);
    await applyChanges(await compareWithCluster(plan, broker, registry, stop), broker, registry, stop);
    const aliases = await keepAliases(
      broker,
      plan.control.clusterName,
      join(folders.session, "aliases.json"),
      () => systemClock.now(),
      session.signal,
    );
    const artefacts = openArtefacts(folders.models);
    const models = openModels(plan, broker, artefacts, logger);
    const server = await serveDevSession(broker, folders.session, logger);
    let feeding: Promise<unknown> = Promise.resolve();
    try {
      const worker = await createWorker({
        plan,
        stages: plan.stages,
        hasTrainer: trainsByItself(plan),
        broker,
        registry,
        models,
        artefacts,
        logger,
        drainTimeoutMs,
        untilCaughtUp: false,
        onReady: () => {
          context.stderr(welcome(plan, String(file)));
          if (plan.sample === undefined || flags["sample"] === false) return;
          feeding = feedSample({ plan, broker, clock: systemClock, isPaced: true }, stop);
          feeding.catch((thrown: unknown) => {
            if (!stop.aborted) say(logger, "sampleEnded", { code: codeOf(thrown), reason: String(thrown) });
          });
        },
      });
      return await worker.run(context.stop);
    } finally {
      session.abort();
      await Promise.allSettled([feeding, aliases.done, server.close(), models.close()]);
      await broker.close();
    }
  },
};

/** In a dev session nobody else makes the external topics. */
function externalTopics(plan: Plan): readonly TopicToCreate[] {
  const own = new Set(topicsNeeded(plan, { topics: [], brokerCount: 1 }).map((topic) => topic.topic));
  return plan.topics
    .filter((topic) => topic.external && !own.has(topic.clusterName))
    .map((topic) => ({
      topic: topic.clusterName,
      partitions: topic.partitions ?? externalPartitionsDefault,
      replication: undefined,
      configs: {},
    }));
}

function welcome(plan: Plan, file: string): string {
  const last =
    plan.stages.find((stage) => stage.infer !== undefined)?.to.clusterName ?? plan.stages.at(-1)?.to.clusterName ?? "";
  const model = plan.models[0]?.name;
  const lines = [
    `${plan.topology} runs on an in-process broker; Ctrl-C ends it. In another terminal, in this folder:`,
    ...(model === undefined ? [] : [`  millrace train ${file} --model ${model} --dev`]),
    `  millrace tail ${last} --dev --from beginning`,
    `  millrace tail ${plan.deadLetters.clusterName} --dev --from beginning`,
  ];
  return `${lines.join("\n")}\n`;
}
