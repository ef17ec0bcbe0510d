import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { defaultTimings, GroupMember } from "../../../src/adapters/kafkajs/group-member.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";

/** A member whose coordinator gives one answer to everything, and what it was asked, as bytes. */
function memberOf(answer: unknown) {
  const asked: Buffer[] = [];
  const link = {
    coordinatorOf: async () => 1,
    send: async (_node: number, _lane: string, request: () => ProtocolRequest) => {
      asked.push((await request().request.encode()).buffer);
      return answer;
    },
  };
  const member = new GroupMember(link as unknown as ClusterLink, "g", ["in", "side"], "slot", defaultTimings);
  return { member, asked };
}

const identity = { memberId: "m-1", generation: 7 };
const offsets = [
  { topic: "in", partition: 0, offset: 5, leaderEpoch: 2, metadata: "x" },
  { topic: "side", partition: 0, offset: 9, leaderEpoch: -1, metadata: "" },
];
const fine = { errorCode: 0 };

test("R3: a commit names the member, its instance and the generation that it is made for, and what the offsets belong to", async () => {
  const { member, asked } = memberOf([fine, fine]);
  await member.commit(identity, offsets);
  // Kafka protocol guide, OffsetCommit Request (Version: 8), worked by hand.
  const expected = `00 02 67 00000007 04 6d2d31 05 736c6f74
    03 03 696e 02 00000000 0000000000000005 00000002 02 78 00 00
       05 73696465 02 00000000 0000000000000009 ffffffff 01 00 00 00`;
  expect(asked).toEqual([Buffer.from(expected.replaceAll(/\s/g, ""), "hex")]);
});

test("an answer to a commit that leaves a partition out has not committed it", async () => {
  const { member } = memberOf([fine]);
  await expect(member.commit(identity, offsets)).rejects.toMatchObject({ code: kafkaCode.requestTimedOut });
});

test("an error of one partition is the commit's", async () => {
  const { member } = memberOf([fine, { errorCode: kafkaCode.illegalGeneration }]);
  await expect(member.commit(identity, offsets)).rejects.toMatchObject({ code: kafkaCode.illegalGeneration });
});
