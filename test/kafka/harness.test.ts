import { expect, test } from "vitest";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { runJava } from "./harness/java.ts";

describeKafka("the broker of the Kafka lane", () => {
  test("creates and lists a topic through Kafka's own tools", async () => {
    const topic = `${uniqueNamespace()}.harness`;
    const at = ["--bootstrap-server", testBroker().bootstrap];
    const created = await runJava("org.apache.kafka.tools.TopicCommand", [
      ...at,
      ...["--create", "--topic", topic, "--partitions", "2"],
    ]);
    expect(created.code, created.stderr).toBe(0);
    const listed = await runJava("org.apache.kafka.tools.TopicCommand", [...at, "--list"]);
    expect(listed.stdout.split("\n")).toContain(topic);
    await runJava("org.apache.kafka.tools.TopicCommand", [...at, "--delete", "--topic", topic]);
  });
});
