import type { TestProject } from "vitest/node";
import type { ProvidedKafka } from "./harness/broker.ts";
import { startContainer } from "./harness/container.ts";
import { javaMissing } from "./harness/java.ts";
import { answers, KafkaNode } from "./harness/node.ts";

let stop: () => Promise<void> = async () => undefined;

/**
 * Finds or starts the broker of the Kafka lane: MILLRACE_TEST_BROKERS, else a container, else the jars of
 * Kafka through Maven. Without any of them the lane is skipped, loudly; under CI that is a failure.
 */
export async function setup(project: TestProject): Promise<void> {
  const kafka = await findBroker();
  project.provide("kafka", kafka);
  if (kafka.bootstrap !== "") return;
  const sentence = `Kafka lane skipped: ${kafka.reason}; name a broker with MILLRACE_TEST_BROKERS, or install Java and Maven.`;
  if (process.env["CI"] === "true") throw new Error(sentence);
  process.stderr.write(`\n*** ${sentence}\n\n`);
}

export async function teardown(): Promise<void> {
  await stop();
}

async function findBroker(): Promise<ProvidedKafka> {
  const named = process.env["MILLRACE_TEST_BROKERS"];
  if (named !== undefined && named !== "") {
    await answers(named);
    return { bootstrap: named, from: "environment", reason: "" };
  }
  const container = await startContainer();
  if (container !== undefined) {
    stop = container.stop;
    await answers(container.bootstrap);
    return { bootstrap: container.bootstrap, from: "container", reason: "" };
  }
  const missing = javaMissing();
  if (missing !== undefined) return { bootstrap: "", from: "nothing", reason: `no container engine and ${missing}` };
  const node = await KafkaNode.start();
  stop = () => node.remove();
  return { bootstrap: node.bootstrap, from: "jars", reason: "" };
}
