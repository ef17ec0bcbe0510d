import { messageOf } from "../../kernel/index.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { isTlsCode, kafkaCode } from "./errors.ts";

type Credentials = Pick<ConnectionOptions, "tls" | "sasl">;

/** A connection that did not come about, in words that say to whom and as whom; the client's own error is its cause. */
class ConnectionRefusal extends Error {
  override readonly name = "ConnectionRefusal";
}

/**
 * Says what a client's error about a new connection means, where its own words leave that open: which address, which
 * user and mechanism, whose certificate. Every other error comes back as it is. Never holds a password or a key.
 *
 * @param isNew whether the connection has not answered anything yet
 */
export function explained(error: unknown, address: string, credentials: Credentials, isNew: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const sentence = sentenceFor(error, address, credentials, isNew);
  return sentence === undefined ? error : new ConnectionRefusal(sentence, { cause: error });
}

function sentenceFor(error: Error, address: string, { tls, sasl }: Credentials, isNew: boolean): string | undefined {
  const { code } = error as Error & { code?: unknown };
  const isState = code === kafkaCode.illegalSaslState || code === kafkaCode.unsupportedSaslMechanism;
  if (sasl !== undefined && (error.name === "KafkaJSSASLAuthenticationError" || isState)) {
    const { mechanism, username } = sasl;
    const who = `${JSON.stringify(username)} with ${mechanism.toUpperCase()}`;
    return `signing in to ${address} as ${who}: ${messageOf(error)}`;
  }
  const isTls = tls !== undefined && tls !== false;
  if (isTls && typeof code === "string" && isTlsCode(code))
    return `connecting to ${address} over TLS: ${tlsReason(code, error.message, hasCertificate(tls))}`;
  // kafkajs's words for the other side's end; a connection that this side gave up says so itself.
  if (isNew && error.name === "KafkaJSConnectionClosedError" && error.message === "Closed connection")
    return `connecting to ${address}: the broker closed the connection without an answer; ${wanted(isTls, sasl)}`;
  if (isNew && isTls && code === "ECONNRESET")
    return `connecting to ${address} over TLS: the connection was cut before it was secure; does this port take TLS?`;
  return undefined;
}

/** OpenSSL's texts for an alert of the other side are places in its sources. */
function tlsReason(code: string, message: string, hasOwn: boolean): string {
  const alert = /^ERR_SSL_.*_ALERT_(.+)$/.exec(code)?.[1]?.toLowerCase().replaceAll("_", " ");
  if (alert === undefined)
    return `the broker's certificate is not accepted: ${message.replace("Connection error: ", "")}`;
  return hasOwn
    ? `the broker does not accept this client's certificate (${alert})`
    : `the broker does not go on (${alert}); it may want a certificate of the client, and none was given`;
}

function hasCertificate(tls: Credentials["tls"]): boolean {
  return typeof tls === "object" && tls.cert !== undefined;
}

function wanted(isTls: boolean, sasl: Credentials["sasl"]): string {
  const missing = [...(isTls ? [] : ["TLS"]), ...(sasl === undefined ? ["a user and a password"] : [])];
  return missing.length === 0
    ? "it may be stopping"
    : `it may be stopping, or this port may want ${missing.join(" or ")}`;
}
