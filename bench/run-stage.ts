import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { WindowResult } from "./job.ts";

export const repository = join(import.meta.dirname, "..");
const timeoutMs = 120_000;

/** What a run of one stage in a process of its own came to. */
export interface StageResult {
  readonly in: number;
  readonly out: number;
  /** Mean bytes of a value. */
  readonly bytes: number;
  readonly window: WindowResult;
  /** Longest that the event loop was held up. */
  readonly delayMsMax: number;
}

/**
 * Runs a stage of `stages.ts` on the memory broker, out of a build's `dist`.
 * @throws Error when it did not do every record
 */
export async function runStage(build: string, records: number, stage: string): Promise<StageResult> {
  const args = ["--import", "tsx", join(import.meta.dirname, "wide-contestant.ts"), build, String(records), stage];
  const child = spawn(process.execPath, args, { cwd: repository, stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`running ${build}: it ended with ${code}: ${text}`);
  const result = JSON.parse(text.trim().split("\n").at(-1) ?? "") as StageResult;
  if (result.in !== records || result.out !== records) throw new Error(`${build} did not do every record: ${text}`);
  return result;
}
