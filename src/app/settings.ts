import { readFileSync } from "node:fs";
import { messageOf } from "../kernel/index.ts";
import { usageError } from "./exit.ts";

/** The environment, passed in so that tests need no process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Flags that name the cluster and the places of schemas and models, as the command line parsed them. */
export interface ConnectionFlags {
  readonly brokers?: string;
  readonly registry?: string;
  readonly modelsDir?: string;
  readonly namespace?: string;
}

export interface Connection {
  /** host:port, at least one; undefined when no cluster was named. */
  readonly brokers: readonly string[] | undefined;
  /** A URL or a folder. */
  readonly registry: string | undefined;
  readonly modelsDir: string | undefined;
  readonly namespace: string | undefined;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly sasl: Sasl | undefined;
  readonly registryAccount: { readonly user: string; readonly password: string } | undefined;
}

export interface Sasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

const mechanisms: readonly Sasl["mechanism"][] = ["plain", "scram-sha-256", "scram-sha-512"];

/**
 * Where to connect. Flags arrive with their `MILLRACE_*` variables already considered; secrets come from files
 * only, never from flags or values, and are read here once.
 *
 * @throws ExitError 64 for what is malformed or unreadable; the message never holds a secret
 */
export function connectionOf(flags: ConnectionFlags, environment: Environment): Connection {
  return {
    brokers: flags.brokers === undefined ? undefined : parseBrokers(flags.brokers),
    registry: flags.registry,
    modelsDir: flags.modelsDir,
    namespace: flags.namespace,
    tls: tlsOf(environment),
    sasl: saslOf(environment),
    registryAccount: registryAccountOf(environment),
  };
}

function parseBrokers(text: string): readonly string[] {
  const brokers = text
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "");
  for (const broker of brokers) {
    const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})$/.exec(broker)?.[1]);
    if (!(port >= 1 && port <= 65_535)) throw usageError(`--brokers: ${JSON.stringify(broker)} is not host:port`);
  }
  if (brokers.length === 0) throw usageError("--brokers: no broker is named");
  return brokers;
}

function tlsOf(environment: Environment): Connection["tls"] {
  const ca = environment["MILLRACE_TLS_CA"];
  const cert = environment["MILLRACE_TLS_CERT"];
  const key = environment["MILLRACE_TLS_KEY"];
  if (!ca && !cert && !key) return undefined;
  if (Boolean(cert) !== Boolean(key)) throw usageError("MILLRACE_TLS_CERT and MILLRACE_TLS_KEY go together");
  return {
    ...(ca ? { ca: readText("MILLRACE_TLS_CA", ca) } : {}),
    ...(cert && key ? { cert: readText("MILLRACE_TLS_CERT", cert), key: readText("MILLRACE_TLS_KEY", key) } : {}),
  };
}

function saslOf(environment: Environment): Sasl | undefined {
  const named = environment["MILLRACE_SASL_MECHANISM"];
  if (!named) return undefined;
  const mechanism = mechanisms.find((known) => known === named.toLowerCase());
  if (mechanism === undefined) {
    throw usageError(`MILLRACE_SASL_MECHANISM: ${JSON.stringify(named)} is not known; one of ${mechanisms.join(", ")}`);
  }
  const username = environment["MILLRACE_SASL_USERNAME"];
  const passwordFile = environment["MILLRACE_SASL_PASSWORD_FILE"];
  if (!username || !passwordFile) {
    throw usageError("MILLRACE_SASL_MECHANISM needs MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD_FILE");
  }
  return { mechanism, username, password: readText("MILLRACE_SASL_PASSWORD_FILE", passwordFile).trimEnd() };
}

function registryAccountOf(environment: Environment): Connection["registryAccount"] {
  const user = environment["MILLRACE_REGISTRY_USER"];
  const passwordFile = environment["MILLRACE_REGISTRY_PASSWORD_FILE"];
  if (!user && !passwordFile) return undefined;
  if (!user || !passwordFile) {
    throw usageError("MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE go together");
  }
  return { user, password: readText("MILLRACE_REGISTRY_PASSWORD_FILE", passwordFile).trimEnd() };
}

function readText(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw usageError(`${name}: reading ${path}: ${messageOf(cause)}`);
  }
}
