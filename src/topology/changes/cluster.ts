/** What `plan`, `apply` and `run` compare a plan with: the topics that exist, as a cluster describes them. */
export interface ClusterDescription {
  readonly topics: readonly ClusterTopic[];
  readonly brokerCount: number;
  /** Tells clusters apart; left out where the cluster does not say. */
  readonly id?: string | undefined;
}

export interface ClusterTopic {
  readonly topic: string;
  /** Another one each time the topic is made; left out where the cluster gives topics none. */
  readonly id?: string | undefined;
  readonly partitions: number;
  readonly replication: number;
  /** Kafka topic configs by name, such as `retention.ms` and `max.message.bytes`. */
  readonly configs: Readonly<Record<string, string>>;
}

/** A topic to create. */
export interface TopicToCreate {
  readonly topic: string;
  readonly partitions: number;
  /** Undefined leaves it to the broker. */
  readonly replication: number | undefined;
  /** Kafka topic configs, such as `retention.ms`, `max.message.bytes`, `cleanup.policy`. */
  readonly configs: Readonly<Record<string, string>>;
}
