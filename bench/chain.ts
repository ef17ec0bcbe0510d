/**
 * `npm run bench:chain`: one Millrace stage beside a hand-written loop on kafkajs. See docs/benchmarks.md.
 *
 *   npm run bench:chain -- [--rounds N] [--records N] [--profile]
 *   npm run bench:chain -- --delivery exactly-once [--rounds N] [--records N] [--rate N] [--only TEXT]
 *
 *   npm run bench:chain -- --monitors [--rounds N] [--records N] [--only TEXT] [--profile]
 *
 * With `--monitors` the stage runs with everything watched beside itself without; with `--delivery exactly-once` the stage runs beside itself: what that costs, and what changelogs cost.
 */
import { parseArgs } from "node:util";
import { KafkaNode } from "../test/kafka/harness/node.ts";
import { compareOutputs } from "./compare-outputs.ts";
import { measureCosts } from "./cost.ts";
import type { ContestantName, Job, JobResult } from "./job.ts";
import { measureMonitors } from "./monitored.ts";
import { profileReport, roundsReport } from "./report.ts";
import { compileContestants, profileContestant, runContestant } from "./run-contestant.ts";
import { BenchSetUp } from "./set-up.ts";

const goldenRecords = 20_000;
const roundsDefault = 5;
const recordsDefault = 400_000;
const monitoredRounds = 7;
const bareRounds = 3;
/** A part of what the stage could do, so that commits come when their time has. */
const rateDefault = 20_000;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      contestant: { type: "string" },
      rounds: { type: "string" },
      records: { type: "string", default: String(recordsDefault) },
      profile: { type: "boolean", default: false },
      delivery: { type: "string", default: "at-least-once" },
      rate: { type: "string", default: String(rateDefault) },
      only: { type: "string", default: "" },
      monitors: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.contestant !== undefined) {
    await contest(values.contestant as ContestantName, JSON.parse(positionals[0] ?? "") as Job);
    return;
  }
  const roundsText = values.rounds ?? String(values.monitors ? monitoredRounds : roundsDefault);
  const rounds = wholeNumber("--rounds", roundsText, 1);
  const records = wholeNumber("--records", values.records, 2 * goldenRecords);
  await compileContestants();
  const broker = await KafkaNode.start({ isOptimised: true });
  try {
    if (values.monitors) {
      const { only, profile: isProfile } = values;
      say(await measureMonitors({ bootstrap: broker.bootstrap, rounds, records, only, isProfile }));
      return;
    }
    if (values.delivery === "exactly-once") {
      const perSecond = wholeNumber("--rate", values.rate, 0);
      say(await measureCosts({ bootstrap: broker.bootstrap, rounds, records, perSecond, only: values.only }));
      return;
    }
    const setUp = await BenchSetUp.make(broker.bootstrap);
    try {
      await new Bench(broker.bootstrap, setUp).run(rounds, records, values.profile);
    } finally {
      await setUp.remove();
    }
  } finally {
    await broker.remove();
  }
}

/** One run: golden slice, then rounds, then the report. */
class Bench {
  readonly #bootstrap: string;
  readonly #setUp: BenchSetUp;

  constructor(bootstrap: string, setUp: BenchSetUp) {
    this.#bootstrap = bootstrap;
    this.#setUp = setUp;
  }

  async run(rounds: number, records: number, isProfile: boolean): Promise<void> {
    await this.#setUp.produceUntil(goldenRecords);
    await this.#checkGolden();
    await this.#setUp.produceUntil(records);
    say(`${records} records in, mean value ${this.#setUp.valueBytesMean.toFixed(1)} bytes`);
    if (isProfile) {
      const job = await this.#job("millrace", records);
      const [result, profile] = await profileContestant("millrace", job);
      say(profileReport(result, profile));
      return;
    }
    const results: Record<ContestantName, JobResult[]> = {
      millrace: [],
      loop: [],
      consume: [],
      produce: [],
      codec: [],
    };
    for (let round = 0; round < rounds; round++) {
      const order = ["millrace", "loop"] as const;
      // Who goes first changes, so that neither always meets a warmer machine.
      for (const name of round % 2 === 0 ? order : order.toReversed()) {
        results[name].push(await this.#timed(name, records));
      }
      if (round < bareRounds) {
        for (const name of ["consume", "produce", "codec"] as const) {
          results[name].push(await this.#timed(name, records));
        }
      }
    }
    say(roundsReport(results));
  }

  /** Both do the first records, and what they wrote is compared record by record. */
  async #checkGolden(): Promise<void> {
    const millrace = await this.#timed("millrace", goldenRecords);
    const loop = await this.#timed("loop", goldenRecords);
    const { to } = this.#setUp.stage;
    const [expected, actual] = await Promise.all([
      this.#setUp.outputs(this.#setUp.loopTopic),
      this.#setUp.outputs(to.clusterName),
    ]);
    const differences = compareOutputs(expected, actual);
    if (differences.length > 0)
      throw new Error(`the outputs are not the same (loop against millrace):\n${differences.join("\n")}`);
    const fates = ({ out, filtered, deadLetters }: JobResult): string =>
      `${out} out, ${filtered} filtered, ${deadLetters} invalid`;
    if (fates(millrace) !== fates(loop)) throw new Error(`the fates differ: ${fates(loop)} against ${fates(millrace)}`);
    say(`golden slice of ${goldenRecords} records: the same outputs, field by field (${fates(millrace)})`);
  }

  /** Runs a contestant and checks that it did every record, and wrote what it says. */
  async #timed(name: ContestantName, records: number): Promise<JobResult> {
    const job = await this.#job(name, records);
    const before = await this.#setUp.countOf(job.outputTopic);
    const result = await runContestant(name, job);
    const written = (await this.#setUp.countOf(job.outputTopic)) - before;
    const isWhole = result.in === records && result.in === result.out + result.filtered + result.deadLetters;
    if ((name === "millrace" || name === "loop") && (!isWhole || written !== result.out)) {
      throw new Error(`${name} did not do every record: ${JSON.stringify(result)}, ${written} written`);
    }
    return result;
  }

  async #job(name: ContestantName, records: number): Promise<Job> {
    const { stage, folder, loopTopic } = this.#setUp;
    const group = name === "millrace" ? stage.group : name;
    await this.#setUp.forgetGroup(group);
    return {
      bootstrap: this.#bootstrap,
      folder,
      inputTopic: stage.from.clusterName,
      outputTopic: name === "millrace" ? stage.to.clusterName : loopTopic,
      group,
      records,
    };
  }
}

/** What a child process does: only its own contestant is loaded. */
async function contest(name: ContestantName, job: Job): Promise<void> {
  const result = await contestantOf(name, job);
  await new Promise((resolve) => process.stdout.write(`${JSON.stringify(result)}\n`, resolve));
  process.exit(0);
}

async function contestantOf(name: ContestantName, job: Job): Promise<JobResult> {
  switch (name) {
    case "millrace":
      return (await import("./contestants/millrace.ts")).runMillrace(job);
    case "loop":
      return (await import("./contestants/loop.ts")).runLoop(job);
    case "consume":
      return (await import("./contestants/bare.ts")).runConsume(job);
    case "produce":
      return (await import("./contestants/bare.ts")).runProduce(job);
    case "codec":
      return (await import("./contestants/bare.ts")).runCodec(job);
  }
}

function wholeNumber(flag: string, text: string, min: number): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < min)
    throw new Error(`${flag}: a whole number of at least ${min} is needed`);
  return number;
}

await main();
