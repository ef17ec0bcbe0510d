import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";

/** Takes one member out of a group. An answer to it is of no use to somebody who goes. */
export function leaveGroupRequest(group: string, memberId: string, instanceId: string | undefined): ProtocolRequest {
  return flexibleRequest({
    apiKey: 13,
    apiName: "LeaveGroup",
    apiVersion: 4,
    write: (to) => {
      to.string(group).array([memberId], (id) => {
        to.string(id)
          .string(instanceId ?? null)
          .end();
      });
      to.end();
    },
    read: (from): number => from.int16(),
  });
}
