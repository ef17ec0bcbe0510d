import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createCodecs } from "../../src/adapters/codecs/index.ts";
import { systemClock, yieldToLoop } from "../../src/adapters/node/index.ts";
import { createPinoLogger } from "../../src/adapters/pino/index.ts";
import { openArtefacts, openBroker, openModels, openRegistry } from "../../src/app/wire.ts";
import { Worker } from "../../src/app/worker.ts";
import { BufferBudget, createStageRunner } from "../../src/runtime/index.ts";
import { benchPlan, benchStage, besideLoop, type ChainVariant } from "../bench-plan.ts";
import { CpuWindow } from "../cpu-window.ts";
import type { Job, JobResult } from "../job.ts";

const drainTimeoutMs = 10_000;

type MillraceJob = Pick<Job, "bootstrap" | "folder" | "records"> & { readonly variant?: ChainVariant };

/**
 * Stage `chain` as `millrace run --stage chain` runs it: the same worker, broker, registry and model source. The
 * runner is made here and not by `createWorker`, because its counts are asked for.
 */
export async function runMillrace({ variant = besideLoop, ...job }: MillraceJob): Promise<JobResult> {
  const plan = benchPlan(variant);
  const logger = createPinoLogger("warn");
  const broker = await openBroker({ tls: undefined, sasl: undefined }, [job.bootstrap], logger);
  const registry = await openRegistry(join(job.folder, "registry"), undefined, "read");
  const models = openModels(plan, broker, openArtefacts(join(job.folder, "models")), logger);
  const { deflateGzip } = await createCodecs();
  const runner = createStageRunner({
    plan,
    stage: benchStage(plan, variant.stage),
    broker,
    registry,
    models,
    clock: systemClock,
    logger,
    budget: new BufferBudget({ bytesMax: 128 * 1024 * 1024, reservedBytesPerTask: 512 * 1024 }),
    yieldToLoop,
    deflateGzip,
  });
  const worker = new Worker({
    stages: [runner],
    broker,
    clock: systemClock,
    logger,
    drainTimeoutMs,
    untilCaughtUp: false,
  });
  const stop = new AbortController();
  const window = new CpuWindow(job.records, () => runner.counts().in);
  const running = worker.run(stop.signal);
  while (runner.counts().in < job.records && runner.status !== "halted") await delay(20);
  stop.abort();
  await running;
  const counts = runner.counts();
  await models.close();
  await broker.close();
  const sum = (by: Readonly<Record<string, number>>): number => Object.values(by).reduce((all, n) => all + n, 0);
  return {
    in: counts.in,
    out: counts.out,
    filtered: sum(counts.filtered) + counts.late,
    deadLetters: sum(counts.deadLetters),
    window: window.result(),
    commits: runner.tallies.total("millrace_commits_total"),
    rssPeakBytes: process.resourceUsage().maxRSS * 1024,
  };
}
