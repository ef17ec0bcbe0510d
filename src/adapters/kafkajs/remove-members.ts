import type { Clock } from "../../kernel/index.ts";
import { checkCode } from "./errors.ts";
import { leaveGroupRequest } from "./leave-group-request.ts";
import type { ClusterLink } from "./link.ts";
import { groupPolicy, retrying } from "./retry.ts";

/** A member of a group, as its coordinator knows it. */
export interface GroupMembership {
  readonly group: string;
  readonly memberId: string;
  readonly instanceId: string | undefined;
}

/**
 * Takes members out of their groups as if they had left. One that is not there any more, or whose slot another has
 * taken, is left alone: the coordinator compares both ids.
 */
export async function removeMembers(
  link: ClusterLink,
  members: readonly GroupMembership[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    members.map(({ group, memberId, instanceId }) => {
      const onError = (): void => link.forgetCoordinator(group);
      return retrying({ clock, policy: groupPolicy, signal, onError }, async () => {
        const node = await link.coordinatorOf(group);
        const code = await link.send<number>(node, "control", () => leaveGroupRequest(group, memberId, instanceId));
        checkCode(`taking a dead member out of group ${group}`, code);
      });
    }),
  );
}
