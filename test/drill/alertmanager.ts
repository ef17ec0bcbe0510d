import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/deadline.ts";

const repository = join(import.meta.dirname, "../..");
const installed = "/usr/bin/prometheus-alertmanager";
/** Where Debian's package is unpacked, without being installed. */
const unpacked = join(repository, ".millrace/alertmanager");
/** Debian's program looks for its templates at their place alone: there they are, for this process and nobody else. */
const inPlace = ["-rm", "sh", "-c", 'mount --bind "$0/usr/share" /usr/share && exec "$@"', unpacked];
const startMsMax = 20_000;

/**
 * The program of Prometheus' Alertmanager: `MILLRACE_TEST_ALERTMANAGER`, the one that is installed, or that of Debian's
 * package, downloaded and unpacked. Undefined where none can be had.
 */
export async function findAlertmanager(): Promise<string | undefined> {
  const named = process.env["MILLRACE_TEST_ALERTMANAGER"];
  if (named !== undefined && named !== "") return named;
  const program = join(unpacked, installed);
  const found = [installed, program].find((path) => existsSync(path));
  if (found !== undefined) return found;
  await mkdir(unpacked, { recursive: true });
  spawnSync("apt-get", ["download", "prometheus-alertmanager"], { cwd: unpacked, timeout: 120_000 });
  const [archive] = (await readdir(unpacked)).filter((file) => file.endsWith(".deb"));
  if (archive === undefined) return undefined;
  spawnSync("dpkg", ["-x", archive, "."], { cwd: unpacked, timeout: 60_000 });
  return existsSync(program) ? program : undefined;
}

/** An Alertmanager of its own on loopback, which tells one place of each alert and of its end. */
export class Alertmanager {
  readonly url: string;
  /** Rejects when it ends. */
  readonly ended: Promise<never>;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, ended: Promise<never>, folder: string, url: string) {
    this.#child = child;
    this.ended = ended;
    this.#folder = folder;
    this.url = url;
  }

  /** @param receiver where it posts what it tells, in its webhook's format, version 4 */
  static async start(program: string, port: number, receiver: string): Promise<Alertmanager> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-alertmanager-"));
    const config = join(folder, "alertmanager.yml");
    await writeFile(config, configText(receiver));
    const flags = {
      "config.file": config,
      "storage.path": join(folder, "data"),
      "web.listen-address": `127.0.0.1:${port}`,
      // It gossips with nobody.
      "cluster.listen-address": "",
      "log.level": "error",
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const [command, before] = program.startsWith(unpacked) ? ["unshare", [...inPlace, program]] : [program, []];
    const child = spawn(command, [...before, ...args], { stdio: ["ignore", "inherit", "inherit"] });
    process.on("exit", () => child.kill("SIGKILL"));
    const url = `http://127.0.0.1:${port}`;
    const ended = once(child, "close").then(([code]): never => {
      throw new Error(`Alertmanager ended with ${code}`);
    });
    // Its end is awaited where it is stopped.
    ended.catch(() => undefined);
    const answers = async (): Promise<true | undefined> =>
      (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true || undefined;
    await Promise.race([eventually(startMsMax, "Alertmanager to be ready", answers), ended]);
    return new Alertmanager(child, ended, folder, url);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.ended.catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Each alert is a group of its own, and is told at once and never again. */
function configText(receiver: string): string {
  return `route:
  receiver: drill
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
receivers:
  - name: drill
    webhook_configs:
      - url: ${receiver}
        send_resolved: true
`;
}
