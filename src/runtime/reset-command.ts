import type { TopicPartition } from "../kernel/index.ts";

/** What lets a group go on elsewhere, once all its members have stopped; `to` as the command has it: `--to-offset 7`. */
export function resetCommand(group: string, { topic, partition }: TopicPartition, to: string): string {
  return `kafka-consumer-groups --bootstrap-server ... --group ${group} --topic ${topic}:${partition} --reset-offsets ${to} --execute`;
}
