import type { CompiledProgram } from "../expression/index.ts";
import type { Clock, Facts } from "../kernel/index.ts";
import type { StepMemory } from "../step/index.ts";
import type { AccountLog } from "./account-log.ts";
import type { TaskModel } from "./adoption/task-model.ts";
import type { Changelog } from "./changelog.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { FailurePolicy } from "./failure-policy.ts";
import type { Inference } from "./inference.ts";
import type { InputReader } from "./input-reader.ts";
import type { Outbox } from "./outbox.ts";
import type { OutputEncoder } from "./output-encoder.ts";
import type { ServedModel } from "./served-model.ts";
import type { ShadowScorer } from "./shadow-scorer.ts";
import type { TaskTap } from "./tap/task-tap.ts";
import type { WriterSchemas } from "./writer-schemas.ts";

/** Everything a task works with; made by `compileStage`. */
export interface StageTaskParts {
  readonly partition: number;
  /** Keys of the input topic-partitions, in the order in which records are named by them. */
  readonly inputs: readonly string[];
  readonly eventIdStem: string;
  readonly reader: InputReader;
  /** The values of its input name a schema each, as Avro's do. */
  readonly hasSchemas: boolean;
  readonly writers: WriterSchemas;
  readonly program: CompiledProgram;
  readonly memories: readonly StepMemory[];
  /** Of the stores that are written down; their outlets are among those of the outbox. */
  readonly changelogs: readonly Changelog[];
  /** Where it leaves its account, an outlet of the outbox too; undefined for a task that leaves none. */
  readonly accountLog: AccountLog | undefined;
  /** What the monitors of the output see of it; undefined where there is none. */
  readonly tap: TaskTap | undefined;
  readonly inference: Inference | undefined;
  /** What it scores with from the start; undefined where it follows an alias, or does not score. */
  readonly model: ServedModel | undefined;
  /** What says which version it scores with; undefined where that never changes. */
  readonly following: TaskModel | undefined;
  /** What scores beside it; undefined where nothing ever does. */
  readonly shadow: ShadowScorer | undefined;
  readonly encoder: OutputEncoder;
  /** Field whose text is the output's key; undefined copies the input's key bytes. */
  readonly keyField: string | undefined;
  readonly eventTimeField: string | undefined;
  /** Everything that the task writes. */
  readonly outbox: Outbox;
  /** Which outlet takes the rows, and which the dead letters that `deadLetters` makes. */
  readonly outputOutlet: number;
  readonly deadLetterOutlet: number;
  readonly deadLetters: DeadLetters;
  /** Whether a record that fails becomes one. */
  readonly failures: FailurePolicy;
  readonly recordBytesMax: number;
  /** Filters records without a value, instead of making dead letters of them. */
  readonly dropsTombstones: boolean;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly yieldToLoop: () => Promise<void>;
  readonly timeSliceMs: number;
}
