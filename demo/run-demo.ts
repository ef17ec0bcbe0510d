/** The demo from beginning to end. */
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../src/adapters/node/index.ts";
import { usageError } from "../src/app/exit.ts";
import { createPeopleLogger } from "../src/app/people-logger.ts";
import type { Environment } from "../src/app/settings.ts";
import { messageOf } from "../src/kernel/index.ts";
import type { DeliveryMode } from "../src/topology/index.ts";
import { type BrokenEvent, brokenEvents } from "./broken-events.ts";
import { Chain } from "./chain.ts";
import { feed } from "./feed.ts";
import { eventsOf, type FlightEvents, type Flights, februaryMs, readFlights } from "./flights.ts";
import {
  type DeadLetter,
  joinScores,
  type Predictions,
  predictionLines,
  qualityOf,
  readDeadLetters,
  readScores,
} from "./predictions.ts";
import { Progress } from "./progress.ts";
import * as story from "./story.ts";
import { traceFlight } from "./trace.ts";

const brokenSeed = 2001;
/** The flight that is followed is the first from the first airport after this moment, an evening when ORD ran late. */
const followedFromMs = Date.UTC(2001, 1, 14, 18);

export interface DemoOptions {
  readonly airports: readonly string[] | "all";
  readonly brokers: string | undefined;
  /** What the in-process broker holds at most; undefined for what the demo needs. */
  readonly brokerBytesMax?: number;
  readonly out: string;
  /** Leaves the topics on the cluster. */
  readonly keep: boolean;
  /** Undefined leaves it to the topology. */
  readonly delivery: DeliveryMode | undefined;
  readonly environment: Environment;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly isTerminal: boolean;
}

export interface DemoResult {
  readonly events: number;
  readonly deadLetters: readonly DeadLetter[];
  readonly predictions: Predictions;
}

interface Input {
  readonly flights: Flights;
  readonly events: FlightEvents;
  /** Index of February's first event. */
  readonly februaryAt: number;
}

