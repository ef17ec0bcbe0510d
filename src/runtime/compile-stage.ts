import { compileProgram, type Passing } from "../expression/index.ts";
import { type Clock, Facts, type Logger, silentAfterMs, topicPartitionKey } from "../kernel/index.ts";
import { createJsonReader, type JsonReader, type RecordSchema, type SchemaRegistry } from "../schema/index.ts";
import type { Store } from "../state/index.ts";
import type { Plan, PlannedStage } from "../topology/index.ts";
import type { Deflate } from "../wire/index.ts";
import { AccountLog } from "./account-log.ts";
import { type StageAdoption, TaskModel } from "./adoption/task-model.ts";
import { TaskShadow } from "./adoption/task-shadow.ts";
import { Changelog } from "./changelog.ts";
import { challengerAlias } from "./control/aliases.ts";
import { DeadLetters } from "./dead-letters.ts";
import { FailurePolicy } from "./failure-policy.ts";
import { Inference, type ScorerLimit } from "./inference.ts";
import { AvroInput, eventIdStem, ForeignJsonInput, IngestInput, type InputReader, JsonInput } from "./input-reader.ts";
import { Outbox, type Outlet } from "./outbox.ts";
import { OutputBatches, type OutputTopic } from "./output-batches.ts";
import { OutputEncoder } from "./output-encoder.ts";
import { rowPathOf } from "./row-path.ts";
import type { ServedModel } from "./served-model.ts";
import { ShadowScorer } from "./shadow-scorer.ts";
import { StageTask } from "./stage-task.ts";
import { StageTranscoders } from "./stage-transcoders.ts";
import { StageTap, type StageTapDeps } from "./tap/stage-tap.ts";
import type { WaitListener } from "./wait-out.ts";
import { WriterSchemas } from "./writer-schemas.ts";

/** A time slice ends a piece, so that the tasks and stages of a process take turns well within a heartbeat. */
export const timeSliceMsDefault = 10;

/** What a stage meets on the cluster and in its process. */
export interface StageDeps {
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the stage says what happens; left out, it has a log of its own over `logger`. */
  readonly facts?: Facts;
  readonly output: OutputTopic;
  readonly deadLetters: OutputTopic;
  /** Registry id of the output schema; of no meaning when the output is JSON. */
  readonly outputSchemaId: number;
  /** Compresses dead letters; undefined leaves them plain. */
  readonly deflateGzip: Deflate | undefined;
  /** Topics in which stores are written down, by name of the store; a store that is not named is volatile. */
  readonly changelogs?: ReadonlyMap<string, OutputTopic>;
  /** Where tasks leave their accounts; left out, they leave none. */
  readonly accounts?: OutputTopic;
  /** What monitors of the output need; left out, nobody counts its rows. */
  readonly tap?: StageTapDeps | undefined;
  /** What tasks need to follow an alias; left out, a stage that infers serves the version that it is opened with. */
  readonly adoption?: StageAdoption | undefined;
  /** Where a challenger's scores go; left out, none scores. */
  readonly shadow?: OutputTopic | undefined;
  /** Outlets of a task's own beside its output and its dead letters; they are written and reset with those. */
  readonly furtherOutlets?: (partition: number) => readonly Outlet[];
  /** Resolves in a later turn of the event loop. */
  readonly yieldToLoop: () => Promise<void>;
  readonly timeSliceMs?: number;
  /** Told when the schema registry is waited for longer than it may. */
  readonly onLongWait?: WaitListener;
  /** How long a scorer may take for a micro-batch; 30 s. */
  readonly scorerTimeoutMs?: number;
  /**
   * False decodes every record whole and encodes every field, as the oracle of what is copied does. Left out: Avro
   * that no step assigns is copied.
   */
  readonly copiesThrough?: boolean;
}

