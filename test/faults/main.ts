/**
 * `npm run test:faults`: a chain of three stages on three brokers, disturbed by seed, and judged by what is in the logs.
 *
 *   npm run test:faults -- --seed S --kills N [--mode exactly-once|at-least-once] [--rate N] [--keep]
 *                          [--transaction-version 0|1|2] [--worker millrace|naive]
 *
 * Everything comes from outside: signals, connections that are cut or hold a request back, leaders that move. The last
 * line is `mode M records N lost N duplicates N kills N in-commit N moves N freezes N`. Ends with 1 when something is
 * lost, copied (exactly-once) or wrong, when a worker ended by itself, when fewer disturbances happened than were asked
 * for, or when fewer than 500 records passed for each kill. Slowness alone fails nothing: what is waited for may take as
 * long as anything moves. `--mode` and `--kills` may be given several times, for several chains one after the other.
 * `--report FILE` is for CI, which counts each as a test. `--worker naive` puts the same stages into the slots as somebody writes them first: that is what has to fail.
 */
import { writeFile } from "node:fs/promises";
import { KafkaCluster } from "../kafka/harness/cluster.ts";
import { endWorkers } from "../kafka/support/worker-process.ts";
import { readFlags } from "./asked.ts";
import { openContestant } from "./contestants.ts";
import { runFaults, workers } from "./fault-run.ts";
import { type JudgedRun, laneReport, lastLine, shortcomings } from "./outcome.ts";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const asked = readFlags(process.argv.slice(2));
  const { transactionVersion, runs, keep } = asked;
  const format = transactionVersion === undefined ? [] : ["--feature", `transaction.version=${transactionVersion}`];
  const [cluster, contestant] = await Promise.all([
    KafkaCluster.start(3, { roads: workers, format, configs: { "min.insync.replicas": "2" } }),
    openContestant(asked.worker),
  ]);
  const judged: JudgedRun[] = [];
  try {
    for (const [index, run] of runs.entries()) {
      const outcome = await runFaults(run, { ...asked, cluster, contestant, namespace: `faults-${index}`, say });
      judged.push({ line: lastLine(run, outcome), reasons: shortcomings(run, outcome) });
      for (const reason of judged.at(-1)?.reasons ?? []) say(reason);
      process.stdout.write(`${judged.at(-1)?.line}\n`);
    }
    const report = laneReport(judged);
    if (report.failed > 0) process.exitCode = 1;
    if (asked.report !== undefined) await writeFile(asked.report, JSON.stringify(report));
    if (keep) {
      say(`kept until this process ends: ${cluster.bootstrap}`);
      await new Promise(() => setInterval(() => undefined, 60_000));
    }
  } finally {
    await endWorkers();
    await cluster.remove();
    await contestant.remove();
  }
}

await main();
