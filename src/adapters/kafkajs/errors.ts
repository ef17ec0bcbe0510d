import { messageOf, OperationError } from "../../kernel/index.ts";

/** Kafka's error codes that decide what happens next, by the names of the protocol guide. */
export const kafkaCode = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  unknownMemberId: 25,
  invalidSessionTimeout: 26,
  rebalanceInProgress: 27,
  invalidTimestamp: 32,
  unsupportedSaslMechanism: 33,
  illegalSaslState: 34,
  topicAlreadyExists: 36,
  kafkaStorageError: 56,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  invalidProducerIdMapping: 49,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  transactionalIdAuthorizationFailed: 53,
  operationNotAttempted: 55,
  groupIdNotFound: 69,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  invalidRecord: 87,
  unstableOffsetCommit: 88,
  producerFenced: 90,
} as const;

/** What follows an error: ask again, look for the leader or coordinator anew, join again, give up, or set aside. */
export type Verdict = "again" | "elsewhere" | "rejoin" | "denied" | "refused" | "unknown";

const verdicts: ReadonlyMap<number, Verdict> = new Map([
  ...[-1, 2, 7, 14, 19, 20, 51, 60, 62, 88].map((code) => [code, "again"] as const),
  ...[3, 5, 6, 8, 9, 13, 15, 16, 41, 56, 74, 75, 76, 77, 78, 100, 103].map((code) => [code, "elsewhere"] as const),
  ...[22, 25, 27].map((code) => [code, "rejoin"] as const),
  ...[10, 18, 32, 87].map((code) => [code, "refused"] as const),
  ...[17, 23, 24, 26, 29, 30, 31, 33, 34, 35, 40, 42, 43, 44, 50, 53, 54, 58, 81, 82].map(
    (code) => [code, "denied"] as const,
  ),
]);

const codeNames = new Map<number, string>(Object.entries(kafkaCode).map(([name, code]) => [code, name]));

/** The name of an error code, or its number where it is none of those that matter here. */
export function codeNameOf(code: number): string {
  return codeNames.get(code) ?? `error ${code}`;
}

/** An error code in an answer of a broker. */
export class KafkaAnswerError extends Error {
  override readonly name = "KafkaAnswerError";
  readonly code: number;

  constructor(doing: string, code: number, detail?: string | null) {
    const known = codeNames.get(code);
    const said = lackOf(doing, code) ?? detail;
    super(`${doing}: Kafka answers error ${code}${known === undefined ? "" : ` (${known})`}${said ? `, ${said}` : ""}`);
    this.code = code;
  }
}

/** The right that an account lacks, by what it was doing, which begins with a verb; undefined for other errors. */
function lackOf(doing: string, code: number): string | undefined {
  const lacks = (right: string): string => `the account lacks ${right}; docs/guides/security.md has the list`;
  if (code === kafkaCode.groupAuthorizationFailed) return lacks("READ on the group");
  if (code === kafkaCode.transactionalIdAuthorizationFailed) return lacks("WRITE on the transactional id");
  if (code !== kafkaCode.topicAuthorizationFailed) return undefined;
  if (doing.startsWith("writing")) return lacks("WRITE on the topic");
  if (doing.startsWith("reading the configs")) return lacks("DESCRIBE_CONFIGS on the topic");
  return lacks("READ on the topic");
}

/** The broker is too old, or too new, for a request. */
export class UnsupportedRequestError extends Error {
  override readonly name = "UnsupportedRequestError";
}

/** Throws what a broker answered, unless that is success. */
export function checkCode(doing: string, code: number, detail?: string | null): void {
  if (code !== kafkaCode.none) throw new KafkaAnswerError(doing, code, detail);
}

/**
 * Classifies by code, name and cause: errors without a code are normal (a closed connection, a timeout), and some
 * carry the code only on their cause.
 */
export function verdictOf(error: unknown): Verdict {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (isCutShort(at)) return "elsewhere";
    if (at instanceof UnsupportedRequestError) return "denied";
    if (at.name === "KafkaJSSASLAuthenticationError" || at.name === "KafkaJSServerDoesNotSupportApiKey")
      return "denied";
    const { code } = at as Error & { code?: unknown };
    if (typeof code === "number") return verdicts.get(code) ?? "unknown";
    if (typeof code === "string" && isTlsCode(code)) return "denied";
    if (connectionErrors.has(at.name)) return "elsewhere";
  }
  return "unknown";
}

/**
 * The producer of a transaction is no longer the one that its transactional id has, or its transaction is over: somebody
 * else has taken the id, or the cluster has given it up.
 */
export function isProducerReplaced(error: unknown): boolean {
  return error instanceof KafkaAnswerError && replacedCodes.has(error.code);
}

/**
 * The producer's transaction before is still being ended: its markers wait for a partition that cannot be written to. Its
 * next one can only begin after that.
 */
export function isProducerBusy(error: unknown): boolean {
  return error instanceof KafkaAnswerError && error.code === kafkaCode.concurrentTransactions;
}

const replacedCodes: ReadonlySet<number> = new Set([
  kafkaCode.invalidProducerEpoch,
  kafkaCode.invalidTxnState,
  kafkaCode.invalidProducerIdMapping,
  kafkaCode.producerFenced,
]);

/** Another process has joined under the same instance id. */
export function isFenced(error: unknown): boolean {
  return error instanceof KafkaAnswerError && error.code === kafkaCode.fencedInstanceId;
}

/** True when the bytes on the connection can no longer be trusted to be in step, so that it must be dropped. */
export function breaksConnection(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof KafkaAnswerError) return false;
  return connectionErrors.has(error.name) || isCutShort(error);
}

/**
 * A connection that ended while signing in, as when a broker is stopped: nobody was denied anything. kafkajs reports it
 * as a refusal and keeps only the words of what happened; the words are those of its version that is checked at start.
 */
function isCutShort(error: Error): boolean {
  return error.name === "KafkaJSSASLAuthenticationError" && cutShort.test(error.message);
}

const cutShort =
  / failed: (?:Closed connection|Not connected|Connection (?:closed|error|timeout)|Request .* timed out)/;

const connectionErrors = new Set([
  "KafkaJSConnectionError",
  "KafkaJSConnectionClosedError",
  "KafkaJSRequestTimeoutError",
  "KafkaJSLockTimeout",
  "KafkaJSInvariantViolation",
]);

/** A certificate that does not fit will not fit the next time either. */
export function isTlsCode(code: string): boolean {
  return (
    code.startsWith("ERR_TLS") || code.startsWith("CERT_") || code.includes("_CERT") || code.includes("UNABLE_TO_")
  );
}

/** The error that leaves the adapter where no task handle is involved. */
export function operationError(doing: string, error: unknown): Error {
  if (error instanceof OperationError) return error;
  const disposition = verdictOf(error) === "denied" ? "halt" : "retry";
  return new OperationError("MR_BROKER", `${doing}: ${messageOf(error)}`, { cause: error, disposition });
}
