import type { ProtocolRequest } from "./client-types.ts";
import { flexibleRequest } from "./flexible.ts";

export interface GroupDescription {
  readonly errorCode: number;
  readonly members: readonly { readonly memberId: string; readonly instanceId: string | null }[];
}

/** Asks a coordinator who is in a group, and under which instance ids, of which kafkajs's version of it says nothing. */
export function describeGroupRequest(group: string): ProtocolRequest {
  return flexibleRequest({
    apiKey: 15,
    apiName: "DescribeGroups",
    apiVersion: 5,
    write: (to) =>
      to
        .array([group], (name) => to.string(name))
        .boolean(false)
        .end(),
    read: (from): GroupDescription | undefined => {
      const [found] = from.array((): GroupDescription => {
        const errorCode = from.int16();
        for (const _ of ["group", "state", "protocol type", "protocol"]) from.string();
        const members = from.array(() => {
          const [memberId, instanceId] = [from.string() ?? "", from.string()];
          for (const _ of ["client id", "host"]) from.string();
          for (const _ of ["metadata", "assignment"]) from.compactBytes();
          from.end();
          return { memberId, instanceId };
        });
        // Operations that the asker may do, which were not asked for.
        from.int32();
        from.end();
        return { errorCode, members };
      });
      from.end();
      return found;
    },
  });
}
