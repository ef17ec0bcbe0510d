import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { within } from "../../support/deadline.ts";

const deadlineMs = 150_000;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunIn {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Runs a program to its end. */
export async function runProgram(program: string, args: readonly string[], where: RunIn): Promise<Ran> {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...where.environment };
  const child = spawn(program, args, { cwd: where.cwd, env, stdio: ["pipe", "pipe", "pipe"] });
  // A program that does not read its input is free not to.
  child.stdin.on("error", () => undefined).end(where.stdin ?? "");
  const ended = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  try {
    const [[code], stdout, stderr] = await within(deadlineMs, `${program} ${args.join(" ")}`, ended);
    return { code: code as number | null, stdout, stderr };
  } catch (late) {
    child.kill("SIGKILL");
    throw late;
  }
}

/** Runs a program that has to end with 0, and answers what it printed. */
export async function mustRun(program: string, args: readonly string[], where: RunIn): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, where);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
