/**
 * What lets a group go on elsewhere in a partition, or without one in all of the topic, once all its members have stopped.
 *
 * @param to as the command has it: `--to-offset 7`
 */
export function resetCommand(
  group: string,
  { topic, partition }: { readonly topic: string; readonly partition?: number },
  to: string,
): string {
  const at = partition === undefined ? topic : `${topic}:${partition}`;
  return `kafka-consumer-groups --bootstrap-server ... --group ${group} --topic ${at} --reset-offsets ${to} --execute`;
}
