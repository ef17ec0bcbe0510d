import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, runJava } from "./java.ts";
import { KafkaNode } from "./node.ts";

const daysValid = "2";
const ownerOnly = 0o600;
/** How long a sign-in with SCRAM-SHA-256 in the clear holds: kafkajs signs in anew 10 s before that. */
const sessionMs = 12_000;

/** A certificate and its private key, as files in PEM form. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** One user with a password of its own per way to sign in, so that a test sees which of them leaks. */
export interface SecureUser {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly name: string;
  readonly password: string;
  /** Holds the password and a line's end. */
  readonly passwordFile: string;
}

/**
 * A broker of its own that asks who is there: one listener wants a password over TLS, the other a certificate of the
 * client. Everything that it needs is made in a folder that goes with it; no two runs share a secret.
 */
export class SecureBroker {
  /** Vouches for the broker and for the client. */
  readonly ca: string;
  /** Vouches for nobody here. */
  readonly strangerCa: string;
  /** Known to the broker. */
  readonly client: KeyPair;
  /** Made by somebody whom the broker does not know. */
  readonly stranger: KeyPair;
  readonly users: readonly SecureUser[];
  readonly folder: string;
  readonly #node: KafkaNode;

  private constructor(folder: string, node: KafkaNode, users: readonly SecureUser[]) {
    const pair = (name: string): KeyPair => ({ cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) });
    this.folder = folder;
    this.ca = pair("ca").cert;
    this.strangerCa = pair("stranger-ca").cert;
    this.client = pair("client");
    this.stranger = pair("stranger");
    this.users = users;
    this.#node = node;
  }

  /** Takes about 6 s. */
  static async start(): Promise<SecureBroker> {
    const folder = await mkdtemp(join(tmpdir(), "millrace-kafka-secure-"));
    try {
      await makeCertificates(folder);
      const users = await makeUsers(folder);
      const node = await KafkaNode.start({
        listeners: ["SASL_SSL", "SSL", "SASL_PLAINTEXT"],
        format: users.flatMap((user) =>
          user.mechanism === "PLAIN"
            ? []
            : ["--add-scram", `${user.mechanism}=[name=${user.name},password=${user.password}]`],
        ),
        configs: {
          ...(await tlsConfigs(folder)),
          ...saslConfigs("sasl_ssl", users),
          ...saslConfigs("sasl_plaintext", users),
          "listener.name.sasl_plaintext.scram-sha-256.connections.max.reauth.ms": String(sessionMs),
        },
      });
      return new SecureBroker(folder, node, users);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Where a password over TLS is asked for. */
  get passwordAddress(): string {
    return this.#node.addressOf("SASL_SSL");
  }

  /** Where a certificate of the client is asked for. */
  get certificateAddress(): string {
    return this.#node.addressOf("SSL");
  }

  /** Where a password is asked for in the clear, so that a test can see what is said. */
  get clearPasswordAddress(): string {
    return this.#node.addressOf("SASL_PLAINTEXT");
  }

  /** Where nothing is asked for, and nothing is encrypted. */
  get openAddress(): string {
    return this.#node.bootstrap;
  }

  user(mechanism: SecureUser["mechanism"]): SecureUser {
    const user = this.users.find((candidate) => candidate.mechanism === mechanism);
    if (user === undefined) throw new Error(`the broker has no user for ${mechanism}`);
    return user;
  }

  /** Takes a user's password away, as an operator does; about 2 s. Connections that are signed in stay so. */
  async forget({ mechanism, name }: SecureUser): Promise<void> {
    const who = ["--entity-type", "users", "--entity-name", name];
    const args = ["--bootstrap-server", this.openAddress, "--alter", ...who, "--delete-config", mechanism];
    const done = await runJava("org.apache.kafka.tools.ConfigCommand", args);
    if (done.code !== 0) throw new Error(`forgetting ${name}: ${done.stdout}${done.stderr}`);
  }

  async remove(): Promise<void> {
    await this.#node.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function makeCertificates(folder: string): Promise<void> {
  await mkdir(join(folder, "broker"), { mode: 0o700 });
  await Promise.all([makeAuthority(folder, "ca"), makeAuthority(folder, "stranger-ca")]);
  await Promise.all([
    makeCertificate(folder, "broker", "ca"),
    makeCertificate(folder, "client", "ca"),
    makeCertificate(folder, "stranger", "stranger-ca"),
  ]);
}

function makeAuthority(folder: string, name: string): Promise<void> {
  return openssl(folder, name, ["-addext", "keyUsage=critical,keyCertSign"]);
}

/** Good for 127.0.0.1 only, so that a connection by any other name shows what happens then. */
function makeCertificate(folder: string, name: string, by: string): Promise<void> {
  const signer = ["-CA", join(folder, `${by}.pem`), "-CAkey", join(folder, `${by}.key`)];
  const extensions = ["basicConstraints=critical,CA:FALSE", "subjectAltName=IP:127.0.0.1"];
  return openssl(folder, name, [...signer, ...extensions.flatMap((extension) => ["-addext", extension])]);
}

async function openssl(folder: string, name: string, args: readonly string[]): Promise<void> {
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    join(folder, `${name}.key`),
  ];
  const cert = ["-subj", `/CN=${name}`, "-days", daysValid, "-out", join(folder, `${name}.pem`)];
  const made = await run("openssl", ["req", "-x509", ...key, ...cert, ...args], {});
  if (made.code !== 0) throw new Error(`making the certificate ${name}: ${made.stderr}`);
}

async function makeUsers(folder: string): Promise<readonly SecureUser[]> {
  const mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
  const users = mechanisms.map((mechanism): SecureUser => {
    const name = `user-${mechanism.toLowerCase()}`;
    // A space in the middle and at the end: both belong to it, the line's end of its file does not.
    const password = `pw ${randomBytes(12).toString("hex")} `;
    return { mechanism, name, password, passwordFile: join(folder, `${name}.password`) };
  });
  for (const { passwordFile, password } of users) await writeFile(passwordFile, `${password}\n`, { mode: ownerOnly });
  return users;
}

/** Kafka takes a key with its certificate, and authorities, as PEM files. */
async function tlsConfigs(folder: string): Promise<Record<string, string>> {
  const keystore = join(folder, "broker", "keystore.pem");
  const parts = await Promise.all(["broker.key", "broker.pem"].map((file) => readFile(join(folder, file), "utf8")));
  await writeFile(keystore, parts.join("\n"), { mode: ownerOnly });
  return {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": keystore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": join(folder, "ca.pem"),
    "listener.name.ssl.ssl.client.auth": "required",
  };
}

function saslConfigs(listener: string, users: readonly SecureUser[]): Record<string, string> {
  const at = `listener.name.${listener}`;
  const plain = users.filter(({ mechanism }) => mechanism === "PLAIN");
  const known = plain.map(({ name, password }) => `user_${name}="${password}"`).join(" ");
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  return {
    [`${at}.sasl.enabled.mechanisms`]: users.map(({ mechanism }) => mechanism).join(","),
    [`${at}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required ${known};`,
    [`${at}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${at}.scram-sha-512.sasl.jaas.config`]: scram,
  };
}
