/**
 * `npm run test:loop`: a model whose concept changes in mid-stream, on a broker of its own, with workers as processes; the
 * trainer and a scorer are killed at points drawn from the seed, and what the topics and folders hold is judged.
 *
 *   npm run test:loop -- --seed S [--seed S ...] [--spoil switch-offsets|versions] [--report FILE]
 *
 * A run ends with the line `loop seed S incidents N promotions N switch-offsets ok|BAD versions ok|BAD trainings N`. Ends
 * with 1 when anything is BAD, when there was more or less than one incident, promotion or training that ended, when a
 * worker ended by itself, or when fewer kills happened than two. Odd seeds run exactly once, even ones at least once.
 * `--spoil` changes one thing of what was read before it is judged: that has to fail. `--report FILE` is for CI, which
 * counts each run as a test. What workers said stays in `.millrace/loop/`.
 */
import { writeFile } from "node:fs/promises";
import { laneReport } from "../faults/outcome.ts";
import { connect } from "../kafka/harness/client.ts";
import { ProxiedNode } from "../kafka/harness/proxied-node.ts";
import { buildMillrace, endWorkers } from "../kafka/support/worker-process.ts";
import { type Asked, readFlags } from "./asked.ts";
import { lastLine } from "./judge.ts";
import { type LoopRunOptions, runLoop } from "./loop-run.ts";
import { brokenLine, shortcomings } from "./outcome.ts";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The line of a run, and why it is not passed. */
async function judged(
  options: LoopRunOptions,
): Promise<{ readonly line: string; readonly reasons: readonly string[] }> {
  try {
    const outcome = await runLoop(options);
    return { line: lastLine(options.seed, outcome.verdict), reasons: shortcomings(outcome) };
  } catch (thrown) {
    return { line: brokenLine(options.seed), reasons: String(thrown).split("\n") };
  } finally {
    await endWorkers();
  }
}

async function main({ seeds, spoil, report }: Asked): Promise<void> {
  const [node, millrace] = await Promise.all([ProxiedNode.start(), buildMillrace()]);
  try {
    const broker = await connect(node.bootstrap);
    const runs = [];
    for (const [index, seed] of seeds.entries()) {
      const beganMs = performance.now();
      const run = await judged({ seed, spoil, node, broker, millrace, say, namespace: `loop-${index}` });
      for (const reason of run.reasons) say(reason);
      say(`seed ${seed} took ${Math.round((performance.now() - beganMs) / 1_000)} s`);
      process.stdout.write(`${run.line}\n`);
      runs.push(run);
    }
    await broker.close();
    const found = laneReport(runs);
    if (found.failed > 0) process.exitCode = 1;
    if (report !== undefined) await writeFile(report, JSON.stringify(found));
  } finally {
    await endWorkers();
    await node.remove();
    await millrace.remove();
  }
}

await main(readFlags(process.argv.slice(2)));
