import type { z } from "zod";
import type { StepDefinition } from "../../step/index.ts";
import type { SpecProblem } from "../problems.ts";
import type { MovedKey } from "../yaml/positions.ts";
import { type JsonSchema, toJsonSchema } from "./levels.ts";
import { explain, type FlatIssue, flatten, valueAt } from "./messages.ts";
import { type ModelSpec, modelSpec } from "./model-spec.ts";
import { type MonitorEntry, monitorSpec } from "./monitor-spec.ts";
import { type StageHead, stageHead } from "./stage-spec.ts";
import { type TestSpec, testSpec } from "./test-spec.ts";
import { type TopicSpec, topicSpec } from "./topic-spec.ts";
import { type TopologyHead, topologyHead, topologySpec } from "./topology-spec.ts";
import { repairKeys } from "./unknown-keys.ts";
import { kebabName } from "./values.ts";

type Path = readonly (string | number)[];

/** A part of the file that has the right shape, or undefined where it has not: that has been reported. */
export interface Part<T> {
  readonly path: Path;
  readonly spec: T | undefined;
}

/** A topic with those of its keys that are sound; every key is optional, so that the others still count. */
export interface TopicPart extends Part<TopicSpec> {
  readonly wrongKeys: ReadonlySet<string>;
}

export interface StepPart extends Part<unknown> {
  /** `path` is that of the config: `stages[0].steps[1].clamp`. */
  readonly kind: string;
  /** The config as it stands in the file, whatever its shape. */
  readonly written: unknown;
  readonly definition: StepDefinition<unknown>;
}

export interface StagePart extends Part<StageHead> {
  /** Known even when something else about the stage is wrong; undefined when the name is. */
  readonly name: string | undefined;
  /** Undefined where a step cannot be told. */
  readonly steps: readonly (StepPart | undefined)[];
}

/** A file as far as its shape allows: the parts that are wrong are named and empty. */
export interface Outline {
  readonly head: Partial<TopologyHead>;
  readonly topics: ReadonlyMap<string, TopicPart>;
  readonly stages: readonly StagePart[];
  readonly models: ReadonlyMap<string, Part<ModelSpec>>;
  readonly monitors: readonly Part<MonitorEntry>[];
  readonly tests: readonly Part<TestSpec>[];
  /** False where the key is missing or no mapping (or list) at all: references into it cannot be judged. */
  readonly has: Readonly<Record<"topics" | "stages" | "models" | "monitors", boolean>>;
}

export interface ShapeCheck {
  readonly outline: Outline;
  readonly problems: readonly SpecProblem[];
  readonly moved: readonly MovedKey[];
}

/** A key may be misspelt inside a mapping whose own key is misspelt; deeper than this the language does not go. */
const repairRoundsMax = 8;

/** The definition of the file for one catalogue of steps, made once: spec and its JSON Schema. */
export class TopologyLanguage {
  readonly catalogue: readonly StepDefinition<unknown>[];
  readonly spec: z.ZodType;
  readonly jsonSchema: JsonSchema;

  constructor(catalogue: readonly StepDefinition<unknown>[]) {
    this.catalogue = catalogue;
    this.spec = topologySpec(catalogue);
    this.jsonSchema = toJsonSchema(this.spec);
  }

  /** Checks keys, types and ranges of everything, and answers the parts that are sound. Never throws. */
  check(file: unknown): ShapeCheck {
    const repaired = structuredCopy(file);
    const problems: SpecProblem[] = [];
    const moved: MovedKey[] = [];
    let issues: FlatIssue[] = [];
    for (let round = 0; round < repairRoundsMax; round++) {
      const result = this.spec.safeParse(repaired);
      issues = result.success ? [] : flatten(result.error.issues);
      const repair = repairKeys(issues, this.jsonSchema, repaired);
      problems.push(...repair.problems);
      moved.push(...repair.moved);
      if (repair.problems.length === 0) break;
    }
    for (const issue of withoutSafeRange(issues)) {
      if (issue.issue.code !== "unrecognized_keys") problems.push(explain(issue, this.jsonSchema, repaired));
    }
    const outline = this.#outline(repaired, problems);
    return { outline, problems, moved };
  }

