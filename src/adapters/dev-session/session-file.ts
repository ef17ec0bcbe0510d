/** Where a dev session says how to reach it: a file that only its owner can read. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OperationError } from "../../kernel/index.ts";

export interface SessionAddress {
  readonly port: number;
  /** Bearer token, new for every session. */
  readonly token: string;
  readonly pid: number;
}

const fileName = "session.json";

export function writeSessionFile(folder: string, address: SessionAddress): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(address)}\n`, { mode: 0o600, flag: "wx" });
}

/** Removes the file when it is still ours: a later session may have replaced it. */
export function removeSessionFile(folder: string, pid: number): void {
  try {
    if (readSessionFile(folder).pid === pid) rmSync(join(folder, fileName), { force: true });
  } catch {
    // Already gone.
  }
}

/** @throws OperationError MR_DEV_SESSION when no session has left its address in the folder */
export function readSessionFile(folder: string): SessionAddress {
  const path = join(folder, fileName);
  try {
    const address = JSON.parse(readFileSync(path, "utf8")) as Partial<SessionAddress>;
    const { port, token, pid } = address;
    if (typeof port === "number" && typeof token === "string" && typeof pid === "number") return { port, token, pid };
  } catch (cause) {
    throw new OperationError(
      "MR_DEV_SESSION",
      `reading ${path}: no dev session runs here; start one with \`millrace dev FILE\``,
      { cause },
    );
  }
  throw new OperationError("MR_DEV_SESSION", `reading ${path}: not the address of a dev session`);
}
