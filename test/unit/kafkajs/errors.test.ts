import { expect, test } from "vitest";
import { breaksConnection, KafkaAnswerError, operationError, verdictOf } from "../../../src/adapters/kafkajs/errors.ts";
import { explained } from "../../../src/adapters/kafkajs/refusals.ts";
import { handleError } from "../../../src/adapters/kafkajs/task-handle.ts";
import { codeOf, OperationError } from "../../../src/kernel/index.ts";
import { RecordRefusedError } from "../../../src/runtime/index.ts";

const named = (name: string, more: object = {}): Error => Object.assign(new Error("x"), { name, ...more });

test("codes of the protocol say what follows", () => {
  const verdict = (code: number) => verdictOf(new KafkaAnswerError("asking", code));
  expect([6, 3, 5, 15, 16].map(verdict)).toEqual(new Array(5).fill("elsewhere"));
  expect([14, 7, 19, 20].map(verdict)).toEqual(new Array(4).fill("again"));
  expect([22, 25, 27].map(verdict)).toEqual(new Array(3).fill("rejoin"));
  expect([10, 18, 87].map(verdict)).toEqual(new Array(3).fill("refused"));
  expect([29, 30, 58, 82].map(verdict)).toEqual(new Array(4).fill("denied"));
  expect(verdict(9_999)).toBe("unknown");
});

test("errors without a code are told by their name, and by their cause", () => {
  expect(verdictOf(named("KafkaJSConnectionClosedError"))).toBe("elsewhere");
  expect(verdictOf(named("KafkaJSRequestTimeoutError"))).toBe("elsewhere");
  expect(verdictOf(named("KafkaJSConnectionError", { code: "ECONNREFUSED" }))).toBe("elsewhere");
  expect(verdictOf(named("KafkaJSSASLAuthenticationError"))).toBe("denied");
  expect(verdictOf(named("KafkaJSNumberOfRetriesExceeded", { cause: new KafkaAnswerError("asking", 14) }))).toBe(
    "again",
  );
  expect(verdictOf("a string")).toBe("unknown");
});

test("a certificate that does not fit is not tried again", () => {
  for (const code of ["SELF_SIGNED_CERT_IN_CHAIN", "ERR_TLS_CERT_ALTNAME_INVALID", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]) {
    expect(verdictOf(named("KafkaJSConnectionError", { code }))).toBe("denied");
  }
});

test("an error of a handle says whether to open again, or to halt", () => {
  expect(handleError("writing", named("KafkaJSRequestTimeoutError")).failure).toBe("reopen");
  expect(handleError("writing", new Error("never seen before")).failure).toBe("reopen");
  const denied = handleError("writing", new KafkaAnswerError("asking", 29));
  expect([denied.failure, codeOf(denied)]).toEqual(["fatal", "MR_BROKER"]);
  expect(handleError("writing", new OperationError("MR_TOPIC_MISSING", "no such topic")).failure).toBe("fatal");
  const refused = new RecordRefusedError({ topic: "t", partition: 0 }, 3, "too large");
  expect(handleError("writing", refused)).toBe(refused);
});

test("an error outside of a task is worth a retry unless the client is denied", () => {
  expect(operationError("reading", named("KafkaJSConnectionError"))).toMatchObject({
    code: "MR_BROKER",
    disposition: "retry",
  });
  expect(operationError("reading", new KafkaAnswerError("asking", 29))).toMatchObject({ disposition: "halt" });
  const known = new OperationError("MR_OFFSET_RANGE", "gone");
  expect(operationError("reading", known)).toBe(known);
});

test("a connection that ends while signing in is tried again: nobody was denied anything", () => {
  const signingIn = (reason: string): Error =>
    named("KafkaJSSASLAuthenticationError", { message: `SASL SCRAM SHA256 authentication failed: ${reason}` });
  const cuts = ["Closed connection", "Not connected", "Connection error: read ECONNRESET", "Connection timeout"];
  for (const reason of [...cuts, "Request SaslAuthenticate(key: 36, version: 1) timed out"]) {
    expect(verdictOf(signingIn(reason)), reason).toBe("elsewhere");
    expect(breaksConnection(signingIn(reason)), reason).toBe(true);
  }
  expect(verdictOf(signingIn("Authentication failed: Invalid username or password"))).toBe("denied");
});