/** A stage that is ready to be opened on any of its input partitions. */
export interface CompiledStage {
  readonly stage: PlannedStage;
  /** Names of the stores that each task has. */
  readonly storeNames: readonly string[];
  /** Fields that an ingest dropped because the schema does not have them, since the stage was compiled. */
  readonly unknownFields: number;
  /**
   * A task with stores and batches of its own. `model` is what an infer stage scores with; one that follows an alias needs
   * none, and serves what was adopted before its first record.
   * @throws OperationError MR_MODEL when the model was trained on other inputs
   */
  openTask(partition: number, model?: ServedModel): StageTask;
}

/**
 * Compiles a stage of a plan: what the pump, `millrace test` and the testing driver all run.
 *
 * Decoders, the encoder and its scratch buffer are shared by the stage's tasks, which take turns and never
 * interleave inside a synchronous phase.
 */
export function compileStage(plan: Plan, stage: PlannedStage, deps: StageDeps): CompiledStage {
  const { clock } = deps;
  const facts = deps.facts ?? new Facts(deps.logger, { stage: stage.name });
  // JSON is written out of whole rows.
  const path = stage.toFormat === "avro" && deps.copiesThrough !== false ? rowPathOf(stage) : undefined;
  const transcoders = new StageTranscoders(
    stage,
    { reads: path?.reads ?? "whole", values: path?.values, copies: true },
    facts,
  );
  const writers = new WriterSchemas({
    make: (text, id) => transcoders.parts(text, id),
    yieldToLoop: deps.yieldToLoop,
    registry: deps.registry,
    clock,
    facts,
    onLongWait: deps.onLongWait ?? (() => undefined),
  });
  const encoder = new OutputEncoder({
    schema: outputSchema(stage),
    format: stage.toFormat,
    schemaId: deps.outputSchemaId,
    bytesMax: plan.limits.recordBytes,
    ...(path === undefined ? {} : { values: path.values }),
  });
  const stageTap = deps.tap && new StageTap(deps.tap, stage.name, outputSchema(stage));
  const ingestReader = ingestReaderOf(stage);
  const avroInputs: AvroInput[] = [];
  const inputOf = (): InputReader => {
    if (stage.fromFormat === "json") {
      return ingestReader === undefined ? new JsonInput(stage.reader) : new ForeignJsonInput(ingestReader);
    }
    const input = new AvroInput(writers);
    avroInputs.push(input);
    return input;
  };
  return {
    stage,
    get unknownFields() {
      const direct = avroInputs.reduce((sum, input) => sum + input.unknownFields, ingestReader?.unknownFields ?? 0);
      return direct + transcoders.nestedUnknown.count;
    },
    storeNames: stage.memories.map((memory) => memory.store.name),
    openTask: (partition, model) => {
      const memories = stage.memories.map((memory) => memory.create());
      const idStem = eventIdStem(stage, plan.namespace, partition);
      const outputs: Outlet = { batches: new OutputBatches(deps.output, "output", undefined), onRefusal: "set-aside" };
      const origin = { topology: plan.topology, stage: stage.name };
      const deadLetters = new DeadLetters(deps.deadLetters, origin, deps.deflateGzip);
      const shadow = shadowOf(stage, path?.prediction, { ...deps, facts }, partition);
      const following = followingOf(stage, deps.adoption, partition, shadow, clock);
      const tap = stageTap?.ofTask(partition);
      const changelogOf = (store: Store, isNoted: boolean): Changelog[] => {
        const topic = deps.changelogs?.get(store.spec.name);
        return topic === undefined ? [] : [new Changelog(store, topic, partition, isNoted)];
      };
      const changelogs = [
        ...memories.flatMap(({ store }) => changelogOf(store, true)),
        ...(tap?.counters ?? []).flatMap(({ store }) => changelogOf(store, false)),
      ];
      const accountLog = deps.accounts && new AccountLog(deps.accounts, stage.name, partition);
      const furtherOutlets = deps.furtherOutlets?.(partition) ?? [];
      if (stage.infer !== undefined && model === undefined && following === undefined)
        throw new TypeError(`stage ${stage.name}: opened without its model`);
      return new StageTask({
        partition,
        inputs: [topicPartitionKey(stage.from.clusterName, partition)],
        eventIdStem: idStem,
        reader: stage.ingest === undefined ? inputOf() : new IngestInput(stage, inputOf(), idStem),
        hasSchemas: stage.fromFormat === "avro",
        writers,
        program: compileProgram(stage.program, memories, path === undefined ? {} : { passing: path.steps }),
        memories,
        changelogs,
        accountLog,
        tap,
        inference: inferenceOf(stage, path?.prediction, { clock, afterMs: deps.scorerTimeoutMs ?? silentAfterMs }),
        model,
        following,
        shadow,
        encoder,
        keyField: stage.keyField,
        eventTimeField: stage.eventTimeField,
        outbox: new Outbox(
          [
            outputs,
            { batches: deadLetters.batches, onRefusal: "shorten" },
            ...changelogs.map(({ outlet }) => outlet),
            ...(tap === undefined ? [] : [tap.outlet]),
            ...(accountLog === undefined ? [] : [accountLog.outlet]),
            ...(following === undefined ? [] : [following.outlet]),
            ...furtherOutlets,
            ...(shadow === undefined ? [] : [shadow.outlet]),
          ],
          1,
        ),
        outputOutlet: 0,
        deadLetterOutlet: 1,
        deadLetters,
        failures: new FailurePolicy(stage),
        recordBytesMax: plan.limits.recordBytes,
        dropsTombstones: stage.ingest?.tombstones === "drop",
        clock,
        facts,
        yieldToLoop: deps.yieldToLoop,
        timeSliceMs: deps.timeSliceMs ?? timeSliceMsDefault,
      });
    },
  };
}

