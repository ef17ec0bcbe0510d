import { type EpochMs, MillraceError } from "../kernel/index.ts";
import { decodeBaseline, decodePartial, isHeartbeat, Judge, type JudgeOptions } from "../monitor/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import { type OwnRecord, OwnWriters, ownRecords } from "./own-topic.ts";
import { MonitorTally, type ReplayedMonitor } from "./replay-tally.ts";

/** History that is judged again. */
export interface ReplayRequest {
  readonly broker: Broker;
  readonly registry: Pick<SchemaRegistry, "byId">;
  readonly topics: { readonly partials: string; readonly baselines: string };
  /** Each judges all of it, on its own. */
  readonly judges: readonly JudgeOptions[];
  /** Only windows that begin in it are told of; what comes before is judged, so that alerts are as they were. */
  readonly fromMs: EpochMs | undefined;
  readonly toMs: EpochMs | undefined;
}

export interface Replay {
  /** One list for each of the judges, with their monitors in their order. */
  readonly outcomes: readonly (readonly ReplayedMonitor[])[];
  /** Records that could not be read: of a later version, or not ours. */
  readonly unread: number;
}

/**
 * Judges again what the tasks have counted, as far as the topic still holds it, each record at the time when it was
 * written: the same records and settings give the verdicts that were given. Acknowledgements and silences are left out.
 *
 * @throws OperationError MR_TOPIC_MISSING
 */
export async function replayMonitors(request: ReplayRequest, signal: AbortSignal): Promise<Replay> {
  const { broker, registry, topics, fromMs = -Infinity, toMs = Infinity } = request;
  const replayed = request.judges.map((options) => ({
    judge: new Judge(options),
    tallies: new Map(options.monitors.map(({ name }) => [name, new MonitorTally(name, fromMs, toMs)])),
  }));
  const writers = new OwnWriters(registry);
  const judgeNow = (): void => {
    for (const { judge, tallies } of replayed) {
      const { verdicts, events } = judge.judge();
      for (const verdict of verdicts) tallies.get(verdict.monitor)?.addVerdict(verdict);
      for (const event of events) tallies.get(event.monitor)?.addEvent(event);
    }
  };
  let unread = 0;
  let beforeMs = Number.NaN;
  const read = async (value: Buffer, take: (writer: Awaited<ReturnType<OwnWriters["of"]>>) => void): Promise<void> => {
    try {
      take(await writers.of(value, signal));
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.disposition !== "quarantine") throw thrown;
      unread++;
    }
  };
  const baselines = new Ahead(ownRecords(broker, topics.baselines, signal));
  for await (const { value, timestampMs } of ownRecords(broker, topics.partials, signal)) {
    // Not between records of one time: what a task has told at once belongs together (J3 of the judge).
    if (timestampMs !== beforeMs) judgeNow();
    beforeMs = timestampMs;
    // What was in service then, and not what has come since.
    for (let next = await baselines.upTo(timestampMs); next !== undefined; next = await baselines.upTo(timestampMs)) {
      const { value: baseline } = next;
      if (baseline !== null)
        await read(baseline, (writer) => {
          const record = decodeBaseline(baseline, writer);
          for (const { judge } of replayed) judge.takeBaseline(record);
        });
    }
    if (value === null) continue;
    await read(value, (writer) => {
      const record = decodePartial(value, writer);
      for (const { judge } of replayed) {
        if (isHeartbeat(record)) judge.takeHeartbeat(record, timestampMs);
        else judge.takePartial(record, timestampMs);
      }
    });
  }
  judgeNow();
  return { outcomes: replayed.map(({ tallies }) => [...tallies.values()].map((tally) => tally.outcome)), unread };
}

/** Records of a topic that are read no further than to a time. */
class Ahead {
  readonly #records: AsyncGenerator<OwnRecord>;
  #next: OwnRecord | undefined;
  #isOver = false;

  constructor(records: AsyncGenerator<OwnRecord>) {
    this.#records = records;
  }

  /** The next one that was written by then; undefined while there is none. */
  async upTo(timestampMs: EpochMs): Promise<OwnRecord | undefined> {
    if (this.#next === undefined && !this.#isOver) {
      const result = await this.#records.next();
      this.#isOver = result.done === true;
      this.#next = result.done === true ? undefined : result.value;
    }
    const next = this.#next;
    if (next === undefined || next.timestampMs > timestampMs) return undefined;
    this.#next = undefined;
    return next;
  }
}
