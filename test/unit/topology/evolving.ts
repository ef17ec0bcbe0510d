import { MemoryRegistry } from "../../../src/testing/index.ts";
import {
  type Changes,
  changesFor,
  inferredSubjects,
  type Plan,
  type PlanRequest,
  schemasNeeded,
  topicsNeeded,
} from "../../../src/topology/index.ts";
import { planText, soundPlan } from "./fixture.ts";

/** A registry and the topologies that are applied to it one after the other, on a cluster that is as planned. */
export class Evolution {
  readonly registry = new MemoryRegistry();

  /** The request of a plan that looks at what is registered. */
  async #looking(text: string, options: Partial<PlanRequest>): Promise<Partial<PlanRequest>> {
    const first = soundPlan(text, options);
    const subjects = inferredSubjects(first);
    const versions = await Promise.all(
      subjects.map(async (subject) => [subject, await this.registry.versions(subject)] as const),
    );
    return { ...options, registered: new Map(versions) };
  }

  async plan(text: string, options: Partial<PlanRequest> = {}): Promise<Plan> {
    return soundPlan(text, await this.#looking(text, options));
  }

  /** What is wrong with a text that is sound by itself. */
  async problems(text: string, options: Partial<PlanRequest> = {}): Promise<string[]> {
    return planText(text, await this.#looking(text, options)).problems.map(({ message }) => message);
  }

  /** Schema changes of a text. */
  async changes(text: string, options: Partial<PlanRequest> = {}): Promise<Changes> {
    const plan = await this.plan(text, options);
    const versions = new Map();
    const registered = new Set<string>();
    for (const { subject, schema } of schemasNeeded(plan)) {
      const found = await this.registry.versions(subject);
      if (found.length > 0) versions.set(subject, found);
      if ((await this.registry.lookUp(subject, schema.json)) !== undefined) registered.add(subject);
    }
    const external = plan.topics.filter((topic) => topic.external);
    const inputs = external.map(({ clusterName }) => ({
      topic: clusterName,
      partitions: 2,
      replication: 1,
      configs: {},
    }));
    const own = topicsNeeded(plan, { topics: inputs, brokerCount: 1 });
    const topics = [...inputs, ...own.map((topic) => ({ ...topic, replication: topic.replication ?? 1 }))];
    return changesFor(plan, { cluster: { topics, brokerCount: 1 }, versions, registered });
  }

  /** Registers what the text asks for; answers the lines that say so. Throws what is in the way. */
  async apply(text: string, options: Partial<PlanRequest> = {}): Promise<readonly string[]> {
    const changes = await this.changes(text, options);
    if (changes.problems.length > 0) throw new Error(changes.problems.map(({ message }) => message).join("\n"));
    for (const { subject, json } of changes.registerSchemas) this.registry.add(subject, json);
    return changes.lines;
  }
}