  #outline(file: unknown, problems: SpecProblem[]): Outline {
    const stages = listAt(file, "stages").map((value, index): StagePart => {
      const path = ["stages", index];
      const { steps, ...head } = asObject(value);
      const list = Array.isArray(steps) ? steps : steps === undefined ? [] : [undefined];
      return {
        path,
        name: parsed(kebabName, head["name"]),
        spec: parsed(stageHead, head),
        steps: list.map((step, at) => this.#step(step, [...path, "steps", at], problems)),
      };
    });
    const models = valueAt(file, ["models"]);
    const monitors = valueAt(file, ["monitors"]);
    return {
      has: {
        topics: isObject(valueAt(file, ["topics"])),
        stages: Array.isArray(valueAt(file, ["stages"])),
        models: models === undefined || isObject(models),
        monitors: monitors === undefined || Array.isArray(monitors),
      },
      head: headOf(file),
      topics: topicsOf(file),
      stages,
      models: partsAt(file, "models", modelSpec),
      monitors: listAt(file, "monitors").map((value, index) => ({
        path: ["monitors", index],
        spec: parsed(monitorSpec, value),
      })),
      tests: listAt(file, "tests").map((value, index) => ({ path: ["tests", index], spec: parsed(testSpec, value) })),
    };
  }

  /** A step is a mapping of exactly one key; JSON Schema says so with maxProperties, zod cannot. */
  #step(step: unknown, path: Path, problems: SpecProblem[]): StepPart | undefined {
    const kinds = Object.keys(asObject(step));
    const [kind] = kinds;
    if (kinds.length > 1) {
      const message = `a step is one operation, and here are ${kinds.length}: ${kinds.join(", ")}`;
      problems.push({ code: "MR_CONFLICT", path, message, hint: "begin each step with a hyphen of its own" });
      return undefined;
    }
    const definition = this.catalogue.find((candidate) => candidate.kind === kind);
    if (kind === undefined || definition === undefined) {
      const isEmpty = isObject(step) && kinds.length === 0;
      const dropped = problems.some((p) => p.path.length === path.length + 1 && path.every((x, i) => p.path[i] === x));
      if (isEmpty && !dropped) {
        const message = "the step has no operation";
        problems.push({ code: "MR_MISSING_KEY", path, message, hint: "write for example - require: [payment_id]" });
      }
      return undefined;
    }
    const written = asObject(step)[kind];
    return { path: [...path, kind], kind, written, definition, spec: parsed(definition.config, written) };
  }
}

/** That a whole number is beyond 2^53 is no news where it is beyond our own, narrower range too. */
function withoutSafeRange(issues: readonly FlatIssue[]): FlatIssue[] {
  const isSafeRange = ({ issue }: FlatIssue): boolean => "origin" in issue && issue.origin === "int";
  const pathsOf = (kept: readonly FlatIssue[]): Set<string> => new Set(kept.map(({ path }) => JSON.stringify(path)));
  const narrower = pathsOf(issues.filter((issue) => !isSafeRange(issue)));
  return issues.filter((issue) => !isSafeRange(issue) || !narrower.has(JSON.stringify(issue.path)));
}

function headOf(file: unknown): Partial<TopologyHead> {
  const head: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(topologyHead.shape)) {
    const value = parsed(schema as z.ZodType, valueAt(file, [name]));
    if (value !== undefined) head[name] = value;
  }
  return head;
}

function topicsOf(file: unknown): Map<string, TopicPart> {
  const entries = Object.entries(asObject(valueAt(file, ["topics"])));
  return new Map(
    entries.map(([name, value]) => {
      const wrongKeys = new Set<string>();
      const sound: Record<string, unknown> = {};
      for (const [key, schema] of Object.entries(topicSpec.shape)) {
        const given = asObject(value)[key];
        const result = (schema as z.ZodType).safeParse(given);
        if (!result.success) wrongKeys.add(key);
        else if (given !== undefined) sound[key] = result.data;
      }
      return [
        name,
        { path: ["topics", name], spec: isObject(value) ? parsed(topicSpec, sound) : undefined, wrongKeys },
      ];
    }),
  );
}

function partsAt<T>(file: unknown, name: string, schema: z.ZodType<T>): Map<string, Part<T>> {
  const entries = Object.entries(asObject(valueAt(file, [name])));
  return new Map(entries.map(([key, value]) => [key, { path: [name, key], spec: parsed(schema, value) }]));
}

function listAt(file: unknown, name: string): unknown[] {
  const list = valueAt(file, [name]);
  return Array.isArray(list) ? list : [];
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asObject(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** Own copy of plain values: repairs must not change what the caller holds. */
function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value))
    Object.defineProperty(copy, name, {
      value: structuredCopy(item),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return copy;
}
