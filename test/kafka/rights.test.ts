import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect, stockKafka } from "./harness/client.ts";
import { KafkaNode } from "./harness/node.ts";
import { RelayChain } from "./support/relay-chain.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 120_000 });

const { AclOperationTypes: may, AclResourceTypes: on, ResourcePatternTypes: pattern } = kafkajs;
const deadlineMs = 45_000;
const partitions = 2;
const login = "org.apache.kafka.common.security.plain.PlainLoginModule required";

/** A broker of its own that asks for each right; whoever comes without a password may do everything. */
describeFaults("a worker on a cluster that asks for rights", () => {
  let node: KafkaNode;
  let broker: Broker;
  let millrace: BuiltMillrace;
  let folder: string;
  let chain: RelayChain;
  let acls: kafkajs.Admin;
  /** The list of docs/guides/security.md, by what a right is called there. */
  const rights = new Map<string, kafkajs.AclEntry>();

  beforeAll(async () => {
    const configs = {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
      "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN",
      "listener.name.sasl_plaintext.plain.sasl.jaas.config": `${login} user_worker="secret";`,
    };
    const parts = [KafkaNode.start({ listeners: ["SASL_PLAINTEXT"], configs }), buildMillrace()] as const;
    [node, millrace] = await Promise.all(parts);
    folder = await mkdtemp(join(tmpdir(), "millrace-rights-"));
    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, "secret");
    broker = await connect(node.bootstrap);
    const environment = {
      MILLRACE_SASL_MECHANISM: "plain",
      MILLRACE_SASL_USERNAME: "worker",
      MILLRACE_SASL_PASSWORD_FILE: passwordFile,
    };
    const namespace = uniqueNamespace();
    const bootstrap = node.bootstrap;
    const worksAt = node.addressOf("SASL_PLAINTEXT");
    chain = await RelayChain.open({ bootstrap, worksAt, broker, millrace, namespace, partitions, environment });
    acls = stockKafka(node.bootstrap).admin();
    await acls.connect();
    const entry = (resourceType: number, resourceName: string, operation: number, resourcePatternType: number) => ({
      resourceType,
      resourceName,
      operation,
      resourcePatternType,
      principal: "User:worker",
      host: "*",
      permissionType: kafkajs.AclPermissionTypes.ALLOW,
    });
    const own = `${namespace}.`;
    // The inbox is another's: its rights are given by its name.
    rights.set("READ on the input", entry(on.TOPIC, chain.inbox, may.READ, pattern.LITERAL));
    rights.set("DESCRIBE_CONFIGS on the input", entry(on.TOPIC, chain.inbox, may.DESCRIBE_CONFIGS, pattern.LITERAL));
    for (const topic of chain.ownTopics) {
      // Nothing is read back from the accounts.
      const isRead = !topic.endsWith(".accounts");
      for (const right of [...(isRead ? (["READ"] as const) : []), "WRITE", "DESCRIBE_CONFIGS"] as const)
        rights.set(`${right} on ${topic.slice(own.length)}`, entry(on.TOPIC, topic, may[right], pattern.LITERAL));
    }
    rights.set("READ on the groups", entry(on.GROUP, own, may.READ, pattern.PREFIXED));
    await acls.createAcls({ acl: [...rights.values()] });
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await acls?.disconnect();
    await broker?.close();
    await node?.remove();
    await millrace?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function without(name: string): Promise<WorkerProcess> {
    const right = rights.get(name)!;
    await acls.deleteAcls({ filters: [right] });
    const worker = chain.start();
    // Where one stage alone lacks a right the others go on.
    await Promise.race([
      worker.ended(deadlineMs),
      worker.warned("The stage is halted.", deadlineMs).catch(() => undefined),
    ]);
    await worker.ended(1_000).catch(() => undefined);
    await acls.createAcls({ acl: [right] });
    return worker;
  }

  test("works with exactly the rights of the list", async () => {
    await chain.send(200);
    const worker = chain.start();
    await worker.ready(deadlineMs);
    await worker.until(chain.workedOff(deadlineMs));
    worker.kill("SIGTERM");
    await worker.endedWell(deadlineMs);
    expect(worker.warnings).toEqual([]);
    expect((await chain.arrived()).ids).toBe(chain.sent);
  });

  test.for([
    ["READ on the input", /READ on the topic/, "inbox"],
    ["DESCRIBE_CONFIGS on the input", /DESCRIBE_CONFIGS on the topic/, "inbox"],
    ["WRITE on a", /WRITE on the topic/, "a"],
    ["READ on the groups", /READ on the group/, "relay.one"],
  ] as const)("without %s it says so", async ([name, right, what]) => {
    await chain.send(10);
    const worker = await without(name);
    const said = [...worker.strayLines, ...worker.warnings.map(({ reason }) => reason ?? "")].join("\n");
    expect(said).toMatch(right);
    expect(said).toContain(what);
  });

  // A client that asked again and again would be a load on the cluster, and a line a second in the log.
  test("a right that is withdrawn while it works halts the stage that needs it, once, and the others go on", async () => {
    const output = rights.get("WRITE on a")!;
    const worker = chain.start();
    await worker.ready(deadlineMs);
    await acls.deleteAcls({ filters: [output] });
    await chain.send(20);
    const halted = await worker.warned("The stage is halted.", deadlineMs);
    expect(halted).toMatchObject({ stage: "one", code: "MR_BROKER" });
    expect(halted.reason).toMatch(/writing to \S+\.a-\d: .*WRITE on the topic/);
    await worker.until(chain.committed("two", deadlineMs));
    await acls.createAcls({ acl: [output] });
    worker.kill("SIGTERM");
    expect((await worker.ended(deadlineMs)).code).toBe(1);
    expect(worker.warnings.filter(({ msg }) => msg === "The stage is halted.")).toHaveLength(1);
    expect(worker.strayLines).toEqual([]);
  });
});