function outputSchema(stage: PlannedStage): RecordSchema {
  const { schema } = stage.to;
  if (schema === undefined) throw new TypeError(`stage ${stage.name}: its output topic has no schema`);
  return schema;
}

function followingOf(
  { name, from, infer }: PlannedStage,
  adoption: StageAdoption | undefined,
  partition: number,
  scorer: ShadowScorer | undefined,
  clock: Clock,
): TaskModel | undefined {
  if (infer === undefined || adoption === undefined) return undefined;
  const { model, alias } = infer;
  const place = { stage: name, topic: from.clusterName, partition, model, alias };
  const { challenger } = adoption;
  const shadow =
    scorer === undefined || challenger === undefined
      ? undefined
      : new TaskShadow({ challenger, scorer, place: { ...place, alias: challengerAlias }, clock });
  return new TaskModel(adoption, place, shadow);
}

function shadowOf(
  stage: PlannedStage,
  passing: Passing | undefined,
  { shadow: topic, clock, facts, adoption }: StageDeps & { readonly facts: Facts },
  partition: number,
): ShadowScorer | undefined {
  const { infer } = stage;
  if (infer === undefined || topic === undefined || adoption?.challenger === undefined) return undefined;
  return new ShadowScorer({ stage, infer, topic, partition, passing, clock, facts });
}

function inferenceOf(stage: PlannedStage, passing: Passing | undefined, limit: ScorerLimit): Inference | undefined {
  return stage.infer && new Inference(stage, stage.infer, passing, limit);
}

function ingestReaderOf({ ingest, keyField, eventTimeField }: PlannedStage): JsonReader | undefined {
  if (ingest === undefined) return undefined;
  const { schema, casts, supplied, timesFromMs, extract } = ingest;
  return createJsonReader({
    schema,
    casts,
    supplied,
    extract,
    timesFromMs,
    ...(keyField === undefined ? {} : { key: keyField }),
    ...(eventTimeField === undefined ? {} : { eventTime: eventTimeField }),
  });
}
