import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { defaultTimings, GroupMember } from "../../../src/adapters/kafkajs/group-member.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import { offsetCommitRequest } from "../../../src/adapters/kafkajs/offset-commit-request.ts";

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
const inCode = (errorCode: number) => ({ topic: "in", partition: 0, errorCode });
const sideCode = (errorCode: number) => ({ topic: "side", partition: 0, errorCode });

test("R3: a commit names the member, its instance and the generation that it is made for, and what the offsets belong to", async () => {
  const { member, asked } = memberOf([inCode(0), sideCode(0)]);
  expect(await member.commit(identity, offsets)).toEqual(new Map());
  // Kafka protocol guide, OffsetCommit Request (Version: 8), worked by hand.
  const expected = `00 02 67 00000007 04 6d2d31 05 736c6f74
    03 03 696e 02 00000000 0000000000000005 00000002 02 78 00 00
       05 73696465 02 00000000 0000000000000009 ffffffff 01 00 00 00`;
  expect(asked).toEqual([Buffer.from(expected.replaceAll(/\s/g, ""), "hex")]);
});

test("a commit of many tasks names each topic once, with all its partitions", async () => {
  const { member, asked } = memberOf([]);
  const [first] = offsets;
  await member.commit(identity, [...offsets, { ...first!, partition: 3, offset: 6, leaderEpoch: -1, metadata: "" }]);
  const expected = `00 02 67 00000007 04 6d2d31 05 736c6f74
    03 03 696e 03 00000000 0000000000000005 00000002 02 78 00
                  00000003 0000000000000006 ffffffff 01 00 00
       05 73696465 02 00000000 0000000000000009 ffffffff 01 00 00 00`;
  expect(asked).toEqual([Buffer.from(expected.replaceAll(/\s/g, ""), "hex")]);
});

test("the answer to a commit is read partition by partition", async () => {
  // OffsetCommit Response (Version: 8), worked by hand: header tags, throttle time, then per topic and partition a code.
  const bytes = Buffer.from(
    "00 00000000 03 03696e 03 00000000 0000 00 00000003 0016 00 00 0573696465 02 00000000 001b 00 00 00".replaceAll(
      " ",
      "",
    ),
    "hex",
  );
  const { response } = offsetCommitRequest({ ...identity, group: "g", instanceId: undefined }, offsets);
  expect(await response.parse(await response.decode(bytes))).toEqual([
    { topic: "in", partition: 0, errorCode: 0 },
    { topic: "in", partition: 3, errorCode: 22 },
    { topic: "side", partition: 0, errorCode: 27 },
  ]);
});

test("an answer to a commit that leaves a partition out, or names another one, has not committed it", async () => {
  const { member } = memberOf([inCode(0), { topic: "side", partition: 1, errorCode: 0 }]);
  const refused = await member.commit(identity, offsets);
  expect([...refused]).toEqual([["side-0", expect.objectContaining({ code: kafkaCode.requestTimedOut })]]);
});

test("an error of one partition is that partition's alone", async () => {
  const { member } = memberOf([inCode(0), sideCode(kafkaCode.illegalGeneration)]);
  const refused = await member.commit(identity, offsets);
  expect([...refused]).toEqual([["side-0", expect.objectContaining({ code: kafkaCode.illegalGeneration })]]);
});
