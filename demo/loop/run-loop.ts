/** The loop from beginning to end: a drift, an alert that names its cause, a retraining, a promotion at an offset. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/adapters/node/index.ts";
import { createPeopleLogger } from "../../src/app/people-logger.ts";
import type { Environment } from "../../src/app/settings.ts";
import { openArtefacts } from "../../src/app/wire.ts";
import { formatIsoTime } from "../../src/kernel/index.ts";
import { type LoggedEvent, readAlertEvents } from "../../src/monitoring/alert-log.ts";
import type { Row } from "../../src/schema/index.ts";
import { Chain, modelsFolder } from "../chain.ts";
import { feed } from "../feed.ts";
import { eventsOf, type FlightEvents, type Flights, februaryMs, readFlights } from "../flights.ts";
import { compareVersions } from "./both-versions.ts";
import { withHeadwind } from "./headwind.ts";
import { closing, type IncidentTold, type LoopResult, opening } from "./loop-story.ts";

const topologyFile = fileURLToPath(new URL("flights-loop.yaml", import.meta.url));
const airport = "ORD";
const model = "late";
const dayMs = 86_400_000;
const daysInFebruary = 28;
const driftMs = februaryMs + 8 * dayMs;
/** Days that a retraining learns from: a week, so that every weekday is among them. */
const retrainedDays = 7;
const lateAboveMin = 15;

export interface LoopOptions {
  readonly isDrifting: boolean;
  readonly out: string;
  readonly environment: Environment;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export async function runLoop(options: LoopOptions, signal: AbortSignal): Promise<LoopResult> {
  const startedAtMs = systemClock.monotonicMs();
  const { isDrifting, out, environment, stdout, stderr } = options;
  stdout(opening(airport, isDrifting));
  const read = await readFlights([airport]);
  const flights = isDrifting ? withHeadwind(read, driftMs) : read;
  await mkdir(out, { recursive: true });
  const log = createWriteStream(join(out, "loop.log"));
  const logger = createPeopleLogger((text) => log.write(text), systemClock.now);
  const terminal = createPeopleLogger(stderr, systemClock.now);
  const place = { brokers: undefined, delivery: undefined, file: topologyFile, out, environment };
  const chain = await Chain.open({ ...place, logger, terminal }, signal);
  try {
    const loop = new Loop(options, chain, flights, signal);
    const result = { ...(await loop.run()), seconds: (systemClock.monotonicMs() - startedAtMs) / 1_000 };
    stdout(closing(result));
    return result;
  } finally {
    await chain.close(false);
    log.end();
  }
}

class Loop {
  readonly #options: LoopOptions;
  readonly #chain: Chain;
  readonly #flights: Flights;
  readonly #events: FlightEvents;
  readonly #signal: AbortSignal;
  readonly #promotions: { from: number; to: number; at: number }[] = [];
  #version = 0;
  /** Events on the log of alerts that were looked at. */
  #seen = 0;

  constructor(options: LoopOptions, chain: Chain, flights: Flights, signal: AbortSignal) {
    this.#options = options;
    this.#chain = chain;
    this.#flights = flights;
    this.#events = eventsOf(flights, [airport]);
    this.#signal = signal;
  }

