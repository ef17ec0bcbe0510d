import { assert, type Hasher } from "../../kernel/index.ts";
import { type StepDefinition, stepCatalogue } from "../../step/index.ts";
import type { Plan, PlannedStage, PlannedTopic } from "../plan/plan.ts";
import { hashedText, hashedWork } from "../plan/print.ts";
import type { RegisteredVersions } from "../plan/registered.ts";
import { inFileOrder, type LocatedProblem, type SpecProblem } from "../problems.ts";
import { defaults } from "../spec/defaults.ts";
import { type Outline, TopologyLanguage } from "../spec/shape.ts";
import type { TopologyHead } from "../spec/topology-spec.ts";
import { namespaceName } from "../spec/values.ts";
import type { Environment, FileText } from "../yaml/environment.ts";
import { locate, readSource, type SourceDocument } from "../yaml/read.ts";
import type { SourceBytes } from "../yaml/source-text.ts";
import { cutExpressions, explainCuts, warningsOfCuts } from "./cut-expressions.ts";
import { Findings, quoted } from "./findings.ts";
import { finishStage } from "./finish-stage.ts";
import { labelStages } from "./label-stages.ts";
import { planModels } from "./models.ts";
import { addTaps, planMonitoring } from "./monitors.ts";
import { checkReasons, checkRollouts, checkTrainerName, warnOfHooks } from "./retraining.ts";
import { planStage } from "./stages.ts";
import { planTests } from "./tests.ts";
import {
  checkChangelogNames,
  checkTopicFields,
  draftTopics,
  finishTopic,
  inNamespace,
  type TopicDraft,
} from "./topics.ts";
import { warn, warnShadowed } from "./warnings.ts";
import { type WiredStage, wireStages } from "./wiring.ts";
import { numbersAsWritten } from "./written-numbers.ts";

type Path = readonly (string | number)[];

/** The language with the stock steps, made once: building it and its JSON Schema takes some milliseconds. */
export const topologyLanguage = new TopologyLanguage(Object.values(stepCatalogue) as StepDefinition<unknown>[]);

/** What a plan is made from; nothing else is looked at, so that the same request gives the same plan every time. */
export interface PlanRequest {
  /** The file as it was read, and its name as messages show it. */
  readonly text: SourceBytes;
  readonly file: string;
  readonly environment: Environment;
  /** What `${file:/path}` stands for; left out, it is refused. */
  readonly fileText?: FileText | undefined;
  /** The files `*.avsc` as they were read, by name without the ending. */
  readonly schemas: ReadonlyMap<string, SourceBytes>;
  /** Where they lie, as messages show it; `schemas` when left out. */
  readonly schemaFolder?: string | undefined;
  /** Wins over `namespace:` of the file, and is held to the same rule. */
  readonly namespace?: string | undefined;
  /** Names of the stock generators, to check `sample:`; left out, any name is taken. */
  readonly generators?: readonly string[] | undefined;
  /**
   * What is registered already: inferred schemas take it into account, so that they read the records that are there.
   * Left out, the plan is that of a first `apply`.
   */
  readonly registered?: RegisteredVersions | undefined;
  readonly hasher: Hasher;
}

/** A plan, or everything that is wrong with the file, in the file's order. */
export type PlanResult =
  | { readonly plan: Plan; readonly problems: readonly [] }
  | { readonly plan: undefined; readonly problems: readonly LocatedProblem[] };

/**
 * Reads a file and checks its shape: YAML, variables, keys, types and ranges, but nothing that depends on another part
 * of the file or on a schema. `document` is undefined when the text is no YAML. Never throws.
 */
export function parseTopology(
  text: SourceBytes,
  file: string,
  environment: Environment,
): { readonly document: SourceDocument | undefined; readonly problems: readonly LocatedProblem[] } {
  const reading = readSource(text, file, { environment });
  const source = reading.document;
  if (source === undefined) return { document: undefined, problems: inFileOrder(reading.problems, file) };
  const shape = topologyLanguage.check(numbersAsWritten(source.value, topologyLanguage.jsonSchema, source.positions));
  const positions = source.positions.withMoved(shape.moved);
  const cuts = cutExpressions(source.value, topologyLanguage.jsonSchema, positions);
  const known = shape.problems.filter((problem) => isKnown(problem, source));
  const placed = explainCuts(known, cuts).map((problem) => locate(problem, file, positions));
  return { document: source, problems: inFileOrder([...reading.problems, ...placed], file) };
}

