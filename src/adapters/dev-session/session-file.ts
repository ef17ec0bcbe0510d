/** Where a dev session says how to reach it: a file that only its owner can read. One session per folder. */
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OperationError } from "../../kernel/index.ts";

export interface SessionAddress {
  readonly port: number;
  /** Bearer token, new for every session. */
  readonly token: string;
  readonly pid: number;
}

const fileName = "session.json";
/** A session that runs answers in milliseconds. */
const probeTimeoutMs = 2_000;
/** More than one file that nobody stands behind means that others are starting sessions here. */
const claimsMax = 3;

/**
 * Leaves the address in the folder, in place of one that nobody stands behind any more.
 *
 * The file appears whole or not at all, and never over another: of two sessions that start at once one is refused.
 *
 * @throws OperationError MR_DEV_SESSION when another session runs in the folder
 */
export async function claimSessionFile(folder: string, address: SessionAddress): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  const temporary = `${path}.${randomUUID()}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(address)}\n`, { mode: 0o600, flag: "wx" });
  try {
    for (let claim = 1; ; claim++) {
      try {
        linkSync(temporary, path);
        return;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST" || claim === claimsMax) throw cause;
      }
      const left = addressIn(folder);
      await refuseSecondSession(folder);
      // Another that starts at the same time may have taken its place meanwhile.
      if (addressIn(folder)?.token === left?.token) rmSync(path, { force: true });
    }
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** @throws OperationError MR_DEV_SESSION when a session runs in the folder: it says which, and how to end it */
export async function refuseSecondSession(folder: string): Promise<void> {
  const found = addressIn(folder);
  if (found === undefined || !(await isRunning(found))) return;
  throw new OperationError(
    "MR_DEV_SESSION",
    `starting a dev session: one runs in this folder already, process ${found.pid} at 127.0.0.1:${found.port}; end it with Ctrl-C in its terminal or \`kill ${found.pid}\`, or start this one in another folder`,
  );
}

/** Removes the file when it is still ours: a later session may have replaced it. */
export function removeSessionFile(folder: string, token: string): void {
  if (addressIn(folder)?.token === token) rmSync(join(folder, fileName), { force: true });
}

/** @throws OperationError MR_DEV_SESSION when no session has left its address in the folder */
export function readSessionFile(folder: string): SessionAddress {
  const path = join(folder, fileName);
  try {
    const address = parseAddress(readFileSync(path, "utf8"));
    if (address !== undefined) return address;
  } catch (cause) {
    throw new OperationError(
      "MR_DEV_SESSION",
      `reading ${path}: no dev session runs here; start one with \`millrace dev FILE\``,
      { cause },
    );
  }
  throw new OperationError("MR_DEV_SESSION", `reading ${path}: not the address of a dev session`);
}

function addressIn(folder: string): SessionAddress | undefined {
  try {
    return parseAddress(readFileSync(join(folder, fileName), "utf8"));
  } catch {
    return undefined;
  }
}

function parseAddress(text: string): SessionAddress | undefined {
  const { port, token, pid } = JSON.parse(text) as Partial<SessionAddress>;
  const isAddress = typeof port === "number" && typeof token === "string" && typeof pid === "number";
  return isAddress ? { port, token, pid } : undefined;
}

/** Asked by token: after a crash the port and the process id may be somebody else's. */
async function isRunning({ port, token, pid }: SessionAddress): Promise<boolean> {
  const signal = AbortSignal.timeout(probeTimeoutMs);
  try {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://127.0.0.1:${port}/describe`, { method: "POST", headers, body: "[]", signal });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    // Somebody holds the port and says nothing: a session that was suspended, if its process is there.
    return signal.aborted && isAlive(pid);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}
