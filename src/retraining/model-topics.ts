import { type Clock, Facts, silentLogger } from "../kernel/index.ts";
import { type Broker, readTopicRows } from "../runtime/index.ts";
import type { Row, SchemaRegistry } from "../schema/index.ts";
import { monitorsOfModel, type Plan, type PlannedTopic } from "../topology/index.ts";
import { ShadowLook } from "./shadow-look.ts";
import type { ModelTopics, TrainedModel } from "./trained-model.ts";

/** Records from the end of a partition among which the latest event time is looked for. */
const latestRecords = 20;
/** How far ahead of Kafka's time an event may be dated on a topic that no stage writes: what stages read has the same by default. */
const aheadMsMax = 600_000;

/** The models of a plan that can be trained, with the monitors that look at what they read, write and are told. */
export function trainedModels({ models, stages, monitoring }: Plan): readonly TrainedModel[] {
  return models.flatMap((model) => {
    const { name, label, retrain, rollout } = model;
    if (label === undefined) return [];
    const monitors = monitorsOfModel(model, stages, monitoring);
    return [{ name, retrain, rollout, monitors: new Set(monitors.map((monitor) => monitor.name)) }];
  });
}

/** Counts labels and predictions by the ends of their topics, and takes event time from the last labels. */
export function createModelTopics(plan: Plan, broker: Broker, registry: SchemaRegistry, clock: Clock): ModelTopics {
  const shadows = new Map<string, ShadowLook>();
  const latest = new Map<string, LatestTime>();
  const countOf = async (clusterName: string, signal: AbortSignal): Promise<number> =>
    (await broker.admin.watermarks(clusterName, signal)).reduce((sum, { end }) => sum + end, 0);
  return {
    shadow(challenger, signal) {
      const { model, version } = challenger;
      let known = shadows.get(model);
      if (known?.challenger.version !== version) {
        known = new ShadowLook(challenger, plan, { broker, registry, clock, facts: new Facts(silentLogger) });
        shadows.set(model, known);
      }
      return known.look(signal);
    },
    async look(model, signal) {
      const label = plan.models.find(({ name }) => name === model)?.label?.topic;
      const topic = plan.topics.find(({ name }) => name === label);
      let predictions = 0;
      for (const { infer, to } of plan.stages)
        if (infer?.model === model) predictions += await countOf(to.clusterName, signal);
      if (topic === undefined) return { labels: 0, predictions, timeMs: undefined };
      const times =
        latest.get(topic.name) ??
        // What a stage writes was held to its ingest's bound, which may be none.
        new LatestTime(
          topic,
          plan.stages.some(({ to }) => to.name === label) ? Infinity : aheadMsMax,
          broker,
          registry,
        );
      latest.set(topic.name, times);
      return { labels: await countOf(topic.clusterName, signal), predictions, timeMs: await times.look(signal) };
    },
  };
}

/**
 * The latest event time among the last records of a topic; read only when records have come. One that is dated too far ahead
 * of its record is none: a single label of 2099 would be the time from then on, and no cool-down would ever pass.
 */
class LatestTime {
  readonly #topic: PlannedTopic;
  readonly #aheadMs: number;
  readonly #broker: Broker;
  readonly #registry: SchemaRegistry;
  #ends = "";
  #timeMs: number | undefined;

  constructor(topic: PlannedTopic, aheadMs: number, broker: Broker, registry: SchemaRegistry) {
    this.#topic = topic;
    this.#aheadMs = aheadMs;
    this.#broker = broker;
    this.#registry = registry;
  }

  async look(signal: AbortSignal): Promise<number | undefined> {
    const { schema, time, clusterName } = this.#topic;
    if (schema === undefined || time === undefined) return undefined;
    const marks = await this.#broker.admin.watermarks(clusterName, signal);
    const ends = marks.map(({ end }) => end).join();
    if (ends === this.#ends) return this.#timeMs;
    const ranges = marks.map(({ partition, low, end }) => ({
      topic: clusterName,
      partition,
      from: Math.max(low, end - latestRecords),
      to: end,
    }));
    const row = (read: Row, timestampMs: number): void => {
      const timeMs = read[time];
      if (typeof timeMs !== "number" || (timestampMs >= 0 && timeMs > timestampMs + this.#aheadMs)) return;
      if (timeMs > (this.#timeMs ?? Number.NEGATIVE_INFINITY)) this.#timeMs = timeMs;
    };
    await readTopicRows(this.#broker, this.#registry, clusterName, schema, { row }, signal, ranges);
    this.#ends = ends;
    return this.#timeMs;
  }
}
