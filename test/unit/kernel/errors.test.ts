import { expect, test } from "vitest";
import {
  AssertionError,
  assert,
  codeOf,
  errorCodes,
  eventIdOf,
  MillraceError,
  messageOf,
  OperationError,
  RecordError,
  silentLogger,
  topicPartitionKey,
  unreachable,
} from "../../../src/kernel/index.ts";

test("sets the record aside for a record error and keeps its cause", () => {
  const cause = new SyntaxError("bad token");
  const error = new RecordError("MR_PARSE", "reading payments.inbox-0 at 7: not JSON", { cause });
  expect(error).toBeInstanceOf(MillraceError);
  expect(error).toMatchObject({
    name: "RecordError",
    code: "MR_PARSE",
    disposition: "quarantine",
    message: "reading payments.inbox-0 at 7: not JSON",
    cause,
  });
});

test("halts on an operation error unless it says otherwise", () => {
  expect(new OperationError("MR_BROKER", "m")).toMatchObject({
    name: "OperationError",
    code: "MR_BROKER",
    disposition: "halt",
  });
  expect(new OperationError("MR_REGISTRY", "m", { disposition: "retry" }).disposition).toBe("retry");
});

test("takes the message of anything thrown", () => {
  expect(messageOf(new TypeError("why"))).toBe("why");
  expect([messageOf("text"), messageOf(undefined), messageOf(7), messageOf(null)]).toEqual([
    "text",
    "undefined",
    "7",
    "null",
  ]);
});

test("crashes on a broken promise with its message, and only then", () => {
  expect(() => assert(true, "never seen")).not.toThrow();
  expect(() => assert(0, "count is positive")).toThrow(new AssertionError("count is positive"));
  expect(new AssertionError("m")).not.toBeInstanceOf(MillraceError);
  expect(() => unreachable("stray" as never)).toThrow("unreachable: stray");
});

test("explains every code in one sentence", () => {
  for (const [code, { meaning }] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^MR(_[A-Z]+)+$/);
    expect(meaning, code).toMatch(/^[A-Z].*\.$/);
  }
});

test("knows every code that the contract gives to dead letters as a record code", () => {
  const contract = [
    "MR_DECODE_MAGIC",
    "MR_DECODE_SHORT",
    "MR_DECODE_UNKNOWN_SCHEMA",
    "MR_BATCH_CORRUPT",
    "MR_DECODE_BODY",
    "MR_PARSE",
    "MR_REQUIRED",
    "MR_CAST",
    "MR_EXPRESSION",
    "MR_LATE",
    "MR_TOO_LARGE",
    "MR_REFUSED",
    "MR_INFER",
    "MR_RULE",
  ];
  const records = Object.entries(errorCodes).flatMap(([code, { kind }]) => (kind === "record" ? [code] : []));
  expect(records.sort()).toEqual(contract.sort());
});

test("names a partition and an event by topic, partition and offset", () => {
  expect(topicPartitionKey("payments.raw", 3)).toBe("payments.raw-3");
  expect(eventIdOf("payments.inbox", 3, 9_007_199_254_740_991)).toBe("payments.inbox-3-9007199254740991");
});

test("logs nothing with the silent logger", () => {
  const { debug, info, warn, error } = silentLogger;
  expect([debug, info, warn, error].map((log) => log({ stage: "clean" }, "Ready."))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("takes the code of what was thrown, else of what caused it, else the one given", () => {
  const lost = new OperationError("MR_BROKER", "the broker is away");
  expect(codeOf(lost)).toBe("MR_BROKER");
  expect(codeOf(new RecordError("MR_PARSE", "m", { cause: lost }))).toBe("MR_PARSE");
  expect(codeOf(new Error("outer", { cause: new TypeError("inner", { cause: lost }) }))).toBe("MR_BROKER");
  expect(codeOf(new Error("outer", { cause: "text" }))).toBe("MR_INTERNAL");
  expect(codeOf(new Error("plain"), "MR_REGISTRY")).toBe("MR_REGISTRY");
  expect([codeOf(undefined), codeOf("text"), codeOf(null, "MR_REGISTRY")]).toEqual([
    "MR_INTERNAL",
    "MR_INTERNAL",
    "MR_REGISTRY",
  ]);
});

test("looks no further than eight errors deep for a code, so that errors which cause each other end", () => {
  const within = (depth: number): Error =>
    depth === 0 ? new OperationError("MR_BROKER", "m") : new Error("outer", { cause: within(depth - 1) });
  expect([codeOf(within(7)), codeOf(within(8))]).toEqual(["MR_BROKER", "MR_INTERNAL"]);
  const circle = new Error("a");
  circle.cause = new Error("b", { cause: circle });
  expect(codeOf(circle)).toBe("MR_INTERNAL");
});
