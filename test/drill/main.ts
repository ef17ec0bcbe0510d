/**
 * `npm run test:drill -- [--only TEXT]`: things go wrong one after the other on a real broker, with the judge in a process of its own, and
 * each has to be told once to Slack, PagerDuty and an Alertmanager, within 90 s, and to end by itself.
 *
 * The last line is `drill causes N told N ended N wrong N skipped N seconds N`; `skipped` counts what could not be looked at:
 * the Alertmanager, where none can be had. It is said however a run ends (see `ending.ts`): after eight minutes, of what was
 * seen by then. Ends with 1 when anything was not told, not ended or wrong.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "../kafka/harness/client.ts";
import { KafkaNode } from "../kafka/harness/node.ts";
import { freePorts } from "../kafka/harness/properties.ts";
import { baselineWindows, type Minute, WatchedSensors } from "../kafka/support/watched-sensors.ts";
import { buildMillrace, endWorkers, type WorkerProcess } from "../kafka/support/worker-process.ts";
import { eventually } from "../support/deadline.ts";
import { Alertmanager, findAlertmanager } from "./alertmanager.ts";
import { type Ends, runToItsEnd, writeNow } from "./ending.ts";
import { type Place, Places, type Told } from "./places.ts";

const toldMsMax = 90_000;
const readyMsMax = 60_000;
const askEveryMs = 500;
/** Between two minutes of event time while something lasts that takes its time. */
const minuteEveryMs = 8_000;
/** For all of it, with what is begun and ended around it. */
const drillMsMax = 480_000;
const endMsMax = 20_000;
/** Age of the oldest record that waits, from which on somebody is woken; and how long a transaction may hold records back. */
const lagSeconds = 20;
const heldSeconds = 15;

const allPlaces: readonly Place[] = ["slack", "pagerduty", "alertmanager"];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Something that goes wrong, and what is to be told of it. */
interface Cause {
  readonly name: string;
  /** Alert that Alertmanager has. */
  readonly fingerprint: string;
  /** How the incident begins that PagerDuty is told of. */
  readonly incident: string;
  /** Words that Slack is told of it. */
  readonly said: RegExp;
  begin(): Promise<void>;
  /** What goes on while it lasts, until it was told. */
  goOn(): Promise<void>;
  end(): Promise<void>;
  /** What goes on until its end was told. */
  recover(): Promise<void>;
}

interface DrillOptions {
  readonly sensors: WatchedSensors;
  readonly places: Places;
  /** Those that have to be told. */
  readonly asked: readonly Place[];
  readonly seen: Seen;
}

class Drill {
  readonly #options: DrillOptions;
  #consumer: WorkerProcess;

  constructor(options: DrillOptions, consumer: WorkerProcess) {
    this.#options = options;
    this.#consumer = consumer;
  }

