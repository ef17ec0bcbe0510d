/**
 * A test of those who tell people, on `<topology>.alerts`: what is asked, and what each place has answered. Neither is an
 * alert: who lists alerts, judges or trains passes over both.
 */
import { type CloudEventRecord, cloudEventRecord, jsonObject } from "../records/cloud-event.ts";

const askedType = "millrace.test.asked";
const answeredType = "millrace.test.answered";

/** Somebody wants to see that everybody who is to be told can be. */
export interface TestAlert {
  readonly id: string;
  readonly topology: string;
  /** ISO 8601. */
  readonly at: string;
  readonly who: string;
}

/** What one place has answered. */
export interface TestAnswer {
  /** Of the test. */
  readonly id: string;
  readonly topology: string;
  /** ISO 8601. */
  readonly at: string;
  /** As in logs: `notify[0] slack`. */
  readonly target: string;
  readonly outcome: "sent" | "failed" | "refused";
  /** Why not; empty when it was sent. Names neither addresses nor keys. */
  readonly reason: string;
}

export function testAlertRecord(test: TestAlert): CloudEventRecord {
  return recordOf(askedType, test, test.id);
}

export function testAnswerRecord(answer: TestAnswer): CloudEventRecord {
  return recordOf(answeredType, answer, `${answer.id}/${answer.target}`);
}

/** Undefined for what is no such record. */
export function readTestAlert(text: string): TestAlert | undefined {
  return readAs<TestAlert>(text, askedType, ["id", "topology", "at", "who"]);
}

/** Undefined for what is no such record. */
export function readTestAnswer(text: string): TestAnswer | undefined {
  const answer = readAs<TestAnswer>(text, answeredType, ["id", "topology", "at", "target", "outcome", "reason"]);
  return answer !== undefined && ["sent", "failed", "refused"].includes(answer.outcome) ? answer : undefined;
}

function recordOf(type: string, value: TestAlert | TestAnswer, id: string): CloudEventRecord {
  const { topology, at } = value;
  return cloudEventRecord(`test/${value.id}`, { id, type, topology, at, subject: "test" }, { type, ...value });
}

function readAs<T>(text: string, type: string, texts: readonly (keyof T & string)[]): T | undefined {
  const value = jsonObject(text);
  if (value?.["type"] !== type || texts.some((name) => typeof value[name] !== "string")) return undefined;
  return Object.fromEntries(texts.map((name) => [name, value[name]])) as T;
}
