import { expect, test } from "vitest";
import { KafkaAnswerError, operationError, verdictOf } from "../../../src/adapters/kafkajs/errors.ts";
import { handleError } from "../../../src/adapters/kafkajs/task-handle.ts";
import { OperationError } from "../../../src/kernel/index.ts";
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
  expect(handleError("writing", new KafkaAnswerError("asking", 29)).failure).toBe("fatal");
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
