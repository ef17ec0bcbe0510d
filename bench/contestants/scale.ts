/**
 * The process that is measured: the first stages of scale.yaml, as `millrace run` runs them. A line on standard input
 * asks for the processor time since the line before; the end of standard input ends it.
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../src/adapters/node/index.ts";
import { createPinoLogger } from "../../src/adapters/pino/index.ts";
import { createWorker } from "../../src/app/start-worker.ts";
import { openArtefacts, openBroker, openModels, openRegistry } from "../../src/app/wire.ts";
import { type ScaleJob, type ScaleWindow, scalePlan, scaleStages } from "../scale-job.ts";

const drainTimeoutMs = 10_000;

const job = JSON.parse(process.argv[2] ?? "") as ScaleJob;
const plan = scalePlan(job);
const logger = createPinoLogger("warn");
const broker = await openBroker({ tls: undefined, sasl: undefined }, [job.bootstrap], logger);
const models = openModels(plan, broker, openArtefacts(join(job.folder, "models")), logger);
const stop = new AbortController();

const worker = await createWorker({
  plan,
  stages: scaleStages(plan, job),
  broker,
  registry: await openRegistry(join(job.folder, "registry"), undefined, "read"),
  models,
  logger,
  drainTimeoutMs,
  untilCaughtUp: false,
  onReady: () => say({ ready: true }),
});

let cpu = process.cpuUsage();
let atMs = systemClock.monotonicMs();
const asked = createInterface({ input: process.stdin });
asked.on("line", () => {
  const { user, system } = process.cpuUsage(cpu);
  const nowMs = systemClock.monotonicMs();
  const wallMicros = (nowMs - atMs) * 1_000;
  cpu = process.cpuUsage();
  atMs = nowMs;
  globalThis.gc?.();
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().length;
  say({ cpuMicros: user + system, wallMicros, rssBytes, heapBytes, handles } satisfies ScaleWindow);
});
asked.on("close", () => stop.abort());

process.exitCode = await worker.run(stop.signal);
await models.close();
await broker.close();

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
