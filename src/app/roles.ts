/** What a process does beside stages, as a plan has it: the judge of its monitors, and the notifier. */
import { nodeHasher, systemClock, yieldToLoop } from "../adapters/node/index.ts";
import { createNotificationSender } from "../adapters/notify-http/index.ts";
import { Facts, type Logger } from "../kernel/index.ts";
import type { ArtefactStore } from "../model/index.ts";
import { Judge } from "../monitor/index.ts";
import {
  createJudgeRunner,
  createLabeller,
  createNotifier,
  type JudgeGaugesOptions,
  judgeOptionsOf,
  keepBaselines,
  readExpectation,
  readReference,
  StageLagWatcher,
  stagePartitions,
} from "../monitoring/index.ts";
import { championAlias } from "../runtime/control/index.ts";
import type { Broker, Follower } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedMonitoring } from "../topology/index.ts";

/** Longest that reading partials keeps the process from anything else. */
const timeSliceMs = 10;
/**
 * Roles commit an offset that only moved so many times less often than stages commit, and at least every five seconds:
 * most of what they read gives them nothing to write.
 */
const silentCommits = 10;
const silentCommitMsMax = 5_000;
/** Predictions that wait for labels, per monitor: some 200 MB. */
const waitingRowsMax = 1_000_000;

export interface RolesSetup {
  readonly plan: Plan;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly logger: Logger;
  /** Where the versions are that baselines are of; without it baselines come from elsewhere alone. */
  readonly artefacts?: Pick<ArtefactStore, "read">;
  readonly instanceId?: string | undefined;
  readonly decidingGroup?: string | undefined;
}

/** Groups of the roles that a plan has. */
export function roleGroups({ monitoring }: Plan): readonly string[] {
  if (monitoring === undefined) return [];
  const { labelled } = monitoring;
  return [
    ...(labelled === undefined ? [] : [labelled.group]),
    monitoring.judgeGroup,
    ...(monitoring.alerts.notify.length > 0 ? [monitoring.notifierGroup] : []),
  ];
}

/** Names of the roles that a plan has, as `/readyz` shows them. */
export function roleNames(plan: Plan): readonly string[] {
  const { monitoring } = plan;
  if (monitoring === undefined) return [];
  return [
    ...(monitoring.labelled === undefined ? [] : ["labeller"]),
    "monitor",
    ...(monitoring.alerts.notify.length > 0 ? ["notifier"] : []),
  ];
}

/** What the judge's metrics are of. */
function shownOf({ monitors, lag, performance, alerts }: PlannedMonitoring): JudgeGaugesOptions {
  return { monitors: [...monitors, ...lag, ...performance].map(({ name }) => name), pages: alerts.budget.pages };
}

/**
 * None for a plan without monitors. In the order in which they read what others write.
 */
export function createRoles(setup: RolesSetup): readonly Follower[] {
  const { plan, broker, registry, logger, artefacts, instanceId, decidingGroup } = setup;
  const { monitoring } = plan;
  if (monitoring === undefined) return [];
  const member = {
    broker,
    clock: systemClock,
    logger,
    silentCommitMs: Math.min(silentCommitMsMax, silentCommits * plan.commit.everyMs),
    instanceId,
    decidingGroup,
  };
  const baselined = {
    broker,
    registry,
    topic: monitoring.topics.baselines.clusterName,
    verdictsTopic: monitoring.topics.verdicts.clusterName,
    controlTopic: plan.control.clusterName,
    monitors: monitoring.monitors,
    alias: championAlias,
    hasher: nodeHasher,
    clock: systemClock,
    facts: new Facts(logger, { stage: "monitor" }),
  };
  const judge = createJudgeRunner({
    ...member,
    topology: plan.topology,
    shown: shownOf(monitoring),
    registry,
    ...(artefacts === undefined
      ? {}
      : { beside: (signal: AbortSignal) => keepBaselines({ ...baselined, artefacts }, signal) }),
    group: monitoring.judgeGroup,
    topics: {
      partials: monitoring.topics.partials.clusterName,
      baselines: monitoring.topics.baselines.clusterName,
      verdicts: monitoring.topics.verdicts.clusterName,
      alerts: monitoring.topics.alerts.clusterName,
      control: plan.control.clusterName,
    },
    lag: new StageLagWatcher({
      plan,
      monitors: monitoring.lag,
      rules: monitoring.alerts.rules,
      broker,
      clock: systemClock,
      facts: new Facts(logger, { stage: "monitor" }),
    }),
    readExpectation: (version, signal) => readExpectation(artefacts, version, signal),
    createJudge: async (signal) =>
      new Judge(judgeOptionsOf(plan, monitoring, await stagePartitions(plan, broker.admin, signal))),
    timeSliceMs,
    yieldToLoop,
  });
  const { labelled } = monitoring;
  const labeller =
    labelled === undefined
      ? []
      : [
          createLabeller({
            ...member,
            registry,
            group: labelled.group,
            topics: { labelled: labelled.clusterName, partials: monitoring.topics.partials.clusterName },
            monitors: monitoring.performance,
            rowsMax: waitingRowsMax,
            readReference: (model, version, signal) => readReference(artefacts, model, version, signal),
            plan: plan.hash,
            timeSliceMs,
            yieldToLoop,
          }),
        ];
  const { notify, perMinute, ageMaxMs } = monitoring.alerts;
  if (notify.length === 0) return [...labeller, judge];
  const notifier = createNotifier({
    ...member,
    group: monitoring.notifierGroup,
    topic: monitoring.topics.alerts.clusterName,
    senders: notify.map((target) => createNotificationSender(target)),
    perMinute,
    ageMaxMs,
    jitter: Math.random,
  });
  return [...labeller, judge, notifier];
}