  get causes(): readonly Cause[] {
    const { sensors } = this.#options;
    const ofRows = (name: string, alert: string, said: RegExp, minute: Minute): Cause => ({
      name,
      fingerprint: `sensors/inputs/${alert}`,
      incident: alert === "value" ? "sensors/inputs/" : "sensors/inputs.quality/",
      said,
      begin: () => minutes(sensors, 5, minute),
      goOn: () => minutes(sensors, 1, minute),
      end: () => minutes(sensors, 6),
      recover: () => minutes(sensors, 1),
    });
    const nothing = async (): Promise<void> => undefined;
    const slowly = async (): Promise<void> => {
      await sensors.minute();
      await pause(minuteEveryMs);
    };
    let endTransaction = nothing;
    return [
      ofRows("a shift", "value", /value drifts\.$/, { shift: 1 }),
      ofRows("a producer that sends nulls", "value.missing", /value\.missing /, { nulls: 0.5 }),
      ofRows("a poison burst", "quality.errors", /quality\.errors /, { poison: 0.2 }),
      ofRows("a schema change", "value", /value drifts, and the cause looks like: a writer's new schema\.$/, {
        writer: "after",
        shift: 1,
      }),
      {
        name: "a killed consumer",
        fingerprint: "sensors/behind/ingest/page",
        incident: "sensors/behind/ingest/",
        said: /ingest is \d+ records behind/,
        begin: async () => {
          this.#consumer.kill("SIGKILL");
          await this.#consumer.ended(readyMsMax);
          await sensors.minute();
        },
        goOn: nothing,
        end: async () => {
          this.#consumer = sensors.start({}, ["ingest"]);
          await this.#consumer.ready(readyMsMax);
        },
        recover: nothing,
      },
      {
        name: "a stuck transaction",
        fingerprint: "sensors/behind/ingest/held",
        incident: "sensors/behind/ingest/held/",
        said: /ingest gets nothing of \d+ records that an open transaction holds back/,
        begin: async () => {
          endTransaction = await sensors.openTransaction();
        },
        // One partition is held, the others go on.
        goOn: slowly,
        end: () => endTransaction(),
        recover: nothing,
      },
    ];
  }

  async run(cause: Cause): Promise<void> {
    const { places, asked, seen } = this.#options;
    const { told } = places;
    const from = told.length;
    const beganMs = performance.now();
    await cause.begin();
    const begun = await this.#untilTold("begin", from, beganMs, cause.goOn);
    const curedMs = performance.now();
    await cause.end();
    const ended = await this.#untilTold("end", from, curedMs, cause.recover);
    const own = told.slice(from);
    seen.told += Number(begun !== undefined);
    seen.ended += Number(ended !== undefined);
    const wrong = [...faultsOf(own, cause, asked)];
    seen.wrong += wrong.length;
    const shown = (ms: number | undefined): string =>
      ms === undefined ? "not in time" : `${(ms / 1_000).toFixed(1)} s`;
    say(`${cause.name}: told ${shown(begun)}, ended ${shown(ended)}${wrong.map((fault) => `\n  ${fault}`).join("")}`);
  }

  /** Waits until every place has one; answers how long the last has taken, undefined where that is too long. */
  async #untilTold(
    turn: Told["turn"],
    from: number,
    sinceMs: number,
    meanwhile: () => Promise<void>,
  ): Promise<number | undefined> {
    const { places, asked } = this.#options;
    const firstOf = (place: Place): Told | undefined =>
      places.told.slice(from).find((told) => told.place === place && told.turn === turn);
    const tookMs = (): number | undefined => {
      const firsts = asked.map(firstOf);
      return firsts.every((told) => told !== undefined)
        ? Math.max(...firsts.map(({ atMs }) => atMs)) - sinceMs
        : undefined;
    };
    while (tookMs() === undefined && performance.now() - sinceMs < toldMsMax) {
      await meanwhile();
      await pause(askEveryMs);
    }
    // What was told in time, while something else went on, is in time.
    const took = tookMs();
    return took === undefined || took > toldMsMax ? undefined : took;
  }
}

/** What was told otherwise than once at its begin and once at its end, or of something else. */
function* faultsOf(told: readonly Told[], cause: Cause, asked: readonly Place[]): Generator<string> {
  for (const place of asked) {
    const own = told.filter((one) => one.place === place);
    const turns = own.map(({ turn }) => turn).join(", ");
    if (turns !== "begin, end") yield `${place} was told ${turns === "" ? "nothing" : turns}`;
    const other = own.find((one) => !isOf(one, cause));
    if (other !== undefined) yield `${place} was told of ${other.subject}`;
  }
}

function isOf({ place, turn, subject }: Told, { fingerprint, incident, said }: Cause): boolean {
  switch (place) {
    case "alertmanager":
      return subject === fingerprint;
    case "pagerduty":
      return subject.startsWith(incident);
    case "slack":
      return turn === "end" || said.test(subject);
  }
}

async function minutes(sensors: WatchedSensors, count: number, minute: Minute = {}): Promise<void> {
  for (let i = 0; i < count; i++) await sensors.minute(minute);
}

