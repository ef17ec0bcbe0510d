/** `npm run demo`: reads the arguments; the rest is in run-demo.ts. */
import { parseArgs } from "node:util";
import { describeFailure, exitCodeOf, exitCodes, usageError } from "../src/app/exit.ts";
import type { DeliveryMode } from "../src/topology/index.ts";
import { largeAirports } from "./flights.ts";
import { type DemoOptions, runDemo } from "./run-demo.ts";

const usage = `npm run demo -- [--airports ORD,ATL,...|all] [--out DIR] [--brokers HOST:PORT,...] [--keep] [--delivery MODE]
  --airports  where departures are scored; the first is the one the story is about (${largeAirports.join(",")});
              all 229 of them take three times the time and 1.5 GB of memory
  --out       folder for predictions.ndjson, models and the log (.millrace/demo)
  --brokers   run on this Kafka instead of the in-process broker; topics and groups get a new namespace and are deleted at the end
  --keep      leave topics and groups on the cluster
  --delivery  exactly-once or at-least-once, instead of what topologies/flights.yaml says
`;

const flags = {
  airports: { type: "string", default: largeAirports.join(",") },
  out: { type: "string", default: ".millrace/demo" },
  brokers: { type: "string" },
  keep: { type: "boolean", default: false },
  delivery: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

function optionsOf(argv: readonly string[]): DemoOptions | undefined {
  const { values } = parse(argv);
  if (values.help) return undefined;
  return {
    airports: airportsOf(values.airports),
    brokers: values.brokers,
    out: values.out,
    keep: values.keep,
    delivery: deliveryOf(values.delivery),
    environment: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags });
  } catch (thrown) {
    throw usageError(thrown instanceof Error ? thrown.message : String(thrown), usage);
  }
}

function airportsOf(text: string): readonly string[] | "all" {
  if (text === "all") return "all";
  const airports = [...new Set(text.split(",").map((code) => code.trim().toUpperCase()))];
  for (const code of airports) {
    if (!/^[A-Z]{3}$/.test(code))
      throw usageError(`--airports: ${JSON.stringify(code)} is no airport code such as ORD`);
  }
  return airports;
}

function deliveryOf(text: string | undefined): DeliveryMode | undefined {
  if (text === undefined || text === "exactly-once" || text === "at-least-once") return text;
  throw usageError(`--delivery: ${JSON.stringify(text)} is neither exactly-once nor at-least-once`);
}

const stop = new AbortController();
const interrupted = (): void => {
  if (stop.signal.aborted) process.exit(exitCodes.temporary);
  stop.abort(new Error("interrupted"));
};
process.on("SIGINT", interrupted);
process.on("SIGTERM", interrupted);
try {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) process.stdout.write(usage);
  else await runDemo(options, stop.signal);
} catch (thrown) {
  process.stderr.write(`${stop.signal.aborted ? "interrupted" : describeFailure(thrown)}\n`);
  process.exitCode = stop.signal.aborted ? exitCodes.interrupted : exitCodeOf(thrown);
}
