import { randomBytes } from "node:crypto";
import { describe, inject } from "vitest";

/** What the global set-up found or started; undefined `bootstrap` when the machine has no Kafka to offer. */
export interface ProvidedKafka {
  /** Host and port, comma separated; empty when there is none. */
  readonly bootstrap: string;
  readonly from: "environment" | "container" | "jars" | "nothing";
  /** Why there is no broker; empty when there is one. */
  readonly reason: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    kafka: ProvidedKafka;
  }
}

export interface TestBroker {
  readonly bootstrap: string;
  readonly brokers: readonly string[];
  readonly from: ProvidedKafka["from"];
}

/** The broker that every Kafka test shares. Tests keep apart by {@link uniqueNamespace}; nobody stops this one. */
export function testBroker(): TestBroker {
  const { bootstrap, from, reason } = inject("kafka");
  if (bootstrap === "") throw new Error(`there is no Kafka for this test: ${reason}`);
  return { bootstrap, brokers: bootstrap.split(","), from };
}

/** A prefix for topics and groups that nothing has used before, such as `t1f0c9a2b`. */
export function uniqueNamespace(): string {
  return `t${randomBytes(5).toString("hex")}`;
}

/** `describe` for tests that need a broker: skipped, with the reason in the name, where there is none. */
export function describeKafka(name: string, tests: () => void): void {
  const { bootstrap, reason } = inject("kafka");
  if (bootstrap === "") describe.skip(`${name} (skipped: ${reason})`, tests);
  else describe(name, tests);
}

/**
 * `describe` for tests that stop and start brokers of their own: they need the jars, whatever the shared broker is.
 * Never run against a broker that was named by MILLRACE_TEST_BROKERS.
 */
export function describeFaults(name: string, tests: () => void): void {
  const { from, reason } = inject("kafka");
  if (from === "jars") describe(name, tests);
  else describe.skip(`${name} (skipped: ${reason === "" ? `faults need Kafka's jars, not ${from}` : reason})`, tests);
}
