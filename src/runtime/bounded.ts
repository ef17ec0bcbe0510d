/**
 * A bounded run: a stage's task over a range of its input, through the same pump as a live one. Offsets are committed
 * to nobody: a chunk is done when what it made is durable, and a run that is cut off is begun anew.
 */
import { type Clock, type Facts, type Offset, type OffsetsNext, OperationError } from "../kernel/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import { BufferBudget, type BufferShare } from "./buffer-budget.ts";
import { CountTally, type StageCounts } from "./counts.ts";
import type { BatchWriter, HandleFailure, TaskHandle, TaskSource } from "./port.ts";
import { Pump } from "./pump.ts";
import { type ChunkBounds, failureOf } from "./pump-options.ts";
import type { StageTask } from "./stage-task.ts";

/** What a run reads, and where what it makes goes. */
export interface BoundedRun {
  readonly task: StageTask;
  /** First offset of the range. */
  readonly from: Offset;
  /** The batches of the range from an offset on; asked again, from the last commit, after a failed write. */
  read(from: Offset, signal: AbortSignal): AsyncIterable<RawBatch> | Iterable<RawBatch>;
  /** A writer for each opening of the task: one that failed is dead. The run closes what it opens. */
  openWriter(): BatchWriter;
  /** When a chunk ends; with an infinite `lingerMs` nothing of it is sent before that but what is full. */
  readonly bounds: Omit<ChunkBounds, "everyMs">;
  readonly share: BufferShare;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly yieldToLoop: () => Promise<void>;
  readonly timeSliceMs: number;
  /** What follows from a throw; by default as in a live run. */
  readonly failureOf?: (thrown: unknown) => HandleFailure;
}

/**
 * Works the range off, and answers what became of its records when everything is durable.
 *
 * Rejects with what halted it: a scorer that fails as a whole, a read or a write that cannot go on; or with the
 * signal's reason. The stores of the task then hold what was durable.
 */
export async function runBounded(run: BoundedRun, signal: AbortSignal): Promise<StageCounts> {
  signal.throwIfAborted();
  const counts = new CountTally();
  const source = new BoundedSource(run, signal);
  const input = run.task.inputs[0];
  if (input === undefined) throw new TypeError("a task without an input");
  let failure: { readonly thrown: unknown } | undefined;
  const pump = new Pump({
    task: run.task.partition,
    epoch: 0,
    input,
    stage: run.task,
    source,
    share: run.share,
    bounds: { ...run.bounds, everyMs: Number.POSITIVE_INFINITY },
    // Chunks end by what they hold, so that they are the same in every run.
    alarm: { setFor: () => undefined },
    timeSliceMs: run.timeSliceMs,
    clock: run.clock,
    facts: run.facts,
    yieldToLoop: run.yieldToLoop,
    failureOf: run.failureOf ?? failureOf,
    listener: {
      begun: () => undefined,
      committed: ({ tally }) => counts.add(tally),
      fatal: (thrown) => {
        failure ??= { thrown };
      },
    },
  });
  const cut = (): void => void pump.lose();
  signal.addEventListener("abort", cut, { once: true });
  try {
    await source.run(pump, input);
  } catch (thrown) {
    failure ??= { thrown };
    await pump.lose();
  } finally {
    signal.removeEventListener("abort", cut);
    source.stop();
  }
  signal.throwIfAborted();
  if (failure !== undefined) throw failure.thrown;
  return counts.snapshot();
}

/** Reads the range into the pump, anew after every reopening, and hands what it writes to the writer of that opening. */
class BoundedSource implements TaskSource {
  readonly #run: BoundedRun;
  readonly #signal: AbortSignal;
  #committed: OffsetsNext = new Map();
  #reading = new AbortController();
  #pump: Pump | undefined;
  #input = "";
  #fail: (thrown: unknown) => void = () => undefined;

  constructor(run: BoundedRun, signal: AbortSignal) {
    this.#run = run;
    this.#signal = signal;
  }

  /** Opens the pump; resolves when it is closed, rejects when the range cannot be read. */
  run(pump: Pump, input: string): Promise<void> {
    this.#pump = pump;
    this.#input = input;
    this.#committed = new Map([[input, this.#run.from]]);
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      pump.open();
      pump.closed().then(resolve, reject);
    });
  }

  /** Reads no further. */
  stop(): void {
    this.#reading.abort(new OperationError("MR_BROKER", "the bounded run is over"));
  }

  async openTask(): Promise<TaskHandle> {
    const writer = this.#run.openWriter();
    return {
      offsetsNext: this.#committed,
      notes: new Map(),
      write: (outgoing) => writer.write(outgoing),
      commit: async (offsetsNext) => {
        await writer.flush();
        this.#committed = offsetsNext;
      },
      close: () => writer.close(),
    };
  }

  start(_task: number, offsets: OffsetsNext): void {
    this.stop();
    this.#reading = new AbortController();
    const signal = AbortSignal.any([this.#signal, this.#reading.signal]);
    this.#read(offsets.get(this.#input) ?? this.#run.from, signal).catch((thrown: unknown) => {
      if (!signal.aborted) this.#fail(thrown);
    });
  }

  pause(): void {
    this.stop();
  }

  resume(): void {
    // `start` follows.
  }

  async #read(from: Offset, signal: AbortSignal): Promise<void> {
    for await (const batch of this.#run.read(from, signal)) {
      if (signal.aborted) return;
      await this.#pump?.take(batch);
    }
    if (!signal.aborted) await this.#pump?.finish();
  }
}

/** What a stage made of records that were fed to it. */
export interface StageYield {
  /** Output batches and dead letters, by `role`, in the order they were finished. */
  readonly outgoing: readonly Outgoing[];
  readonly counts: StageCounts;
}

/**
 * Runs batches of one partition, offsets ascending, through a task as one chunk, without a broker: what `millrace test`
 * and the testing driver use. Stores keep what they learnt for the next call.
 *
 * Rejects when the scorer fails as a whole, or when the signal is aborted while the registry is down.
 */
export async function feedStage(
  task: StageTask,
  batches: readonly RawBatch[],
  signal: AbortSignal,
): Promise<StageYield> {
  const outgoing: Outgoing[] = [];
  const writer: BatchWriter = {
    write: async (finished) => void outgoing.push(...finished),
    flush: async () => undefined,
    close: async () => undefined,
  };
  const unbounded = Number.POSITIVE_INFINITY;
  const counts = await runBounded(
    {
      task,
      from: batches[0]?.offsetAsked ?? 0,
      read: () => withoutHoles(batches),
      openWriter: () => writer,
      bounds: { records: unbounded, bytes: unbounded, lingerMs: unbounded },
      share: new BufferBudget({ bytesMax: unbounded, reservedBytesPerTask: 0, bytesMaxPerTask: unbounded }).join(),
      ...task.surroundings,
      // There is nothing here that a second try could find otherwise.
      failureOf: () => "fatal",
    },
    signal,
  );
  return { outgoing, counts };
}

/** Batches need not have been asked for at the end of the one before: what lies between was never there. */
function* withoutHoles(batches: readonly RawBatch[]): Generator<RawBatch> {
  let offsetNext: Offset = Number.POSITIVE_INFINITY;
  for (const batch of batches) {
    yield { ...batch, offsetAsked: Math.min(batch.offsetAsked, offsetNext) };
    offsetNext = batch.offsetNext;
  }
}