test("whatever else is thrown leaves the connection alone, an answer of the broker among it", () => {
  const answer = new KafkaAnswerError("reading", 3);
  for (const thrown of [answer, undefined, null, "KafkaJSConnectionError"])
    expect(breaksConnection(thrown)).toBe(false);
  expect(breaksConnection(named("KafkaJSConnectionError"))).toBe(true);
});

test("a refused sign-in names the address, the user and the mechanism, and keeps its verdict", () => {
  const refused = named("KafkaJSSASLAuthenticationError", { message: "SASL PLAIN authentication failed: no" });
  const sasl = { mechanism: "plain", username: "alice", password: "hunter2" } as const;
  const error = explained(refused, "kafka:9092", { sasl }, true);
  expect(error).toMatchObject({
    message: 'signing in to kafka:9092 as "alice" with PLAIN: SASL PLAIN authentication failed: no',
  });
  expect(verdictOf(error)).toBe("denied");
  expect(operationError("describing topics", error)).toMatchObject({ code: "MR_BROKER", disposition: "halt" });
});

test("an alert of the other side says whose certificate is meant, in words and not in places of OpenSSL", () => {
  const noise = "Connection error: 80:error:0A:SSL routines:ssl3_read_bytes:rec_layer_s3.c:1601:SSL alert number 42\n";
  const alert = named("KafkaJSConnectionError", { code: "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", message: noise });
  const said = (tls: object): unknown => (explained(alert, "kafka:9092", { tls }, true) as Error).message;
  expect(said({})).toBe(
    "connecting to kafka:9092 over TLS: the broker does not go on (bad certificate); it may want a certificate of the client, and none was given",
  );
  expect(said({ cert: "c", key: "k" })).toBe(
    "connecting to kafka:9092 over TLS: the broker does not accept this client's certificate (bad certificate)",
  );
});

test("a broker that closes a new connection may want what was not given; an old one just closed", () => {
  const closed = named("KafkaJSConnectionClosedError", { message: "Closed connection" });
  const error = explained(closed, "kafka:9092", {}, true);
  expect(error).toMatchObject({
    message:
      "connecting to kafka:9092: the broker closed the connection without an answer; it may be stopping, or this port may want TLS or a user and a password",
  });
  expect(verdictOf(error)).toBe("elsewhere");
  expect(explained(closed, "kafka:9092", {}, false)).toBe(closed);
  const sasl = { mechanism: "plain", username: "alice", password: "hunter2" } as const;
  const wanted = (given: object) =>
    (explained(closed, "kafka:9092", given, true) as Error).message.replace(/.* without an answer; /, "");
  expect(wanted({ sasl })).toBe("it may be stopping, or this port may want TLS");
  expect(wanted({ tls: {} })).toBe("it may be stopping, or this port may want a user and a password");
  expect(wanted({ tls: {}, sasl })).toBe("it may be stopping");
});

test("an error for want of a right names the right, by what was being done", () => {
  const said = (doing: string, code: number) => new KafkaAnswerError(doing, code, "Authorization failed.").message;
  const list = "docs/guides/security.md has the list";
  expect(said("joining group g", 30)).toBe(
    `joining group g: Kafka answers error 30 (groupAuthorizationFailed), the account lacks READ on the group; ${list}`,
  );
  for (const [doing, right] of [
    ["writing to raw-0", "WRITE"],
    ["reading the configs of topic raw", "DESCRIBE_CONFIGS"],
    ["reading raw-0", "READ"],
    ["describing topic raw", "READ"],
  ] as const)
    expect(said(doing, 29)).toContain(`(topicAuthorizationFailed), the account lacks ${right} on the topic; ${list}`);
  expect(said("writing to raw-0", 87)).toContain("Authorization failed.");
});
