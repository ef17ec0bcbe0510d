import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaBrokerOptions, SaslOptions } from "../../src/adapters/kafkajs/index.ts";
import type { LogFields, Logger } from "../../src/kernel/index.ts";
import { plainRecords, textOf, textRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { run } from "./harness/java.ts";
import { KafkaNode } from "./harness/node.ts";

const { signal } = new AbortController();
const password = "correct horse battery staple";
const mechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;

/** A broker of their own that asks for certificates and passwords. */
describeFaults("a broker that asks who is there", () => {
  let node: KafkaNode;
  let folder: string;
  let ca: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-kafka-tls-"));
    const store = join(folder, "broker.p12");
    const at = ["-alias", "broker", "-keystore", store, "-storetype", "PKCS12", "-storepass", "changeit"];
    const subject = ["-dname", "CN=broker", "-ext", "san=ip:127.0.0.1", "-validity", "2"];
    await run("keytool", ["-genkeypair", "-keyalg", "EC", ...at, ...subject], {});
    await run("keytool", ["-exportcert", "-rfc", "-file", join(folder, "ca.pem"), ...at], {});
    ca = await readFile(join(folder, "ca.pem"), "utf8");
    const scram = (name: string): string => `${name}=[name=alice,password=${password}]`;
    node = await KafkaNode.start({
      listeners: ["SASL_PLAINTEXT", "SSL", "SASL_SSL"],
      format: ["--add-scram", scram("SCRAM-SHA-256"), "--add-scram", scram("SCRAM-SHA-512")],
      configs: { ...saslConfigs("sasl_plaintext"), ...saslConfigs("sasl_ssl"), ...tlsConfigs(store) },
    });
  });
  afterAll(async () => {
    await node?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** Writes and reads two records; answers what came back and everything that was logged. */
  async function roundTrip(protocol: string, options: Partial<KafkaBrokerOptions>) {
    const log: string[] = [];
    const broker = await connect(node.addressOf(protocol), { ...options, logger: listeningLogger(log) });
    const topic = `${uniqueNamespace()}.secured`;
    try {
      await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
      await broker.append(textRecords(topic, 0, 2), signal);
      const texts: (string | undefined)[] = [];
      for await (const batch of broker.read({ topic, partition: 0, from: "earliest", to: 2 }, signal)) {
        texts.push(...plainRecords(batch).map((record) => textOf(record)));
      }
      return { texts, log };
    } finally {
      await broker.close();
    }
  }

  for (const mechanism of mechanisms) {
    test(`${mechanism}: the right password opens, a wrong one is told at once, and neither is logged`, async () => {
      const sasl: SaslOptions = { mechanism, username: "alice", password };
      const { texts, log } = await roundTrip("SASL_PLAINTEXT", { sasl });
      expect(texts).toEqual(["r0", "r1"]);
      const startedMs = performance.now();
      const wrong = roundTrip("SASL_PLAINTEXT", { sasl: { ...sasl, password: "not that one" } });
      await expect(wrong).rejects.toMatchObject({ code: "MR_BROKER", disposition: "halt" });
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      expect(log.join("\n")).not.toContain(password);
    });
  }

  test("TLS: a broker whose certificate is trusted opens, with a password on top where it asks for one", async () => {
    expect((await roundTrip("SSL", { tls: { ca } })).texts).toEqual(["r0", "r1"]);
    const sasl: SaslOptions = { mechanism: "scram-sha-512", username: "alice", password };
    expect((await roundTrip("SASL_SSL", { tls: { ca }, sasl })).texts).toEqual(["r0", "r1"]);
  });

  test("TLS: a certificate that nobody vouches for is told at once", async () => {
    const untrusted = roundTrip("SSL", { tls: true });
    await expect(untrusted).rejects.toMatchObject({ code: "MR_BROKER", disposition: "halt" });
  });
});

function saslConfigs(listener: string): Record<string, string> {
  const plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule";
  return {
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `${plain} required user_alice="${password}";`,
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: `${scram} required;`,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: `${scram} required;`,
  };
}

function tlsConfigs(store: string): Record<string, string> {
  return {
    "ssl.keystore.location": store,
    "ssl.keystore.type": "PKCS12",
    "ssl.keystore.password": "changeit",
    "ssl.key.password": "changeit",
  };
}

function listeningLogger(lines: string[]): Logger {
  const write = (fields: LogFields, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { debug: write, info: write, warn: write, error: write };
}
