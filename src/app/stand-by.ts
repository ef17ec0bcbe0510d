/** What a spare does before it is a worker. */
import { createCodecs } from "../adapters/codecs/index.ts";
import type { CommandContext } from "./cli/command.ts";
import { loadFilePlan } from "./load-topology.ts";
import type { RunOptions } from "./run-worker.ts";
import { untilNeeded } from "./supervised-worker.ts";

/**
 * Loads what a worker is made of and plans its file once, which is most of what a start takes, and waits until it is needed.
 * The plan is thrown away: what runs is the file as it is then.
 *
 * @returns false when it was stopped before
 */
export async function standBy(context: CommandContext, { file, named }: RunOptions): Promise<boolean> {
  // From the first on, so that nothing that is sent meanwhile is lost.
  const needed = untilNeeded(context.stop, (code) => process.exit(code));
  await Promise.allSettled([
    import("../adapters/kafkajs/index.ts"),
    import("../adapters/registry-http/index.ts"),
    createCodecs(),
    planned(() => loadFilePlan(file, context.environment, named.namespace)),
  ]);
  return needed;
}

/** A file that cannot be planned now is the worker's to refuse. */
async function planned(load: () => unknown): Promise<void> {
  load();
}
