import { setTimeout as delay } from "node:timers/promises";
import { stockKafka } from "../kafka/harness/client.ts";

const askedAgainMs = 250;

/**
 * Waits until no group has a member under an instance id any more, which Kafka puts before the ids that it gives to
 * members that name one.
 *
 * @returns whether that was so within `msMax`
 */
export async function untilTakenOut(
  bootstrap: string,
  groups: readonly string[],
  instanceId: string,
  msMax: number,
): Promise<boolean> {
  const admin = stockKafka(bootstrap).admin();
  await admin.connect();
  try {
    const endMs = performance.now() + msMax;
    while (performance.now() < endMs) {
      const described = await admin.describeGroups([...groups]);
      const members = described.groups.flatMap((group) => group.members);
      if (!members.some(({ memberId }) => memberId.startsWith(`${instanceId}-`))) return true;
      await delay(askedAgainMs);
    }
    return false;
  } finally {
    await admin.disconnect();
  }
}
