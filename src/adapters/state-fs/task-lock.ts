import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";

/** How often a holder says that it lives. */
const aliveEveryMs = 10_000;
/** Of a holder that has said nothing for so long, on another machine or where nobody tells which process a pid is. */
const deadAfterMs = 60_000;
const attemptsMax = 3;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Another one for each process: a pid is given again. */
  readonly process: string;
  /** When the process began, as its machine counts; empty where that cannot be told. */
  readonly began: string;
}

export interface TaskLock {
  release(): Promise<void>;
}

const thisProcess = randomUUID();
const heldHere = new Set<string>();

/** Takes the lock file at `path`; undefined while another process, or this one, has it. One of a dead process is taken over. */
export async function takeLock(path: string): Promise<TaskLock | undefined> {
  if (heldHere.has(path)) return undefined;
  heldHere.add(path);
  try {
    const began = (await beganOf(process.pid)) ?? "";
    const holder: Holder = { pid: process.pid, host: hostname(), process: thisProcess, began };
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (await make(path, JSON.stringify(holder))) return heldLock(path);
      if (await isAlive(path)) break;
      await dropDead(path);
    }
  } catch (cause) {
    heldHere.delete(path);
    throw cause;
  }
  heldHere.delete(path);
  return undefined;
}

function heldLock(path: string): TaskLock {
  const alive = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, aliveEveryMs);
  alive.unref();
  return {
    release: async () => {
      clearInterval(alive);
      try {
        const found = await holderOf(path);
        if (found?.process === thisProcess) await rm(path, { force: true });
      } finally {
        heldHere.delete(path);
      }
    },
  };
}

async function make(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(text);
    } catch (cause) {
      // An empty one would look like that of another process.
      await rm(path, { force: true });
      throw cause;
    } finally {
      await file.close();
    }
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Of several that find it dead one moves it away; what another has made in between is not touched. */
async function dropDead(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.new`;
  try {
    await rename(path, aside);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return;
    throw cause;
  }
  if (await isAlive(aside)) await rename(aside, path);
  else await rm(aside, { force: true });
}

async function isAlive(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  if (holder?.host === hostname()) {
    if (holder.process === thisProcess) return heldHere.has(path);
    // Under the same pid there is this process now.
    if (holder.pid === process.pid) return false;
    const isKnown = await isRunning(holder);
    if (isKnown !== undefined) return isKnown;
  }
  // Of another machine, half written, or of a pid that may be another process's by now.
  const file = await stat(path).catch(() => undefined);
  return file !== undefined && Date.now() - file.mtimeMs < deadAfterMs;
}

/** Undefined where there is a process of this pid, and nothing tells whether it is this one. */
async function isRunning({ pid, began }: Holder): Promise<boolean | undefined> {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if (codeOf(cause) === "ESRCH") return false;
  }
  const found = await beganOf(pid);
  return found === undefined || began === "" ? undefined : found === began;
}

/** Field 22 of Linux's `/proc/<pid>/stat`; undefined where there is none. */
async function beganOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is the command in brackets, which may hold anything.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/** The system's error code of something thrown, such as ENOENT. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
