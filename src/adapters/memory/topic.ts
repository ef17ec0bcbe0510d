import type { ClusterTopic, TopicToCreate } from "../../topology/index.ts";
import { PartitionLog } from "./partition-log.ts";

/** What Kafka 4.3 answers for a topic that sets none of them. */
const defaultConfigs: Readonly<Record<string, string>> = {
  "cleanup.policy": "delete",
  "max.message.bytes": "1048588",
  "message.timestamp.type": "CreateTime",
  "retention.bytes": "-1",
  "retention.ms": "604800000",
};

/** A topic: its partitions' logs and the configs that this broker obeys. `retention.ms` is shown, not enforced. */
export class Topic {
  readonly name: string;
  readonly id: string;
  readonly #logs: PartitionLog[];
  /** Largest record batch accepted, in bytes. */
  readonly batchBytesMax: number;
  /** Bytes kept per partition; -1 for no limit of its own. */
  readonly retentionBytes: number;
  readonly isCompacted: boolean;
  /** Records get the time at which they arrive, whatever their writer says. */
  readonly isAppendTimed: boolean;
  /** Set once; logs are woken so that readers notice. */
  isDeleted = false;
  readonly #replication: number;
  readonly #configs: Readonly<Record<string, string>>;

  /** @param id another one for each topic that is made */
  constructor(spec: TopicToCreate, id: string) {
    this.id = id;
    this.name = spec.topic;
    this.#logs = Array.from({ length: spec.partitions }, (_, partition) => new PartitionLog(spec.topic, partition));
    this.#configs = { ...defaultConfigs, ...spec.configs };
    // Answered as asked for, so that a plan made for a real cluster compares equal.
    this.#replication = spec.replication ?? 1;
    this.batchBytesMax = Number(this.#configs["max.message.bytes"]);
    this.retentionBytes = Number(this.#configs["retention.bytes"]);
    this.isCompacted = (this.#configs["cleanup.policy"] ?? "").includes("compact");
    this.isAppendTimed = this.#configs["message.timestamp.type"] === "LogAppendTime";
  }

  get logs(): readonly PartitionLog[] {
    return this.#logs;
  }

  /** Adds partitions until there are as many. */
  grow(partitions: number): void {
    while (this.#logs.length < partitions) this.#logs.push(new PartitionLog(this.name, this.#logs.length));
  }

  describe(): ClusterTopic {
    return {
      topic: this.name,
      id: this.id,
      partitions: this.logs.length,
      replication: this.#replication,
      configs: this.#configs,
    };
  }
}