/** Checks a topology file as a whole and resolves it. Never throws on what a user wrote. */
export function planTopology(request: PlanRequest): PlanResult {
  const reading = readSource(request.text, request.file, request);
  const source = reading.document;
  if (source === undefined) return { plan: undefined, problems: inFileOrder(reading.problems, request.file) };
  const shape = topologyLanguage.check(numbersAsWritten(source.value, topologyLanguage.jsonSchema, source.positions));
  const findings = new Findings(shape.problems);
  const positions = source.positions.withMoved(shape.moved);
  const placed = (problem: SpecProblem): LocatedProblem => locate(problem, request.file, positions);
  const draft = new Planning(request, shape.outline, findings).run((path) =>
    placed({ code: "MR_YAML", path, message: "" }),
  );
  const known = [...shape.problems, ...findings.problems].filter((problem) => isKnown(problem, source));
  const cuts = cutExpressions(source.value, topologyLanguage.jsonSchema, positions);
  const problems = inFileOrder([...reading.problems, ...explainCuts(known, cuts).map(placed)], request.file);
  if (problems.length > 0) return { plan: undefined, problems };
  assert(draft !== undefined, `${request.file}: nothing is reported, and there is no plan`);
  const read = [...reading.warnings, ...warningsOfCuts(cuts, request.file, positions)];
  const plan = { ...draft, warnings: inFileOrder([...read, ...findings.warnings.map(placed)], request.file), hash: "" };
  const { hasher } = request;
  const monitoring = plan.monitoring && { ...plan.monitoring, workHash: hasher.sha256(hashedWork(plan)) };
  return { plan: { ...plan, monitoring, hash: hasher.sha256(hashedText(plan)) }, problems: [] };
}

/** A value that a missing variable leaves open is reported as that and nothing else. */
function isKnown(problem: SpecProblem, { unknown }: SourceDocument): boolean {
  return !unknown.some((path) => path.every((part, index) => problem.path[index] === part));
}

type PlanDraft = Omit<Plan, "warnings" | "hash">;

class Planning {
  readonly #request: PlanRequest;
  readonly #outline: Outline;
  readonly #findings: Findings;

  constructor(request: PlanRequest, outline: Outline, findings: Findings) {
    this.#request = request;
    this.#outline = outline;
    this.#findings = findings;
  }

