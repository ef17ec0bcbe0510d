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
import type { AlertEvent } from "../../src/monitor/index.ts";
import { type LoggedEvent, readAlertEvents } from "../../src/monitoring/alert-log.ts";
import { BaselinesReader } from "../../src/monitoring/baselines-topic.ts";
import { readRetrainings } from "../../src/retraining/index.ts";
import type { Row } from "../../src/schema/index.ts";
import type { RetrainingEvent } from "../../src/training/index.ts";
import { Chain, modelsFolder } from "../chain.ts";
import { feed } from "../feed.ts";
import { eventsOf, type FlightEvents, type Flights, februaryMs, readFlights } from "../flights.ts";
import { Adoptions } from "./adoptions.ts";
import { compareVersions } from "./both-versions.ts";
import { withHeadwind } from "./headwind.ts";
import { closing, type IncidentTold, type LoopResult, opening } from "./loop-story.ts";
import { areAnswered, retrainingTold } from "./retrainings.ts";

const topologyFile = fileURLToPath(new URL("flights-loop.yaml", import.meta.url));
const airport = "ORD";
const model = "late";
const dayMs = 86_400_000;
const daysInFebruary = 28;
const driftMs = februaryMs + 8 * dayMs;
/** Events that are sent at once while a promoted version is not in service yet: a stage that is idle takes it with a record. */
const pieceEvents = 50;
const piecePauseMs = 50;
const lateAboveMin = 15;
const indent = " ".repeat("2001-02-01  ".length);

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
  readonly #adoptions: Adoptions;
  /** In service by its alias, and not yet by any offset. */
  #promoted: { readonly from: number; readonly to: number } | undefined;
  /** Events on the logs of alerts and of retrainings that were told. */
  #told = { alerts: 0, retrainings: 0 };

  constructor(options: LoopOptions, chain: Chain, flights: Flights, signal: AbortSignal) {
    this.#options = options;
    this.#chain = chain;
    this.#flights = flights;
    this.#events = eventsOf(flights, [airport]);
    this.#signal = signal;
    this.#adoptions = new Adoptions(chain, "score");
  }

  async run(): Promise<Omit<LoopResult, "seconds">> {
    const chain = this.#chain;
    await chain.start(["ingest", "landings", "features"], this.#signal);
    let fed = await this.#feed(0, februaryMs);
    await this.#trainFirst();
    await chain.start(["score"], this.#signal);
    await chain.start(["monitor"], this.#signal, true);
    for (let day = 1; day <= daysInFebruary; day++) {
      const endMs = februaryMs + day * dayMs;
      fed = await this.#feed(fed, endMs);
      await chain.untilJudged(this.#signal);
      await this.#tell(endMs);
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
    for (let next = from; next < to; ) {
      const until = this.#promoted === undefined ? to : Math.min(to, next + pieceEvents);
      const range = { flights: this.#flights, events: this.#events, broken: [], from: next, to: until };
      await feed({ ...range, target: this.#chain, now: systemClock.now, progress: () => undefined }, this.#signal);
      await this.#chain.untilCaughtUp(this.#signal);
      await this.#lookForAdoption();
      next = until;
    }
    return to;
  }

  /** The first version is a person's: nothing is in service that could be watched. */
  async #trainFirst(): Promise<void> {
    const outcome = await this.#chain.train(model, februaryMs, () => undefined, this.#signal);
    const { version, trainRows, validationRows, metrics } = outcome;
    const measured = metrics === null ? "" : `, AUC ${metrics.auc.toFixed(3)} on the latest fifth`;
    this.#say(`${indent}version ${version} learns from ${trainRows + validationRows} flights${measured}\n`);
  }

  /** Says what was alerted, waits until the trainer has answered and done it, and says that. */
  async #tell(nowMs: number): Promise<void> {
    const alerts = await this.#alerts();
    for (const { event } of alerts.slice(this.#told.alerts))
      this.#say(`${formatIsoTime(nowMs).slice(0, 10)}  ${event.summary}\n`);
    const retrainings = await this.#untilAnswered(alerts.map(({ event }) => event));
    for (const event of retrainings.slice(this.#told.retrainings)) {
      this.#say(`${indent}${retrainingTold(event)}\n`);
      if (event.type !== "promoted") continue;
      this.#promoted = { from: event.champion ?? 0, to: event.version ?? 0 };
      await this.#untilComparedWith(this.#promoted.to);
    }
    this.#told = { alerts: alerts.length, retrainings: retrainings.length };
  }

  async #untilAnswered(alerts: readonly AlertEvent[]): Promise<readonly RetrainingEvent[]> {
    const { plan, broker } = this.#chain;
    const { retraining } = plan;
    if (retraining === undefined) throw new Error("the topology trains nothing");
    let found: readonly RetrainingEvent[] = [];
    await this.#chain.until(async () => {
      found = await readRetrainings(broker, retraining.clusterName, this.#signal);
      return areAnswered(alerts, found);
    }, this.#signal);
    return found;
  }

  /** The trainer has what the new version learned from put in service as what monitors compare with. */
  async #untilComparedWith(version: number): Promise<void> {
    const { plan, broker, registry } = this.#chain;
    const { monitoring } = plan;
    if (monitoring === undefined) throw new Error("the topology has no monitors");
    const reader = new BaselinesReader(broker, registry, monitoring.topics.baselines.clusterName);
    await this.#chain.until(async () => {
      const { baselines } = await reader.read(this.#signal);
      return monitoring.monitors.every(({ name }) => baselines.current(name)?.id.startsWith(`${model}/${version}-`));
    }, this.#signal);
  }

  async #lookForAdoption(): Promise<void> {
    const promoted = this.#promoted;
    if (promoted === undefined) return;
    const at = await this.#adoptions.from(promoted.to, this.#signal);
    if (at === undefined) return systemClock.sleep(piecePauseMs, this.#signal);
    this.#promoted = undefined;
    this.#promotions.push({ ...promoted, at });
    this.#say(`${indent}version ${promoted.to} scores from offset ${at} of the features on\n`);
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
