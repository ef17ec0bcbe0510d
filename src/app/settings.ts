import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { formatDurationMs, parseDurationMs } from "../kernel/index.ts";
import { usageError } from "./exit.ts";

/** The environment, passed in so that tests need no process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is read from the environment alone, beside the variables of the flags. */
export const connectionVariables: readonly string[] = [
  "MILLRACE_TLS_CA",
  "MILLRACE_TLS_CERT",
  "MILLRACE_TLS_KEY",
  "MILLRACE_SASL_MECHANISM",
  "MILLRACE_SASL_USERNAME",
  "MILLRACE_SASL_PASSWORD_FILE",
  "MILLRACE_REGISTRY_USER",
  "MILLRACE_REGISTRY_PASSWORD_FILE",
  "MILLRACE_SESSION_TIMEOUT",
  "MILLRACE_HOOK_TOKEN_FILE",
];

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
  /** Undefined without TLS; without `ca` the authorities that Node trusts are trusted. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly sasl: Sasl | undefined;
  readonly registryAccount: { readonly user: string; readonly password: string } | undefined;
  /** Without a sign of life for this long the cluster takes a worker for dead; undefined for the default. */
  readonly sessionMs: number | undefined;
}

export interface Sasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/** What brokers allow unless they are told otherwise. */
const sessionMsMin = 6_000;
const sessionMsMax = 1_800_000;

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
    registry: flags.registry === undefined ? undefined : parseRegistry(flags.registry),
    modelsDir: flags.modelsDir,
    namespace: flags.namespace,
    tls: tlsOf(environment),
    sasl: saslOf(environment),
    registryAccount: registryAccountOf(environment),
    sessionMs: sessionMsOf(environment),
  };
}

function sessionMsOf(environment: Environment): number | undefined {
  const text = environment["MILLRACE_SESSION_TIMEOUT"];
  if (!text) return undefined;
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= sessionMsMin && ms <= sessionMsMax) return ms;
  const bounds = `from ${formatDurationMs(sessionMsMin)} to ${formatDurationMs(sessionMsMax)}`;
  throw usageError(`MILLRACE_SESSION_TIMEOUT: a duration ${bounds} is needed, found ${JSON.stringify(text)}`);
}

function parseBrokers(text: string): readonly string[] {
  const brokers = text
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "");
  for (const broker of brokers) {
    const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})$/.exec(broker)?.[1]);
    if (port >= 1 && port <= 65_535) continue;
    // What stands before an @ may be a password.
    const found = broker.includes("@") ? "an address with a user in it" : JSON.stringify(broker);
    throw usageError(`--brokers: ${found} is not host:port`);
  }
  if (brokers.length === 0) throw usageError("--brokers: no broker is named");
  return brokers;
}

/** A URL, or a folder: whatever does not begin like one. */
function parseRegistry(text: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return text;
  if (scheme !== "http" && scheme !== "https")
    throw usageError(`--registry: an address that begins with ${scheme}:// is neither http, https nor a folder`);
  if (!URL.canParse(text)) throw usageError("--registry: the address is no URL");
  const url = new URL(text);
  if (url.username === "" && url.password === "") return url.href;
  throw usageError(
    "--registry: the address holds a user or a password, which others on this machine could read",
    "set MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE instead",
  );
}

/** As in a topology file: it goes before the names of topics and groups. @throws ExitError 64 for anything else */
export function checkNamespace(text: string): void {
  if (/^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/.test(text)) return;
  throw usageError(
    `--namespace: ${JSON.stringify(text)} is no namespace`,
    "at most 100 letters, digits, dots, underscores and hyphens",
  );
}

/** In place of a path: the authorities that Node trusts. A file of this name is `./system`. */
const systemAuthorities = "system";

function tlsOf(environment: Environment): Connection["tls"] {
  const isSystem = environment["MILLRACE_TLS_CA"] === systemAuthorities;
  const named = isSystem ? { ...environment, MILLRACE_TLS_CA: undefined } : environment;
  const [ca, cert, key] = ["CA", "CERT", "KEY"].map((part) => readNamed(`MILLRACE_TLS_${part}`, named));
  if (ca !== undefined) checkAuthorities(ca);
  if ((cert === undefined) !== (key === undefined))
    throw usageError("MILLRACE_TLS_CERT and MILLRACE_TLS_KEY go together");
  if (cert === undefined || key === undefined) return ca !== undefined ? { ca } : isSystem ? {} : undefined;
  const certificate = readCertificate("MILLRACE_TLS_CERT", cert);
  if (!certificate.checkPrivateKey(readKey(key)))
    throw usageError("MILLRACE_TLS_KEY: the key does not belong to the certificate of MILLRACE_TLS_CERT");
  return { ...(ca === undefined ? {} : { ca }), cert, key };
}

