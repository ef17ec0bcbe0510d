/**
 * `npm run test:drill -- [--only TEXT]`: things go wrong one after the other on a real broker, with the judge in a process of its own, and
 * each has to be told once to Slack, PagerDuty and an Alertmanager, within 90 s, and to end by itself.
 *
 * The last line is `drill causes N told N ended N wrong N skipped N seconds N`; `skipped` counts what could not be looked at:
 * the Alertmanager, where none can be had.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "../kafka/harness/client.ts";
import { KafkaNode } from "../kafka/harness/node.ts";
import { freePorts } from "../kafka/harness/properties.ts";
import { buildMillrace, endWorkers, type WorkerProcess } from "../kafka/support/worker-process.ts";
import { eventually } from "../support/deadline.ts";
import { Alertmanager, findAlertmanager } from "./alertmanager.ts";
import { baselineMinutes, DrilledSensors, type Minute } from "./drilled-sensors.ts";
import { type Place, Places, type Told } from "./places.ts";

const toldMsMax = 90_000;
const readyMsMax = 60_000;
const askEveryMs = 500;
/** Between two minutes of event time while something lasts that takes its time. */
const minuteEveryMs = 8_000;

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

class Drill {
  readonly #sensors: DrilledSensors;
  readonly #places: Places;
  readonly #asked: readonly Place[];
  #consumer: WorkerProcess;
  #faults = 0;
  #told = 0;
  #ended = 0;

  constructor(sensors: DrilledSensors, places: Places, asked: readonly Place[], consumer: WorkerProcess) {
    this.#sensors = sensors;
    this.#places = places;
    this.#asked = asked;
    this.#consumer = consumer;
  }

  get result(): { readonly told: number; readonly ended: number; readonly wrong: number } {
    return { told: this.#told, ended: this.#ended, wrong: this.#faults };
  }

  get causes(): readonly Cause[] {
    const sensors = this.#sensors;
    const ofRows = (name: string, alert: string, said: RegExp, minute: Minute): Cause => ({
      name,
      fingerprint: `sensors/inputs/${alert}`,
      incident: alert === "value" ? "sensors/inputs/" : "sensors/inputs.quality/",
      said,
      begin: () => sensors.minutes(5, minute),
      goOn: () => sensors.minutes(1, minute),
      end: () => sensors.minutes(6),
      recover: () => sensors.minutes(1),
    });
    const nothing = async (): Promise<void> => undefined;
    const slowly = async (): Promise<void> => {
      await sensors.minutes(1);
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
        fingerprint: "sensors/behind/clean/page",
        incident: "sensors/behind/clean/",
        said: /clean is \d+ records behind/,
        begin: async () => {
          this.#consumer.kill("SIGKILL");
          await this.#consumer.ended(readyMsMax);
          await sensors.minutes(1);
        },
        goOn: nothing,
        end: async () => {
          this.#consumer = sensors.start("clean");
          await this.#consumer.ready(readyMsMax);
        },
        recover: nothing,
      },
      {
        name: "a stuck transaction",
        fingerprint: "sensors/behind/clean/held",
        incident: "sensors/behind/clean/held/",
        said: /clean gets nothing of \d+ records that an open transaction holds back/,
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
    const { told } = this.#places;
    const from = told.length;
    const beganMs = performance.now();
    await cause.begin();
    const begun = await this.#untilTold("begin", from, beganMs, cause.goOn);
    const curedMs = performance.now();
    await cause.end();
    const ended = await this.#untilTold("end", from, curedMs, cause.recover);
    const own = told.slice(from);
    this.#told += Number(begun !== undefined);
    this.#ended += Number(ended !== undefined);
    const wrong = [...faultsOf(own, cause, this.#asked)];
    this.#faults += wrong.length;
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
    const firstOf = (place: Place): Told | undefined =>
      this.#places.told.slice(from).find((told) => told.place === place && told.turn === turn);
    while (performance.now() - sinceMs < toldMsMax) {
      const firsts = this.#asked.map(firstOf);
      if (firsts.every((told) => told !== undefined)) return Math.max(...firsts.map(({ atMs }) => atMs)) - sinceMs;
      await meanwhile();
      await pause(askEveryMs);
    }
    return undefined;
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

async function main(): Promise<void> {
  const { only } = parseArgs({ options: { only: { type: "string", default: "" } } }).values;
  const beganMs = performance.now();
  /** What is to be ended, in the order in which it was begun. */
  const ends: (() => Promise<void>)[] = [];
  try {
    const places = await Places.open();
    ends.push(() => places.close());
    const node = await KafkaNode.start();
    ends.push(() => node.remove());
    const millrace = await buildMillrace();
    ends.push(() => millrace.remove());
    const broker = await connect(node.bootstrap);
    ends.push(() => broker.close());
    const program = await findAlertmanager();
    const notify = [
      `slack: { url: "${places.urlOf("slack")}" }`,
      `pagerduty: { key: drill, url: "${places.urlOf("pagerduty")}" }`,
    ];
    if (program === undefined) say("SKIPPED: no Alertmanager can be had; what it would be told is not looked at");
    else {
      const [port = 0] = await freePorts(1);
      const alertmanager = await Alertmanager.start(program, port, places.urlOf("alertmanager"));
      ends.push(() => alertmanager.stop());
      notify.push(`alertmanager: { url: "${alertmanager.url}" }`);
    }
    const sensors = await DrilledSensors.open({ bootstrap: node.bootstrap, broker, millrace, notify });
    ends.push(() => sensors.remove(), endWorkers);
    const causes = await drilled(sensors, places, program === undefined ? ["slack", "pagerduty"] : allPlaces, only);
    const skipped = program === undefined ? 1 : 0;
    say(`${causes} skipped ${skipped} seconds ${Math.round((performance.now() - beganMs) / 1_000)}`);
  } catch (thrown) {
    // Before anything is ended, which may take its time.
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    process.exitCode = 1;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Lets everything go wrong in turn. @returns the counts, as the last line has them */
async function drilled(
  sensors: DrilledSensors,
  places: Places,
  asked: readonly Place[],
  only: string,
): Promise<string> {
  const [judge, consumer] = [sensors.start("monitor"), sensors.start("clean")];
  await Promise.all([judge.ready(readyMsMax), consumer.ready(readyMsMax)]);
  await sensors.minutes(baselineMinutes + 1);
  await judge.until(eventually(readyMsMax, "a baseline", async () => (await sensors.hasBaseline()) || undefined));
  await sensors.minutes(6);
  const drill = new Drill(sensors, places, asked, consumer);
  const causes = drill.causes.filter(({ name }) => name.includes(only));
  for (const cause of causes) await judge.until(drill.run(cause));
  const { told, ended, wrong } = drill.result;
  if (told < causes.length || ended < causes.length || wrong > 0) process.exitCode = 1;
  return `drill causes ${causes.length} told ${told} ended ${ended} wrong ${wrong}`;
}

await main();
