import type { Clock, Facts } from "../../kernel/index.ts";
import type { SchemaRegistry } from "../../schema/index.ts";
import { countedMonitors, type Plan, type PlannedStage } from "../../topology/index.ts";
import type { Broker } from "../port.ts";
import type { StageSurroundings } from "../stage-setup.ts";
import { FollowedBaselines } from "./baselines.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { StageTapDeps } from "./stage-tap.ts";

export interface TappingOptions {
  readonly plan: Plan;
  readonly stage: PlannedStage;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly partials: StageSurroundings["partials"];
  /** The stage stops. */
  readonly signal: AbortSignal;
}

/**
 * Reads the baselines in service, so that no row is counted before, and follows them; undefined for a stage that nobody
 * monitors.
 *
 * @throws OperationError MR_TOPIC_MISSING; what the cluster answers; the signal's reason
 */
export async function beginTapping(
  options: TappingOptions,
): Promise<{ readonly deps: StageTapDeps; readonly heartbeats: Heartbeats } | undefined> {
  const { plan, stage, partials } = options;
  const { monitoring } = plan;
  if (monitoring === undefined || partials === undefined) return undefined;
  const monitors = stage.taps.flatMap(({ monitor: name, store }) =>
    countedMonitors(monitoring).flatMap((monitor) => (monitor.name === name ? [{ monitor, store }] : [])),
  );
  const [first] = monitors;
  if (first === undefined) return undefined;
  const { topic: partialsTopic, schemaId } = partials;
  const baselines = new FollowedBaselines({ ...options, topic: monitoring.topics.baselines.clusterName });
  await baselines.begin();
  const idleAfterMs = Math.min(...monitors.map(({ monitor }) => monitor.idleAfterMs));
  const own = { topic: partialsTopic.topic, schemaId, stage: stage.name, idleAfterMs };
  // A stage writes one topic, and that has one event time.
  const { timeField } = first.monitor;
  return {
    deps: {
      monitors,
      timeField,
      baselines,
      plan: monitoring.workHash,
      partials: partialsTopic,
      partialSchemaId: schemaId,
    },
    heartbeats: new Heartbeats({ ...options, ...own }),
  };
}
