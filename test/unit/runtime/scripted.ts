import { Facts, type LogFields, type Logger, type OffsetsNext, silentLogger } from "../../../src/kernel/index.ts";
import { BufferBudget } from "../../../src/runtime/buffer-budget.ts";
import { CountTally } from "../../../src/runtime/counts.ts";
import type { Membership, StageTask, TaskHandle } from "../../../src/runtime/index.ts";
import { Pump } from "../../../src/runtime/pump.ts";
import { failureOf, type PumpOptions } from "../../../src/runtime/pump-options.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { AutoClock, nextTurn } from "./fixture.ts";

type Answer = Error | undefined | Promise<Error | undefined>;

/** A broker of one task that answers as the test says and remembers what it was asked. */
class ScriptedBroker implements Membership {
  readonly troubled = [];
  /** What the group has committed. */
  offset = 0;
  /** What was left with it. */
  note: string | undefined;
  readonly calls: string[] = [];
  readonly written: Outgoing[] = [];
  onOpen: () => Answer = () => undefined;
  onWrite: (outgoing: readonly Outgoing[]) => Answer = () => undefined;
  /** A commit lands unless this answers an error; `landsAnyway` makes it land all the same. */
  onCommit: (offset: number) => Answer = () => undefined;
  landsAnyway = false;

  async openTask(): Promise<TaskHandle> {
    this.calls.push("open");
    const refused = await this.onOpen();
    if (refused !== undefined) throw refused;
    return {
      offsetsNext: new Map([["orders-0", this.offset]]),
      notes: this.note === undefined ? new Map() : new Map([["orders-0", this.note]]),
      write: async (outgoing) => {
        this.calls.push(`write ${outgoing.map((batch) => batch.recordCount).join(" ")}`);
        const error = await this.onWrite(outgoing);
        if (error !== undefined) throw error;
        this.written.push(...outgoing);
      },
      commit: async (offsets, note) => {
        const offset = offsets.get("orders-0") ?? -1;
        this.calls.push(`commit ${offset}`);
        const error = await this.onCommit(offset);
        if (error === undefined || this.landsAnyway) {
          this.offset = offset;
          this.note = note;
        }
        if (error !== undefined) throw error;
      },
      close: async () => {
        this.calls.push("close");
      },
    };
  }

  start(_task: number, offsets: OffsetsNext): void {
    this.calls.push(`start ${offsets.get("orders-0")}`);
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  async leave(): Promise<void> {
    this.calls.push("leave");
  }
}

export interface PumpBench {
  readonly pump: Pump;
  readonly broker: ScriptedBroker;
  readonly clock: AutoClock;
  readonly budget: BufferBudget;
  readonly committed: CountTally;
  readonly fatal: unknown[];
  readonly logged: { level: string; message: string; fields: LogFields }[];
  /** Lets pending turns of the event loop pass. */
  settle(): Promise<void>;
}

/** A pump on a scripted broker; chunks of 10 records or 100 ms. */
export function pumpOf(stage: StageTask, more: Partial<PumpOptions> = {}, clock = new AutoClock()): PumpBench {
  const broker = new ScriptedBroker();
  const budget = new BufferBudget({ bytesMax: 1_000_000, reservedBytesPerTask: 0 });
  const committed = new CountTally();
  const fatal: unknown[] = [];
  const logged: PumpBench["logged"] = [];
  const log = (level: string) => (fields: LogFields, message: string) => void logged.push({ level, message, fields });
  const logger: Logger = { ...silentLogger, info: log("info"), warn: log("warn"), error: log("error") };
  const pump = new Pump({
    task: 0,
    epoch: 1,
    input: "orders-0",
    stage,
    source: broker,
    failureOf,
    share: budget.join(),
    bounds: { records: 10, bytes: 1_000_000, everyMs: 100, lingerMs: 5 },
    // These tests tick by hand.
    alarm: { setFor: () => undefined },
    timeSliceMs: 10,
    clock,
    facts: new Facts(logger),
    yieldToLoop: nextTurn,
    listener: {
      begun: () => undefined,
      committed: ({ tally }) => committed.add(tally),
      fatal: (error) => fatal.push(error),
    },
    ...more,
  });
  pump.open();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  };
  return { pump, broker, clock, budget, committed, fatal, logged, settle };
}
