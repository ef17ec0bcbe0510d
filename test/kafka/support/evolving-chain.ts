import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { loadFilePlan } from "../../../src/app/load-topology.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import {
  createDecoder,
  framingBytes,
  parseRecordSchemaText,
  type Row,
  readSchemaId,
} from "../../../src/schema/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import { plainRecords } from "../../support/records.ts";
import { type Ended, millrace } from "../../unit/app/command-line.ts";
import { type BuiltMillrace, WorkerProcess } from "./worker-process.ts";

const { signal } = new AbortController();
const repository = join(import.meta.dirname, "../../..");
const runMsMax = 60_000;

/** card-fraud.yaml in a namespace and a folder of its own, whose text changes between one command and the next. */
export class EvolvingChain {
  text: string;
  readonly namespace: string;
  readonly #bootstrap: string;
  readonly #folder: string;
  readonly #millrace: BuiltMillrace;
  #environment: Readonly<Record<string, string>>;
  #sent = 0;

  constructor(options: {
    readonly bootstrap: string;
    readonly folder: string;
    readonly namespace: string;
    readonly millrace: BuiltMillrace;
  }) {
    this.namespace = options.namespace;
    this.#bootstrap = options.bootstrap;
    this.#folder = options.folder;
    this.#millrace = options.millrace;
    this.#environment = { PAYMENTS_INBOX: this.topic("inbox"), PAYMENTS_REPORTS: this.topic("reports") };
    mkdirSync(join(this.#folder, "topologies"), { recursive: true });
    cpSync(join(repository, "schemas"), join(this.#folder, "schemas"), { recursive: true });
    const whole = readFileSync(join(repository, "topologies/card-fraud.yaml"), "utf8");
    // Its tests say what it is like before it changes.
    this.text = whole.slice(0, whole.indexOf("\ntests:\n") + 1);
  }

  topic(name: string): string {
    return `${this.namespace}.${name}`;
  }

  /** Replaces text that must be there. */
  edit(from: string, to: string): void {
    if (!this.text.includes(from)) throw new Error(`${JSON.stringify(from)} is not in the topology`);
    this.text = this.text.replace(from, () => to);
  }

  /** One command on the cluster, in this process. */
  command(name: "plan" | "apply" | "run", environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return millrace([name, this.#file(), ...this.#where], { environment: { ...this.#environment, ...environment } });
  }

  /** Sends payments of seven customers, and waits until a worker has worked them off. */
  async work(count: number): Promise<void> {
    const lines = Array.from({ length: count }, () => {
      const id = this.#sent++;
      const paid_at = new Date(Date.now() - 60_000 + id).toISOString();
      return JSON.stringify({ payment_id: `p${id}`, customer_id: `c${id % 7}`, terminal_id: "t", paid_at, amount: 10 });
    });
    const send = ["produce", this.topic("inbox"), "--file", "-", "--key", "customer_id", "--brokers", this.#bootstrap];
    const sent = await millrace(send, { stdin: `${lines.join("\n")}\n` });
    if (sent.code !== 0) throw new Error(sent.stderr);
    const stages = ["ingest", "clean", "features", "reports"];
    const args = ["run", this.#file(), "--stage", ...stages, "--until-caught-up", ...this.#where];
    await new WorkerProcess(this.#millrace.entry, args, this.#environment).endedWell(runMsMax);
  }

  /** The plan that runs now. */
  plan(): Promise<Plan> {
    return loadFilePlan(this.#file(), this.#environment, this.namespace).against(this.#registry, signal);
  }

  /** Everything in the topic of the features, read as the plan reads it now, oldest payment first. */
  async features(broker: Broker): Promise<readonly Row[]> {
    const { from: topic, reader } = (await this.plan()).stages.find((stage) => stage.name === "score")!;
    const rows: Row[] = [];
    for (const { partition, low, end } of await broker.admin.watermarks(topic.clusterName, signal)) {
      if (low === end) continue;
      for await (const batch of broker.read({ topic: topic.clusterName, partition, from: low, to: end }, signal))
        for (const { value } of plainRecords(batch)) {
          const id = readSchemaId(value!, 0, value!.length);
          const writer = parseRecordSchemaText((await this.#registry.byId(id, signal))!.text, "writer");
          if ("problems" in writer) throw new Error(writer.problems.map(({ message }) => message).join("; "));
          rows.push(createDecoder(writer.schema, reader).decode(value!, framingBytes, value!.length));
        }
    }
    const number = ({ payment_id: id }: Row): number => Number(String(id).slice(1));
    return rows.sort((a, b) => number(a) - number(b));
  }

  get #registry() {
    return createFolderRegistry(join(this.#folder, "registry"), { readOnly: true });
  }

  get #where(): readonly string[] {
    const registry = join(this.#folder, "registry");
    return ["--brokers", this.#bootstrap, "--registry", registry, "--namespace", this.namespace];
  }

  #file(): string {
    const file = join(this.#folder, "topologies/card-fraud.yaml");
    writeFileSync(file, this.text);
    return file;
  }
}
