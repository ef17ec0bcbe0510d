import { link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OperationError } from "../../kernel/index.ts";

/** Longest wait for another writer; one registration takes milliseconds. */
const waitMsMax = 10_000;
const pollMs = 15;

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/**
 * Runs `work` while no other writer of the folder runs, in this process or another.
 * A lock whose process is gone is taken over.
 * @throws OperationError MR_REGISTRY ("retry") when the lock is not free within 10 s
 */
export async function withFolderLock<T>(dir: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const path = join(dir, ".lock");
  const holder = JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder);
  for (let waitedMs = 0; !(await take(path, holder)); waitedMs += pollMs) {
    if (waitedMs >= waitMsMax) {
      const message = `writing to the registry folder ${dir}: ${path} is held by another process`;
      throw new OperationError("MR_REGISTRY", message, { disposition: "retry" });
    }
    await dropDead(path);
    await sleep(pollMs, undefined, { signal });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, holder: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(holder);
    await file.close();
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

async function dropDead(path: string): Promise<void> {
  if (!(await isDead(path))) return;
  const aside = `${path}.${process.pid}.dead`;
  try {
    await rename(path, aside);
    // Somebody may have taken the dead lock over in between: then theirs was moved, and goes back.
    if (!(await isDead(aside))) await link(aside, path);
    await rm(aside, { force: true });
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT" && codeOf(thrown) !== "EEXIST") throw thrown;
  }
}

/** Unreadable or half-written counts as alive: its writer is at work. */
async function isDead(path: string): Promise<boolean> {
  try {
    const holder = JSON.parse(await readFile(path, "utf8")) as Partial<Holder>;
    if (holder.host !== hostname() || typeof holder.pid !== "number") return false;
    process.kill(holder.pid, 0);
    return false;
  } catch (thrown) {
    return codeOf(thrown) === "ESRCH";
  }
}

/** The system's error code of something thrown, such as ENOENT. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
