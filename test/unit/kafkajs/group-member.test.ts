import { expect, test } from "vitest";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { defaultTimings, GroupMember } from "../../../src/adapters/kafkajs/group-member.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";

/** A member whose coordinator gives one answer to everything, and what it was asked. */
function memberOf(answer: unknown) {
  const asked: object[] = [];
  const link = {
    coordinatorOf: async () => 1,
    ask: async (_node: number, name: string, args: object) => {
      asked.push({ name, ...args });
      return answer;
    },
  };
  const member = new GroupMember(link as unknown as ClusterLink, "g", ["in", "side"], undefined, defaultTimings);
  return { member, asked };
}

const identity = { memberId: "m-1", generation: 7 };
const offsets = new Map([
  ["in-0", 5],
  ["side-0", 9],
]);
const partitions = [
  { topic: "in", partition: 0 },
  { topic: "side", partition: 0 },
];
const fine = { partition: 0, errorCode: 0 };

test("R3: a commit names the member and the generation that it is made for", async () => {
  const { member, asked } = memberOf({ responses: [{ partitions: [fine] }, { partitions: [fine] }] });
  await member.commit(identity, offsets, partitions);
  expect(asked).toMatchObject([{ name: "OffsetCommit", memberId: "m-1", groupGenerationId: 7 }]);
});

test("an answer to a commit that leaves a partition out has not committed it", async () => {
  const { member } = memberOf({ responses: [{ partitions: [fine] }] });
  await expect(member.commit(identity, offsets, partitions)).rejects.toMatchObject({
    code: kafkaCode.requestTimedOut,
  });
});

test("an error of one partition is the commit's", async () => {
  const refused = { partition: 0, errorCode: kafkaCode.illegalGeneration };
  const { member } = memberOf({ responses: [{ partitions: [fine] }, { partitions: [refused] }] });
  await expect(member.commit(identity, offsets, partitions)).rejects.toMatchObject({
    code: kafkaCode.illegalGeneration,
  });
});
