import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { createEncoder, writeSchemaId } from "../../src/schema/index.ts";
import { type BuiltMillrace, WorkerProcess } from "../../test/kafka/support/worker-process.ts";
import { eventually } from "../../test/support/deadline.ts";
import { type Contestant, type Encode, partitions, replication, slots } from "./contestant.ts";

const readyMsMax = 300_000;
const framingBytes = 5;
const { signal } = new AbortController();

const topology = `apiVersion: millrace/v1
kind: Topology
name: failover
delivery: exactly-once
topics:
  inbox: { format: json, external: true }
  payments: { schema: payment, key: customer, time: paid_at, partitions: ${partitions}, replication: ${replication} }
  features: { schema: inferred }
stages:
  - { name: ingest, from: inbox, to: payments, steps: [cast: { paid_at: timestamp-millis }] }
  - name: features
    from: payments
    to: features
    steps:
      - rolling: { by: customer, over: [1d], features: { n: count(), spent: sum(amount) } }
`;

const paymentSchema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "event_id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: "double" },
  ],
};

/** Supervised workers of one stage with one store, each in a slot of its own. */
export async function openMillrace(broker: Broker, bootstrap: string, millrace: BuiltMillrace): Promise<Contestant> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-failover-"));
  const [file, registryFolder] = [join(folder, "topologies/failover.yaml"), join(folder, "registry")];
  await mkdir(join(folder, "schemas"));
  await mkdir(join(folder, "topologies"));
  await writeFile(join(folder, "schemas/payment.avsc"), JSON.stringify(paymentSchema));
  await writeFile(file, topology);
  await broker.admin.createTopics([{ topic: "inbox", partitions: 1, replication, configs: {} }], signal);
  const plan = loadPlan(file, {}, undefined);
  const registry = createFolderRegistry(registryFolder);
  await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
  const stage = plan.stages.find(({ name }) => name === "features");
  if (stage === undefined) throw new Error("the topology has no stage features");
  const schema = await registry.latest(stage.from.subject ?? "", signal);

  const workers = new Map<number, WorkerProcess>();
  const ready = (worker: WorkerProcess, count: number): Promise<true> =>
    worker.until(eventually(readyMsMax, "a worker", async () => worker.readyCount >= count || undefined));
  const nameOf = (slot: number): string => `slot-${slot}`;
  return {
    name: "millrace",
    group: stage.group,
    inputTopic: stage.from.clusterName,
    outputTopic: stage.to.clusterName,
    encode: encoderOf(stage.reader, schema?.id ?? 0),
    start: async (slot) => {
      const where = ["--brokers", bootstrap, "--registry", registryFolder, "--stage", stage.name];
      const flags = ["run", file, ...where, "--instance-id", nameOf(slot), "--state-dir", join(folder, nameOf(slot))];
      const worker = new WorkerProcess(millrace.entry, flags, { MILLRACE_NO_SUPERVISE: "" });
      workers.set(slot, worker);
      await ready(worker, 1);
    },
    replace: async (slot, killed) => {
      const worker = workers.get(slot);
      const pid = worker?.workerPids.at(-1);
      if (worker === undefined || pid === undefined) throw new Error(`${nameOf(slot)} has no worker`);
      const count = worker.readyCount;
      process.kill(pid, "SIGKILL");
      killed();
      await ready(worker, count + 1);
    },
    // What a group calls a static member begins with its instance id.
    isOf: (slot, { memberId }) => memberId.startsWith(`${nameOf(slot)}-`),
    stop: async () => {
      for (let slot = 0; slot < slots; slot++) workers.get(slot)?.kill("SIGTERM");
      await Promise.all([...workers.values()].map((worker) => worker.ended(readyMsMax)));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function encoderOf(schema: Parameters<typeof createEncoder>[0], schemaId: number): Encode {
  const encoder = createEncoder(schema);
  const scratch = Buffer.alloc(1_024);
  writeSchemaId(scratch, 0, schemaId);
  return ({ id, customer, paidAtMs, amount }) => {
    const end = encoder.encode({ event_id: id, customer, paid_at: paidAtMs, amount }, scratch, framingBytes);
    return Buffer.from(scratch.subarray(0, end));
  };
}
