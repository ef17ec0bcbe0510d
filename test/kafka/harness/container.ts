import { existsSync } from "node:fs";
import type { StartedBroker } from "./find-broker.ts";
import { kafkaVersion } from "./java.ts";

const socketFile = "/var/run/docker.sock";
const containerPort = 9092;

/**
 * Starts Kafka in a container; undefined when no container engine answers. Never throws for want of an engine.
 *
 * The package is imported only when an engine may be there: the import alone costs half a second.
 */
export async function startContainer(): Promise<StartedBroker | undefined> {
  if (process.env["DOCKER_HOST"] === undefined && !existsSync(socketFile)) return undefined;
  const { GenericContainer, getContainerRuntimeClient, RandomUuid, Wait } = await import("testcontainers");
  const answers = await getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
  if (!answers) return undefined;
  // The advertised port must be known before the start, so the host's port is chosen by us.
  const port = 20_000 + (Number.parseInt(new RandomUuid().nextUuid().slice(0, 4), 16) % 20_000);
  const container = await new GenericContainer(`apache/kafka:${kafkaVersion}`)
    .withExposedPorts({ container: containerPort, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: "1",
      KAFKA_PROCESS_ROLES: "broker,controller",
      KAFKA_CONTROLLER_QUORUM_VOTERS: "1@localhost:9093",
      KAFKA_LISTENERS: `PLAINTEXT://:${containerPort},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1",
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1",
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false",
    })
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  return {
    bootstrap: `127.0.0.1:${port}`,
    stop: async () => {
      await container.stop();
    },
  };
}
