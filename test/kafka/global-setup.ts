import type { TestProject } from "vitest/node";
import { startContainer } from "./harness/container.ts";
import { findBroker } from "./harness/find-broker.ts";
import { javaMissing } from "./harness/java.ts";
import { answers, archiveKafkaClasses, KafkaNode } from "./harness/node.ts";

let stop: () => Promise<void> = async () => undefined;

/**
 * Finds or starts the broker of the Kafka lane. Without any the lane is skipped, loudly; under CI that is a failure.
 */
export async function setup(project: TestProject): Promise<void> {
  const found = await findBroker({
    named: process.env["MILLRACE_TEST_BROKERS"],
    answers,
    startContainer,
    javaMissing,
    startJars: async () => {
      await archiveKafkaClasses();
      const node = await KafkaNode.start();
      return { bootstrap: node.bootstrap, stop: () => node.remove() };
    },
  });
  stop = found.stop;
  project.provide("kafka", found.kafka);
  if (found.kafka.bootstrap !== "") return;
  const sentence = `Kafka lane skipped: ${found.kafka.reason}; name a broker with MILLRACE_TEST_BROKERS, or install Java and Maven.`;
  if (process.env["CI"] === "true") throw new Error(sentence);
  process.stderr.write(`\n*** ${sentence}\n\n`);
}

export async function teardown(): Promise<void> {
  await stop();
}