  /** Undefined when a problem left a hole. */
  run(placeOf: (path: Path) => LocatedProblem): PlanDraft | undefined {
    const { head, has } = this.#outline;
    if (!has.topics || !has.stages) return undefined;
    const findings = this.#findings;
    const namespace = this.#request.namespace ?? head.namespace ?? "";
    const topology = head.name ?? "";
    const { schemas, schemaFolder = "schemas" } = this.#request;
    const names = { topology, namespace, schemas, schemaFolder };
    this.#checkSample();
    this.#checkNamespace();
    const topics = draftTopics(this.#outline, names, findings);
    const wired = wireStages(this.#outline, topics, findings);
    const unwired = topicsOfBrokenStages(this.#outline, wired);
    for (const name of unwired) markBroken(topics.get(name));
    for (const topic of topics.values()) checkTopicFields(topic, findings);
    const surroundings = { topology, registered: this.#request.registered };
    const drafts = wired
      .map((stage) => planStage(stage, surroundings, findings))
      .filter((stage) => stage !== undefined);
    for (const topic of topics.values()) finishUnwritten(topic, unwired.size > 0, findings);
    const models = planModels(this.#outline, topics, drafts, findings);
    const sound = [...topics.values()].filter((topic) => !topic.isBroken);
    const planned = new Map(sound.map((topic): [TopicDraft, PlannedTopic] => [topic, finishTopic(topic)]));
    const stages = new Map<string, PlannedStage | undefined>(
      this.#outline.stages.flatMap(({ name }) => (name === undefined ? [] : [[name, undefined]])),
    );
    for (const draft of drafts) {
      const stage = finishStage(draft, planned, models, inNamespace(namespace, topology));
      if (stage !== undefined) stages.set(stage.name, stage);
    }
    const tests = planTests(this.#outline, stages, placeOf, findings);
    const { hasher } = this.#request;
    const mayBeWritten = unwired.size > 0;
    const monitoring = planMonitoring(
      { outline: this.#outline, names, topics, stages, models, mayBeWritten, hasher },
      findings,
    );
    checkReasons(this.#outline, models.values(), stages.values(), monitoring, findings);
    checkRollouts(this.#outline, models.values(), stages.values(), findings);
    addTaps(stages, monitoring);
    const complete = [...stages.values()].filter((stage) => stage !== undefined);
    const pathOf = (name: string): Path => this.#outline.stages.find(({ spec }) => spec?.name === name)?.path ?? [];
    const hasLabel = [...models.values()].some((model) => model?.label !== undefined);
    if (hasLabel) checkTrainerName(this.#outline, findings);
    checkChangelogNames(complete, topics, pathOf, findings);
    if (findings.problems.length > 0 || head.delivery === undefined || complete.length !== this.#outline.stages.length)
      return undefined;
    const inFlow = drafts.flatMap((draft) => stages.get(draft.wired.head.name) ?? []);
    for (const topic of topics.values()) warnShadowed(topic, inFlow, findings);
    warn(inFlow, pathOf, findings);
    warnOfHooks(this.#outline, models.values(), findings);
    // Stages of Millrace's own behind those of the file.
    const added = labelStages(monitoring, models, inNamespace(namespace, topology));
    inFlow.push(...added);
    return {
      topology,
      description: head.description,
      owner: head.owner,
      namespace,
      delivery: head.delivery,
      commit: {
        everyMs: head.commit?.everyMs ?? defaults.commit.everyMs,
        records: head.commit?.records ?? defaults.commit.records,
        lingerMs: head.commit?.lingerMs ?? defaults.commit.lingerMs,
      },
      limits: { recordBytes: head.limits?.recordBytes ?? defaults.limits.recordBytes },
      sample: head.sample && sampleOf(head.sample),
      topics: [...planned.values(), ...added.slice(0, 1).map(({ to }) => to)],
      stages: inFlow,
      models: [...models.values()].filter((model) => model !== undefined),
      deadLetters: {
        clusterName: inNamespace(namespace, `${topology}.dead-letters`),
        partitions: widest(inFlow),
      },
      control: {
        clusterName: inNamespace(namespace, `${topology}.control`),
        aliasesId: inNamespace(namespace, `${topology}.aliases`),
      },
      accounts: { clusterName: inNamespace(namespace, `${topology}.accounts`), partitions: widest(inFlow) },
      adoptions: adoptionsOf(inFlow, inNamespace(namespace, `${topology}.adoptions`)),
      monitoring,
      retraining: hasLabel
        ? {
            clusterName: inNamespace(namespace, `${topology}.retraining`),
            group: inNamespace(namespace, `${topology}.trainer`),
          }
        : undefined,
      tests,
    };
  }

  /** The one given beside the file; the file's own was checked with its shape. */
  #checkNamespace(): void {
    const given = this.#request.namespace;
    const result = namespaceName.safeParse(given ?? "");
    const message = result.error?.issues[0]?.message;
    if (message === undefined) return;
    const hint = `choose another namespace than the given ${quoted(given ?? "")}`;
    this.#findings.problem("MR_OUT_OF_RANGE", ["namespace"], message, hint);
  }

  #checkSample(): void {
    const generator = this.#outline.head.sample?.generator;
    const known = this.#request.generators;
    if (generator === undefined || known === undefined || known.includes(generator)) return;
    this.#findings.dangling(["sample", "generator"], "stock generator", generator, known);
  }
}

/** Topics that a stage whose shape is wrong may have written: their schema cannot be known. */
function topicsOfBrokenStages(outline: Outline, wired: readonly WiredStage[]): Set<string> {
  if (wired.length === outline.stages.length) return new Set();
  const written = new Set(wired.map((stage) => stage.to.name));
  return new Set([...outline.topics.keys()].filter((name) => !written.has(name)));
}

function markBroken(topic: TopicDraft | undefined): void {
  if (topic !== undefined && topic.schema === undefined) topic.isBroken = !topic.external || topic.isBroken;
}

/** Topics that no stage writes: labels and inboxes. One that is ours to create has one partition unless it says. */
function finishUnwritten(topic: TopicDraft, mayBeWritten: boolean, findings: Findings): void {
  if (topic.writers.length > 0 || topic.isBroken) return;
  if (!topic.external) topic.partitions ??= 1;
  if (!topic.external && topic.schema === undefined && !mayBeWritten) {
    topic.isBroken = true;
    const message = `topic ${topic.name} has no schema, and no stage writes it from which one could follow`;
    findings.problem(
      "MR_SCHEMA",
      topic.path,
      message,
      "name a file in schemas/, or write external: true if others make it",
    );
  }
}

function adoptionsOf(stages: readonly PlannedStage[], clusterName: string): Plan["adoptions"] {
  return stages.some(({ infer }) => infer !== undefined) ? { clusterName } : undefined;
}

function widest(stages: readonly PlannedStage[]): number | undefined {
  const counts = stages.map((stage) => stage.from.partitions);
  return counts.includes(undefined) ? undefined : Math.max(...counts.map((count) => count ?? 1));
}

function sampleOf({ generator, seed, perSecond }: NonNullable<TopologyHead["sample"]>): NonNullable<Plan["sample"]> {
  return { generator, seed: seed ?? defaults.sample.seed, perSecond: perSecond ?? defaults.sample.perSecond };
}