  async run(): Promise<Omit<LoopResult, "seconds">> {
    const chain = this.#chain;
    await chain.start(["ingest", "landings", "features"], this.#signal);
    let fed = await this.#feed(0, februaryMs);
    this.#version = await this.#train(februaryMs);
    await chain.start(["score"], this.#signal);
    await chain.start(["monitor"], this.#signal, true);
    for (let day = 1; day <= daysInFebruary; day++) {
      const endMs = februaryMs + day * dayMs;
      fed = await this.#feed(fed, endMs);
      await chain.untilJudged(this.#signal);
      for (const { event } of await this.#newEvents()) {
        this.#say(`${formatIsoTime(endMs).slice(0, 10)}  ${event.summary}\n`);
        if (event.type === "millrace.incident.opened") await this.#retrain(endMs, event.incident ?? event.id);
      }
    }
    await chain.drain();
    const found = this.#events.atMs.findIndex((at) => at >= driftMs);
    return {
      injectedAt: this.#options.isDrifting ? found : undefined,
      incidents: incidentsOf(await this.#alerts()),
      promotions: this.#promotions,
      aucs: await this.#compare(),
    };
  }

  /** Sends what happens before a moment. @returns the event that is next */
  async #feed(from: number, endMs: number): Promise<number> {
    const found = this.#events.atMs.findIndex((at) => at >= endMs);
    const to = found === -1 ? this.#events.count : found;
    const range = { flights: this.#flights, events: this.#events, broken: [], from, to };
    await feed({ ...range, target: this.#chain, now: systemClock.now, progress: () => undefined }, this.#signal);
    await this.#chain.untilCaughtUp(this.#signal);
    return to;
  }

  async #train(toMs: number, more: { readonly fromMs?: number; readonly reason?: string } = {}): Promise<number> {
    const outcome = await this.#chain.train(model, toMs, () => undefined, this.#signal, more);
    const { version, trainRows, validationRows, metrics } = outcome;
    const measured = metrics === null ? "" : `, AUC ${metrics.auc.toFixed(3)} on the latest fifth`;
    this.#say(`            version ${version} learns from ${trainRows + validationRows} flights${measured}\n`);
    return version;
  }

  /** Everything before is scored by the old version, everything after by the new one: the stage has worked off its input. */
  async #retrain(nowMs: number, incident: string): Promise<void> {
    const from = this.#version;
    const to = await this.#train(nowMs, { fromMs: nowMs - retrainedDays * dayMs, reason: incident });
    const at = await this.#scoredUpTo();
    await this.#chain.restart("score", this.#signal);
    this.#version = to;
    this.#promotions.push({ from, to, at });
    this.#say(`            version ${to} takes over from version ${from} at offset ${at} of the features\n`);
  }

  async #scoredUpTo(): Promise<number> {
    const stage = this.#chain.plan.stages.find(({ name }) => name === "score");
    if (stage === undefined) throw new Error("the topology has no stage score");
    const { broker } = this.#chain;
    const [position] = await broker.admin.committed(stage.group, stage.from.clusterName, this.#signal);
    return position?.offset ?? 0;
  }

  async #compare(): Promise<LoopResult["aucs"]> {
    const last = this.#promotions.at(-1);
    if (last === undefined) return undefined;
    const lateOf = new Map<number, number>();
    for (const [i, id] of this.#flights.flightIds.entries())
      lateOf.set(id, (this.#flights.delays[i] as number) > lateAboveMin ? 1 : 0);
    const truthOf = (row: Row): number | undefined => lateOf.get(Number(row["flight_id"]));
    const artefacts = openArtefacts(modelsFolder(this.#options.out));
    const given = { model, versions: [last.from, last.to], fromOffset: last.at };
    const { aucs, rows } = await compareVersions(this.#chain, artefacts, given, truthOf, this.#signal);
    return { old: aucs[0] ?? Number.NaN, new: aucs[1] ?? Number.NaN, rows };
  }

  async #newEvents(): Promise<readonly LoggedEvent[]> {
    const events = await this.#alerts();
    const fresh = events.slice(this.#seen);
    this.#seen = events.length;
    return fresh;
  }

  async #alerts(): Promise<readonly LoggedEvent[]> {
    const { plan, broker } = this.#chain;
    if (plan.monitoring === undefined) throw new Error("the topology has no monitors");
    return readAlertEvents(broker, plan.monitoring.topics.alerts.clusterName, this.#signal);
  }

  #say(text: string): void {
    this.#options.stdout(text);
  }
}

/** Each incident that was opened, in its order. */
export function incidentsOf(events: readonly LoggedEvent[]): readonly IncidentTold[] {
  return events.flatMap(({ offset, event }) => {
    if (event.type !== "millrace.incident.opened" || event.incident === undefined) return [];
    const closed = events.find(
      (each) => each.event.type === "millrace.incident.closed" && each.event.incident === event.incident,
    );
    return [{ id: event.incident, cause: event.cause ?? "-", openedAt: offset, closedAt: closed?.offset }];
  });
}
