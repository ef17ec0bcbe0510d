import type { ProvidedKafka } from "./broker.ts";

/** A broker that was started for the tests. */
export interface StartedBroker {
  readonly bootstrap: string;
  stop(): Promise<void>;
}

/** The roads to a broker, passed in so that the choice among them can be tested without taking one. */
export interface BrokerRoads {
  /** `MILLRACE_TEST_BROKERS`. */
  readonly named: string | undefined;
  /** Resolves when the brokers answer; rejects when they do not. */
  answers(bootstrap: string): Promise<void>;
  /** Undefined where no container engine answers. */
  startContainer(): Promise<StartedBroker | undefined>;
  /** Why Kafka's jars cannot be had; undefined when they can. */
  javaMissing(): string | undefined;
  startJars(): Promise<StartedBroker>;
}

export interface FoundBroker {
  readonly kafka: ProvidedKafka;
  stop(): Promise<void>;
}

/**
 * A named broker, else a container, else the jars of Kafka through Maven, else none and the reason.
 *
 * A named broker that does not answer is an error: whoever named it wants that one and no other.
 */
export async function findBroker(roads: BrokerRoads): Promise<FoundBroker> {
  const { named } = roads;
  if (named !== undefined && named !== "") {
    await roads.answers(named);
    return { kafka: { bootstrap: named, from: "environment", reason: "" }, stop: async () => undefined };
  }
  const container = await roads.startContainer();
  if (container !== undefined) return started(container, "container", roads);
  const missing = roads.javaMissing();
  if (missing !== undefined) {
    const reason = `no container engine and ${missing}`;
    return { kafka: { bootstrap: "", from: "nothing", reason }, stop: async () => undefined };
  }
  return started(await roads.startJars(), "jars", roads);
}

async function started(broker: StartedBroker, from: "container" | "jars", roads: BrokerRoads): Promise<FoundBroker> {
  try {
    await roads.answers(broker.bootstrap);
  } catch (cause) {
    await broker.stop();
    throw cause;
  }
  return { kafka: { bootstrap: broker.bootstrap, from, reason: "" }, stop: () => broker.stop() };
}
