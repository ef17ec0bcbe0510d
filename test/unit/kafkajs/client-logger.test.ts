import { expect, test } from "vitest";
import { loadKafkajs } from "../../../src/adapters/kafkajs/client.ts";
import { clientLogger } from "../../../src/adapters/kafkajs/client-logger.ts";
import { silentLogger } from "../../../src/kernel/index.ts";

test("what kafkajs warns of is one fixed sentence at debug level, without the fields beside it", () => {
  const said: unknown[] = [];
  const ours = { ...silentLogger, debug: (fields: object, sentence: string) => void said.push(fields, sentence) };
  const logger = clientLogger(loadKafkajs().createLogger, ours) as Record<
    string,
    (text: string, more: object) => void
  > & {
    namespace(name: string): typeof logger;
  };
  const part = logger.namespace("Connection");
  part["warn"]?.("Connection error", { broker: "b:9092", payload: "secret" });
  expect(said).toEqual([{ part: "Connection", broker: "b:9092", detail: "Connection error" }, "Kafka client spoke."]);
  part["info"]?.("nothing of note", {});
  part["debug"]?.("nothing of note", {});
  expect(said.length).toBe(2);
});