/** Runs it; the topics on a real cluster are taken back also when it fails. */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<DemoResult> {
  const startedAtMs = systemClock.monotonicMs();
  const flights = await readFlights(options.airports);
  checkAirports(options.airports, flights);
  const events = eventsOf(flights, options.airports);
  const found = events.atMs.findIndex((atMs) => atMs >= februaryMs);
  const input = { flights, events, februaryAt: found === -1 ? events.count : found };
  options.stdout(
    story.opening(
      firstAirport(options),
      options.airports === "all" ? "every airport" : options.airports.join(", "),
      events.count,
      options.brokers === undefined ? "an in-process broker" : `Kafka at ${options.brokers}`,
    ),
  );
  await mkdir(options.out, { recursive: true });
  const log = createWriteStream(logFile(options));
  const logger = createPeopleLogger((text) => log.write(text), systemClock.now);
  const progress = new Progress(options.stderr, options.isTerminal, systemClock.monotonicMs);
  const terminal = createPeopleLogger((text) => {
    progress.clear();
    options.stderr(text);
  }, systemClock.now);
  const { brokers, brokerBytesMax, out, delivery, environment } = options;
  const chain = await Chain.open({ brokers, brokerBytesMax, out, delivery, environment, logger, terminal }, signal);
  const deletes = brokers !== undefined && !options.keep;
  try {
    const result = await new Demo(options, input, chain, progress, signal).run(startedAtMs);
    await chain.close(deletes);
    return result;
  } catch (thrown) {
    await chain.close(deletes).catch((also: unknown) => {
      options.stderr(`topics may be left under namespace ${chain.plan.namespace}: ${messageOf(also)}\n`);
    });
    throw thrown;
  } finally {
    log.end();
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #input: Input;
  readonly #chain: Chain;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #broken: readonly BrokenEvent[];

  constructor(options: DemoOptions, input: Input, chain: Chain, progress: Progress, signal: AbortSignal) {
    this.#options = options;
    this.#input = input;
    this.#chain = chain;
    this.#signal = signal;
    this.#broken = brokenEvents(input.flights, input.events, brokenSeed);
    this.#progress = progress;
  }

  async run(startedAtMs: number): Promise<DemoResult> {
    const { events, februaryAt } = this.#input;
    await this.#chain.start(["ingest", "clean", "landings", "features"], this.#signal);
    await this.#feed("January", 0, februaryAt);
    this.#say("Training on January:\n");
    await this.#train("late-calendar", "hour, weekday and distance");
    await this.#train("late-keyed", "the same, and what landed at the airport in the last 1, 3 and 24 hours");
    await this.#chain.start(["score-keyed", "score-calendar"], this.#signal);
    await this.#feed("February, every departure scored as it happens", februaryAt, events.count);
    this.#say("\n");
    await this.#chain.drain();
    return this.#tell(startedAtMs);
  }

  async #feed(what: string, from: number, to: number): Promise<void> {
    const { flights, events } = this.#input;
    const broken = this.#broken;
    const startedAtMs = systemClock.monotonicMs();
    const progress = (done: number, total: number): void => this.#progress.show(what, done, total);
    const range = { target: this.#chain, flights, events, broken, from, to, now: systemClock.now, progress };
    const sent = await feed(range, this.#signal);
    await this.#chain.untilCaughtUp(this.#signal);
    this.#say(story.fed(what, sent, (systemClock.monotonicMs() - startedAtMs) / 1_000));
  }

  async #train(model: string, sees: string): Promise<void> {
    // Nobody knows how many iterations a fit takes; it is over in a second.
    const progress = (phase: string, done: number, total: number): void => {
      if (phase !== "fit") this.#progress.show(`${model}: reading ${phase}`, done, total);
    };
    this.#say(story.trained(model, sees, await this.#chain.train(model, februaryMs, progress, this.#signal)));
  }

  async #tell(startedAtMs: number): Promise<DemoResult> {
    const { out, brokers, keep } = this.#options;
    const chain = this.#chain;
    const predictions = await this.#readPredictions();
    const deadLetters = await this.#readDeadLetters();
    const file = join(out, "predictions.ndjson");
    await writeFile(file, predictionLines(predictions));
    const quality = qualityOf(predictions);
    await this.#follow();
    this.#say(story.setAside(deadLetters));
    this.#say(story.verdict(quality));
    const isLeft = brokers !== undefined && keep;
    const next = isLeft
      ? `npm run build && bin/millrace tail flights.keyed --brokers ${brokers} --namespace ${chain.plan.namespace} --registry ${join(out, "flights-registry")} --from beginning --max 5`
      : "npm run build && bin/millrace dev topologies/card-fraud.yaml";
    this.#say(
      story.whereNow(
        [
          [file, "what was predicted for each flight, and what happened"],
          [join(out, "flights-models"), "the trained models, with their metrics and where their rows came from"],
          [logFile(this.#options), "what the workers logged"],
        ],
        next,
      ),
    );
    const events = await chain.eventCount(this.#signal);
    const seconds = (systemClock.monotonicMs() - startedAtMs) / 1_000;
    const predicted = predictions.flightIds.length;
    this.#say(story.closing({ events, predictions: predicted, deadLetters: deadLetters.length, seconds }, quality));
    return { events, deadLetters, predictions };
  }

  /** @throws Error when the dead letters are not just the broken events */
  async #readDeadLetters(): Promise<readonly DeadLetter[]> {
    const { plan, broker } = this.#chain;
    const stages = plan.stages.map((stage) => stage.name);
    const letters = await readDeadLetters(broker, plan.deadLetters.clusterName, stages, this.#signal);
    const names = (list: readonly { code: string; stage: string }[]): string =>
      list
        .map(({ code, stage }) => `${code} in ${stage}`)
        .sort()
        .join(", ");
    if (names(letters) !== names(this.#broken)) {
      throw new Error(
        `reading dead letters: ${names(this.#broken)} were to come, there are ${names(letters) || "none"}`,
      );
    }
    return letters;
  }

  async #readPredictions(): Promise<Predictions> {
    const { airports } = this.#options;
    const { flights } = this.#input;
    const { plan, broker, registry } = this.#chain;
    const scores = ["flights.keyed", "flights.calendar"].map((name) => {
      const topic = plan.topics.find((planned) => planned.name === name);
      if (topic === undefined) throw new Error(`reading predictions: the topology has no topic ${name}`);
      return readScores(broker, registry, topic, this.#signal);
    });
    const [keyed, calendar] = await Promise.all(scores);
    const isChosen = (airport: string | undefined): boolean => airports === "all" || airports.includes(airport ?? "");
    const departs = (index: number): boolean =>
      (flights.departureMs[index] as number) >= februaryMs && isChosen(flights.origins[index]);
    return joinScores(flights, departs, keyed ?? new Map(), calendar ?? new Map());
  }

  async #follow(): Promise<void> {
    const { flights } = this.#input;
    const first = firstAirport(this.#options);
    const index = flights.departureMs.findIndex((at, i) => at >= followedFromMs && flights.origins[i] === first);
    if (index === -1) return;
    const flightId = flights.flightIds[index] as number;
    const destination = flights.destinations[index] as string;
    this.#say(story.followed(flightId, await traceFlight(this.#chain, flightId, first, destination, this.#signal)));
  }

  #say(text: string): void {
    this.#progress.clear();
    this.#options.stdout(text);
  }
}

/** @throws ExitError 64 for an airport that no flight leaves */
function checkAirports(airports: DemoOptions["airports"], flights: Flights): void {
  if (airports === "all") return;
  const origins = new Set(flights.origins);
  const unknown = airports.find((airport) => !origins.has(airport));
  if (unknown !== undefined) throw usageError(`--airports: no flight of January or February 2001 leaves ${unknown}`);
}

function firstAirport({ airports }: DemoOptions): string {
  return airports === "all" ? "ORD" : (airports[0] as string);
}

function logFile({ out }: DemoOptions): string {
  return join(out, "demo.log");
}