/** Each of the certificates, because what cannot be read in the middle of a bundle would be passed over silently. */
function checkAuthorities(text: string): void {
  const found = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [A-Z0-9 ]+-----/g) ?? [];
  if (found.length === 0) throw usageError("MILLRACE_TLS_CA: the file holds no certificate in PEM form");
  for (const part of found) readCertificate("MILLRACE_TLS_CA", part);
}

/** The parsers' own errors stay out of the messages: they may quote what they read. */
function readCertificate(name: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw usageError(`${name}: the file holds no certificate in PEM form that can be read`);
  }
}

function readKey(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    const isLocked = /ENCRYPTED/.test(text);
    throw usageError(
      isLocked
        ? "MILLRACE_TLS_KEY: the key is encrypted, and this version does not take a passphrase"
        : "MILLRACE_TLS_KEY: the file holds no private key in PEM form that can be read",
    );
  }
}

function saslOf(environment: Environment): Sasl | undefined {
  const named = environment["MILLRACE_SASL_MECHANISM"];
  const username = environment["MILLRACE_SASL_USERNAME"];
  const password = readPassword("MILLRACE_SASL_PASSWORD_FILE", environment);
  if (!named && !username && password === undefined) return undefined;
  if (!named) {
    throw usageError(
      "MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD_FILE need MILLRACE_SASL_MECHANISM",
      `one of ${mechanisms.join(", ")}`,
    );
  }
  const mechanism = mechanisms.find((known) => known === named.toLowerCase());
  if (mechanism === undefined) {
    throw usageError(`MILLRACE_SASL_MECHANISM: the mechanism is not known; one of ${mechanisms.join(", ")}`);
  }
  if (!username || password === undefined) {
    throw usageError("MILLRACE_SASL_MECHANISM needs MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD_FILE");
  }
  return { mechanism, username: checkedUser("MILLRACE_SASL_USERNAME", username), password };
}

function registryAccountOf(environment: Environment): Connection["registryAccount"] {
  const user = environment["MILLRACE_REGISTRY_USER"];
  const password = readPassword("MILLRACE_REGISTRY_PASSWORD_FILE", environment);
  if (!user && password === undefined) return undefined;
  if (!user || password === undefined) {
    throw usageError("MILLRACE_REGISTRY_USER and MILLRACE_REGISTRY_PASSWORD_FILE go together");
  }
  // RFC 7617, section 2: the first colon ends the user.
  if (user.includes(":")) throw usageError("MILLRACE_REGISTRY_USER: a user's name has no colon");
  return { user: checkedUser("MILLRACE_REGISTRY_USER", user), password };
}

/**
 * What whoever posts alerts to a worker has to show; undefined where nobody may. Whoever knows it has models trained, so
 * that its file has to be closed to others.
 *
 * @throws ExitError 64 for a file that is missing, empty, open to others, or holds no token; the message never holds it
 */
export function hookTokenOf(environment: Environment): string | undefined {
  const name = "MILLRACE_HOOK_TOKEN_FILE";
  const token = readPassword(name, environment);
  if (token === undefined) return undefined;
  const mode = statSync(environment[name] ?? "").mode & 0o777;
  if ((mode & 0o027) !== 0)
    throw usageError(
      `${name}: others than the file's owner may read or change it (mode ${mode.toString(8).padStart(4, "0")})`,
      "give it the mode 0600, or 0640 where its group has to read it",
    );
  if (!/^[\x21-\x7e]{16,}$/.test(token))
    throw usageError(
      `${name}: a token has 16 characters or more, ASCII without blanks`,
      "make one with: openssl rand -hex 32",
    );
  return token;
}

function checkedUser(name: string, user: string): string {
  if (hasControl.test(user)) throw usageError(`${name}: a user's name has no line ends or other control characters`);
  return user;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const hasControl = /[\u0000-\u001f\u007f]/;

/** The line's end at the end of the file is an editor's; everything else, spaces too, belongs to the password. */
function readPassword(name: string, environment: Environment): string | undefined {
  const password = readNamed(name, environment)?.replace(/\r?\n$/, "");
  if (password === "") throw usageError(`${name}: the file is empty`);
  if (password !== undefined && hasControl.test(password))
    throw usageError(`${name}: the file holds more than one line, or control characters`);
  return password;
}

/** The variable's value is never quoted: it may hold the secret itself, where a path was meant. */
function readNamed(name: string, environment: Environment): string | undefined {
  const path = environment[name];
  if (!path) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = reasons[code ?? ""] ?? `the file cannot be read (${code ?? "unknown"})`;
    throw usageError(`${name}: ${reason}`, "the variable holds the path of a file, not what is in it");
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read the file",
  EISDIR: "it names a folder, not a file",
  ENOTDIR: "there is no such file",
  ENAMETOOLONG: "there is no such file",
};