/** What the last line says of a run, as far as it has come. */
class Seen {
  readonly #beganMs = performance.now();
  causes = 0;
  told = 0;
  ended = 0;
  wrong = 0;
  skipped = 0;

  get isWell(): boolean {
    return this.causes > 0 && this.told === this.causes && this.ended === this.causes && this.wrong === 0;
  }

  get line(): string {
    const { causes, told, ended, wrong, skipped } = this;
    const seconds = Math.round((performance.now() - this.#beganMs) / 1_000);
    return `drill causes ${causes} told ${told} ended ${ended} wrong ${wrong} skipped ${skipped} seconds ${seconds}`;
  }
}

/** Lets everything go wrong in turn. @returns whether all of it was told as it should be */
async function drilled(seen: Seen, ends: Ends): Promise<boolean> {
  const { only } = parseArgs({ options: { only: { type: "string", default: "" } } }).values;
  const places = await Places.open();
  ends.push(() => places.close());
  const node = await KafkaNode.start();
  ends.push(() => node.remove());
  const millrace = await buildMillrace();
  ends.push(() => millrace.remove());
  const { bootstrap } = node;
  const broker = await connect(bootstrap);
  ends.push(() => broker.close());
  const alertmanager = await startedAlertmanager(places, ends);
  if (alertmanager === undefined) seen.skipped = 1;
  const sensors = await WatchedSensors.open({
    bootstrap,
    broker,
    millrace,
    namespace: "drill",
    inputs: "    fields: [value]\n    metrics: [missing, errors]\n",
    monitors: () => `  - { name: behind, on: lag, page: { seconds: ${lagSeconds} }, held: ${heldSeconds}s }\n`,
    alerts: alertsText(places, alertmanager),
  });
  ends.push(() => sensors.remove(), endWorkers);
  const [judge, consumer] = [sensors.start({}, ["monitor"]), sensors.start({}, ["ingest"])];
  await Promise.all([judge.ready(readyMsMax), consumer.ready(readyMsMax)]);
  await minutes(sensors, baselineWindows + 1);
  await judge.until(eventually(readyMsMax, "a baseline", async () => (await sensors.hasBaseline()) || undefined));
  await minutes(sensors, 6);
  const asked: readonly Place[] = alertmanager === undefined ? ["slack", "pagerduty"] : allPlaces;
  const drill = new Drill({ sensors, places, asked, seen }, consumer);
  const causes = drill.causes.filter(({ name }) => name.includes(only));
  seen.causes = causes.length;
  for (const cause of causes)
    await judge.until(Promise.race([drill.run(cause), ...(alertmanager === undefined ? [] : [alertmanager.ended])]));
  return seen.isWell;
}

async function startedAlertmanager(places: Places, ends: Ends): Promise<Alertmanager | undefined> {
  const program = await findAlertmanager();
  if (program === undefined) {
    say("SKIPPED: no Alertmanager can be had; what it would be told is not looked at");
    return undefined;
  }
  const [port = 0] = await freePorts(1);
  const alertmanager = await Alertmanager.start(program, port, places.urlOf("alertmanager"));
  ends.push(() => alertmanager.stop());
  return alertmanager;
}

function alertsText(places: Places, alertmanager: Alertmanager | undefined): string {
  const notify = [
    `slack: { url: "${places.urlOf("slack")}" }`,
    `pagerduty: { key: drill, url: "${places.urlOf("pagerduty")}" }`,
    ...(alertmanager === undefined ? [] : [`alertmanager: { url: "${alertmanager.url}" }`]),
  ];
  return `  cooldown: 1min\n  notify:\n${notify.map((line) => `    - ${line}\n`).join("")}`;
}

const seen = new Seen();
await runToItsEnd((ends) => drilled(seen, ends), {
  line: () => seen.line,
  msMax: drillMsMax,
  endMsMax,
  process,
  write: writeNow,
});
