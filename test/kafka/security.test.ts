import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../src/app/main.ts";
import { connectionOf, type Environment } from "../../src/app/settings.ts";
import { openBroker, openRegistry } from "../../src/app/wire.ts";
import type { LogFields, Logger } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { plainRecords, textOf, textRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { CuttingProxy } from "./harness/cutting-proxy.ts";
import { GuardedRegistry } from "./harness/guarded-registry.ts";
import { SecureBroker, type SecureUser } from "./harness/secure-broker.ts";

const { signal } = new AbortController();
const repository = join(import.meta.dirname, "../..");
const mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
/** A refusal takes one round trip; retries would take half a minute. */
const refusalMsMax = 5_000;

describeFaults("a cluster and a registry that ask who is there", () => {
  let secure: SecureBroker;
  let registry: GuardedRegistry;
  /** Everything that was logged, printed or thrown, for the last test. */
  const said: string[] = [];
  const logger = recordingLogger(said);

  beforeAll(async () => {
    secure = await SecureBroker.start();
    registry = await GuardedRegistry.start("registry user", `registry ${secure.user("PLAIN").password}`);
    await writeFile(join(secure.folder, "registry.password"), `${registry.password}\n`, { mode: 0o600 });
  });
  afterAll(async () => {
    await registry?.close();
    await secure?.remove();
  });

  const signedIn = ({ mechanism, name, passwordFile }: SecureUser): Environment => ({
    MILLRACE_TLS_CA: secure.ca,
    MILLRACE_SASL_MECHANISM: mechanism,
    MILLRACE_SASL_USERNAME: name,
    MILLRACE_SASL_PASSWORD_FILE: passwordFile,
  });
  const registryAccount = (): Environment => ({
    MILLRACE_REGISTRY_USER: registry.user,
    MILLRACE_REGISTRY_PASSWORD_FILE: join(secure.folder, "registry.password"),
  });

  /** Connects as a command does. */
  async function withBroker<T>(brokers: string, environment: Environment, use: (broker: Broker) => Promise<T>) {
    const connection = connectionOf({ brokers }, environment);
    const broker = await openBroker(connection, connection.brokers ?? [], logger);
    try {
      return await use(broker);
    } finally {
      await broker.close();
    }
  }

  /** The error of a cluster that refuses, which must come soon; all of it is kept for the last test. */
  async function refusal(brokers: string, environment: Environment): Promise<Error & { code?: unknown }> {
    const startedMs = performance.now();
    const error: unknown = await withBroker(brokers, environment, (broker) => broker.admin.describe([], signal)).then(
      () => new Error("nothing was refused"),
      (thrown: unknown) => thrown,
    );
    said.push(inspect(error, { depth: 12, showHidden: true }));
    expect(error).toMatchObject({ code: "MR_BROKER", disposition: "halt" });
    expect(performance.now() - startedMs).toBeLessThan(refusalMsMax);
    return error as Error;
  }

  for (const mechanism of mechanisms) {
    test(`${mechanism} over TLS opens every part of the port`, async () => {
      const user = secure.user(mechanism);
      await withBroker(secure.passwordAddress, signedIn(user), useEverything);
    });

    test(`${mechanism} with a wrong password ends at once, and names user and mechanism`, async () => {
      const wrong = secure.users.find((other) => other.mechanism !== mechanism);
      const user = { ...secure.user(mechanism), passwordFile: wrong?.passwordFile ?? "" };
      const { message } = await refusal(secure.passwordAddress, signedIn(user));
      expect(message).toContain(`signing in to ${secure.passwordAddress} as "${user.name}" with ${mechanism}: `);
    });
  }

  test("a user that the cluster does not know is refused in the same words as a wrong password", async () => {
    const user = { ...secure.user("SCRAM-SHA-512"), name: "nobody" };
    expect((await refusal(secure.passwordAddress, signedIn(user))).message).toContain('as "nobody" with SCRAM-SHA-512');
  });

  test("a password where none is asked for is said to be one too many", async () => {
    const { MILLRACE_TLS_CA: _, ...environment } = signedIn(secure.user("PLAIN"));
    expect((await refusal(secure.openAddress, environment)).message).toContain("signing in to");
  });

  test("a certificate of the client opens every part of the port", async () => {
    const { cert, key } = secure.client;
    const environment = { MILLRACE_TLS_CA: secure.ca, MILLRACE_TLS_CERT: cert, MILLRACE_TLS_KEY: key };
    await withBroker(secure.certificateAddress, environment, useEverything);
  });

  test("a client without the certificate that is asked for is told so", async () => {
    const { message } = await refusal(secure.certificateAddress, { MILLRACE_TLS_CA: secure.ca });
    expect(message).toMatch(/the broker does not go on \(.*\); it may want a certificate of the client/);
  });

  test("a client's certificate that the broker does not trust is told so", async () => {
    const { cert, key } = secure.stranger;
    const environment = { MILLRACE_TLS_CA: secure.ca, MILLRACE_TLS_CERT: cert, MILLRACE_TLS_KEY: key };
    const { message } = await refusal(secure.certificateAddress, environment);
    expect(message).toMatch(/the broker does not accept this client's certificate \(.*\)$/);
  });

  test("a broker's certificate that nobody vouches for ends at once, before any password is sent", async () => {
    const environment = { ...signedIn(secure.user("PLAIN")), MILLRACE_TLS_CA: secure.strangerCa };
    const { message } = await refusal(secure.passwordAddress, environment);
    expect(message).toContain(`connecting to ${secure.passwordAddress} over TLS: the broker's certificate`);
  });

  test("a broker's certificate for another name ends at once", async () => {
    const address = secure.passwordAddress.replace("127.0.0.1", "localhost");
    const { message } = await refusal(address, signedIn(secure.user("PLAIN")));
    expect(message).toContain("Hostname/IP does not match certificate's altnames");
  });

  test("a broker that goes away in the middle of a sign-in refuses nobody: it is asked again", async () => {
    const { MILLRACE_TLS_CA: _, ...environment } = signedIn(secure.user("SCRAM-SHA-256"));
    const proxy = await CuttingProxy.start(secure.clearPasswordAddress, 3);
    try {
      const cluster = await withBroker(proxy.address, environment, (broker) => broker.admin.describe([], signal));
      expect(cluster.brokerCount).toBe(1);
      expect(proxy.cuts).toBe(3);
    } finally {
      await proxy.close();
    }
  });

  test("a member that may no longer sign in ends, with the reason", async () => {
    const { MILLRACE_TLS_CA: _, ...environment } = signedIn(secure.user("SCRAM-SHA-256"));
    const topic = `${uniqueNamespace()}.left`;
    await withBroker(secure.clearPasswordAddress, environment, async (broker) => {
      await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
      const sink = new RecordingSink({ deadlineMs: 30_000 });
      await broker.join({ group: topic, topics: [topic], start: { kind: "earliest" }, logger }, sink);
      await sink.until("a task", () => sink.owned.size === 1);
      await secure.forget(secure.user("SCRAM-SHA-256"));
      await sink.until("the end", () => sink.failures.length > 0);
      said.push(inspect(sink.failures, { depth: 12 }));
      expect(sink.failures).toMatchObject([{ code: "MR_BROKER", disposition: "halt" }]);
      expect(String(sink.failures[0])).toContain('as "user-scram-sha-256" with SCRAM-SHA-256');
    });
  });

  test("a registry's user and password open it, and are not sent to where it redirects", async () => {
    const { registryAccount: account } = connectionOf({}, registryAccount());
    const opened = await openRegistry(registry.url, account, "write");
    const schema = { type: "record", name: "Reading", fields: [{ name: "id", type: "string" }] };
    const { id } = await opened.register("readings-value", schema, signal);
    expect(await (await openRegistry(registry.url, account)).byId(id, signal)).toMatchObject({ id });
    const elsewhere = await GuardedRegistry.start("somebody", "else");
    registry.redirectsTo = elsewhere.url;
    try {
      const redirected = await openRegistry(registry.url, account);
      const error: unknown = await redirected.latest("readings-value", signal).catch((thrown: unknown) => thrown);
      said.push(inspect(error, { depth: 12 }));
      expect(error).toMatchObject({ code: "MR_REGISTRY" });
      expect(elsewhere.authorizations).toEqual([undefined]);
    } finally {
      registry.redirectsTo = undefined;
      await elsewhere.close();
    }
  });

  test("a wrong password, or none, is MR_REGISTRY with the address and the status", async () => {
    const file = secure.user("SCRAM-SHA-512").passwordFile;
    const wrong = connectionOf({}, { ...registryAccount(), MILLRACE_REGISTRY_PASSWORD_FILE: file }).registryAccount;
    for (const account of [wrong, undefined]) {
      const opened = await openRegistry(registry.url, account, "write");
      for (const ask of [opened.latest("x", signal), opened.byId(7, signal), opened.register("x", "string", signal)]) {
        const error: unknown = await ask.catch((thrown: unknown) => thrown);
        said.push(inspect(error, { depth: 12 }));
        expect(error).toMatchObject({ code: "MR_REGISTRY", disposition: "halt" });
        expect(String(error)).toContain(`${registry.url} answered 401 (check user and password)`);
      }
    }
  });

  test("apply, produce, run and tail work with what the environment holds", async () => {
    const namespace = uniqueNamespace();
    const inbox = `${namespace}.inbox`;
    const file = await writeTopology(secure.folder);
    const environment = {
      ...signedIn(secure.user("SCRAM-SHA-512")),
      ...registryAccount(),
      MILLRACE_BROKERS: secure.passwordAddress,
      MILLRACE_REGISTRY: registry.url,
      MILLRACE_NAMESPACE: namespace,
      INBOX: inbox,
    };
    await withBroker(secure.passwordAddress, environment, (broker) =>
      broker.admin.createTopics([{ topic: inbox, partitions: 1, replication: 1, configs: {} }], signal),
    );
    const inProcess = (...args: string[]) => runInProcess(args, environment, said);

    const wrongPassword = { ...environment, MILLRACE_SASL_PASSWORD_FILE: secure.user("PLAIN").passwordFile };
    const [planned, refused] = await Promise.all([
      inProcess("plan", file),
      runProcess(["apply", file], wrongPassword, secure.folder, said),
    ]);
    expect(planned).toMatchObject({ code: 0 });
    expect(refused).toEqual({
      code: 69,
      stdout: "",
      stderr: expect.stringMatching(/^MR_BROKER .* signing in to .*\n$/),
    });
    expect(await runProcess(["apply", file], environment, secure.folder, said)).toMatchObject({ code: 0 });

    const events = join(secure.folder, "events");
    const lines = ['{"sensor":"a","taken_at":"2026-01-01T00:00:00Z","degrees":20}', '{"sensor":"b","degrees":"warm"}'];
    await writeFile(events, `${lines.join("\n")}\n`);
    // Commands put the namespace before a name, which is how the inbox got its own.
    const produced = await inProcess("produce", "inbox", "--file", events, "--key", "sensor");
    expect(produced).toMatchObject({ code: 0, stderr: expect.stringContaining("2 records sent") });
    const ran = await runProcess(["run", file, "--until-caught-up"], environment, secure.folder, said);
    expect(ran).toMatchObject({ code: 0 });
    const [read, dead] = await Promise.all([
      inProcess("tail", "secured.readings", "--from", "beginning", "--max", "1"),
      inProcess("tail", "secured.dead-letters", "--from", "beginning", "--max", "1"),
    ]);
    expect(read).toMatchObject({ code: 0, stdout: expect.stringContaining('"sensor":"a"') });
    expect(dead).toMatchObject({ code: 0, stdout: expect.stringContaining("millrace.") });
  });

  test("no password, key or header of authorization stands in anything that was said", async () => {
    const accounts = [...secure.users, { name: registry.user, password: registry.password }];
    const keys = await Promise.all([secure.client.key, secure.stranger.key].map((path) => readFile(path, "utf8")));
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const secrets = [
      ...accounts.flatMap(({ name, password }) => [
        password.trim(),
        base64(password),
        base64(`${name}:${password}`),
        base64(`\0${name}\0${password}`),
        Buffer.from(password).toString("hex"),
      ]),
      ...keys.flatMap((text) => text.split("\n").filter((line) => line !== "" && !line.startsWith("-----"))),
    ];
    const all = said.join("\n");
    // What the tests above have provoked was recorded: otherwise nothing is shown here.
    const provoked = ["Kafka client spoke.", "signing in to", "answered 401", '"msg":"Ready."', "MR_"];
    expect(provoked.filter((text) => !all.includes(text))).toEqual([]);
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
  });

  /** Creates a topic, writes, reads, joins a group and commits. */
  async function useEverything(broker: Broker): Promise<void> {
    const topic = `${uniqueNamespace()}.secured`;
    await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
    await broker.append(textRecords(topic, 0, 2), signal);
    const texts: (string | undefined)[] = [];
    for await (const batch of broker.read({ topic, partition: 0, from: "earliest", to: 2 }, signal)) {
      texts.push(...plainRecords(batch).map((record) => textOf(record)));
    }
    expect(texts).toEqual(["r0", "r1"]);
    const sink = new RecordingSink({ deadlineMs: 15_000 });
    const group = `${topic}.group`;
    const membership = await broker.join({ group, topics: [topic], start: { kind: "earliest" }, logger }, sink);
    try {
      await sink.until("a task", () => sink.owned.size === 1);
      const handle = await membership.openTask(0, sink.epochOf(0), signal);
      membership.start(0, handle.offsetsNext);
      await sink.until("two records", () => sink.records.length === 2);
      await handle.commit(new Map([[`${topic}-0`, 2]]));
    } finally {
      await membership.leave();
    }
    expect(await broker.admin.committed(group, topic, signal)).toEqual([{ partition: 0, offset: 2 }]);
  }
});

function recordingLogger(lines: string[]): Logger {
  const write = (fields: LogFields, message: string): void => {
    lines.push(`${message} ${inspect(fields, { depth: 12 })}`);
  };
  return { debug: write, info: write, warn: write, error: write };
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line in a process of its own, with nothing of this one's environment but where programs are. */
async function runProcess(
  args: readonly string[],
  environment: Environment,
  cwd: string,
  said: string[],
): Promise<Ended> {
  const loader = import.meta.resolve("tsx");
  const child = spawn(process.execPath, ["--import", loader, join(repository, "src/app/main.ts"), ...args], {
    cwd,
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  said.push(stdout, stderr);
  return { code, stdout, stderr };
}

/** A command line in this process; the same but for the start of Node. */
async function runInProcess(args: readonly string[], environment: Environment, said: string[]): Promise<Ended> {
  let [stdout, stderr] = ["", ""];
  const code = await runCommandLine(args, {
    environment,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: (async function* () {})(),
    isTerminal: false,
    stop: AbortSignal.timeout(30_000),
  });
  said.push(stdout, stderr);
  return { code, stdout, stderr };
}

async function writeTopology(folder: string): Promise<string> {
  await mkdir(join(folder, "schemas"));
  const fields = [
    { name: "event_id", type: "string" },
    { name: "sensor", type: "string" },
    { name: "taken_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "degrees", type: "double" },
  ];
  await writeFile(join(folder, "schemas/reading.avsc"), JSON.stringify({ type: "record", name: "Reading", fields }));
  const file = join(folder, "secured.yaml");
  await writeFile(
    file,
    `apiVersion: millrace/v1
kind: Topology
name: secured
delivery: at-least-once
topics:
  inbox: { name: "\${INBOX}", format: json, external: true }
  secured.readings: { schema: reading, key: sensor, time: taken_at, partitions: 1, replication: 1 }
stages:
  - name: ingest
    from: { topic: inbox, format: json, start: earliest }
    to: secured.readings
    steps:
      - cast: { taken_at: timestamp-millis }
`,
  );
  return file;
}
