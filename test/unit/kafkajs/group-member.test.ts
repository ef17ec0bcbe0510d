import { expect, test } from "vitest";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { defaultTimings, GroupMember, sessionTimings } from "../../../src/adapters/kafkajs/group-member.ts";
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
  const member = new GroupMember(
    link as unknown as ClusterLink,
    { group: "g", topics: ["in", "side"], instanceId: "slot" },
    defaultTimings,
  );
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

/** Kafka protocol guide, DescribeGroups Response (Version: 5), worked by hand: a group whose one member is `slot`'s. */
const described = (instanceId: string): Buffer => {
  const id = `0${instanceId.length + 1}${Buffer.from(instanceId).toString("hex")}`;
  const member = `03 6d32 ${id} 02 63 02 68 03 0101 01 00`;
  const answer = `00 00000000 02 0000 02 67 07 537461626c65 02 63 02 70 02 ${member} 80000000 00 00`;
  return Buffer.from(answer.replaceAll(/\s/g, ""), "hex");
};

/** A member of which the coordinator knows nothing any more, and who else is in its group by then. */
function disownedMember(instanceId: string | undefined, described: Buffer) {
  const asked: string[] = [];
  const lanes: string[] = [];
  const joined = { errorCode: 0, memberId: "m-3", generationId: 4, leaderId: "m-1", members: [] };
  const link = {
    parts: { assignerProtocol: { MemberMetadata: { encode: () => Buffer.alloc(0) } } },
    coordinatorOf: async () => 1,
    ask: async (_node: number, name: string) => {
      asked.push(name);
      return name === "JoinGroup" ? joined : { errorCode: 0, memberAssignment: null };
    },
    send: async (_node: number, lane: string, request: () => ProtocolRequest) => {
      lanes.push(lane);
      const { request: spoken, response } = request();
      asked.push(`${spoken.apiName} ${(await spoken.encode()).buffer.toString("hex")}`);
      return response.parse(await response.decode(described));
    },
  };
  const named = instanceId === undefined ? {} : { instanceId };
  const spec = { group: "g", topics: ["in"], ...named };
  const member = new GroupMember(link as unknown as ClusterLink, spec, defaultTimings);
  member.forgetIdentity();
  return { member, asked, lanes };
}

// DescribeGroups Request (Version: 5): tags of the header, groups, no authorised operations, tags.
const describing = "DescribeGroups 00020267".concat("0000");

test("a member with an instance id that was given up asks who has the id before it joins, once", async () => {
  const { member, asked } = disownedMember("slot", described("other"));
  await member.join([]);
  expect(asked).toEqual([describing, "JoinGroup", "SyncGroup"]);
  await member.join([]);
  expect(asked.slice(3)).toEqual(["JoinGroup", "SyncGroup"]);
});

test("a member with an instance id that was given up does not join where somebody else has the id", async () => {
  const { member, asked } = disownedMember("slot", described("slot"));
  await expect(member.join([])).rejects.toMatchObject({
    code: kafkaCode.fencedInstanceId,
    message: expect.stringContaining("another process has joined as instance slot"),
  });
  await expect(member.join([])).rejects.toMatchObject({ code: kafkaCode.fencedInstanceId });
  expect(asked).toEqual([describing, describing]);
});

test("a member that takes its place back, or has no instance id, asks nobody", async () => {
  const { member, asked } = disownedMember(undefined, described("slot"));
  await member.join([]);
  expect(asked).toEqual(["JoinGroup", "SyncGroup"]);
  const taking = disownedMember("slot", described("other"));
  await taking.member.join([]);
  taking.asked.length = 0;
  taking.member.takeBack();
  await taking.member.join([]);
  expect(taking.asked).toEqual(["JoinGroup", "SyncGroup"]);
});

test("a member leaves on the connection that no join holds up, with its instance id, and once", async () => {
  const { member, asked } = memberOf(0);
  await member.leave(false);
  expect(asked).toEqual([]);
  const joined = disownedMember("slot", described("other"));
  await joined.member.join([]);
  joined.asked.length = 0;
  await joined.member.leave(true);
  await joined.member.leave(true);
  // LeaveGroup Request (Version: 4): tags of the header, group, members with their instance ids, tags.
  expect(joined.asked).toEqual([
    "LeaveGroup 00 0267 02 046d2d33 05736c6f74 00 00".replaceAll(" ", "").replace("Group", "Group "),
  ]);
  expect(joined.lanes.slice(-1)).toEqual(["fetch"]);
});

test("heartbeats are a sixth of a session apart, and the default is the shortest session that brokers allow by default", () => {
  expect(sessionTimings(45_000)).toEqual({ sessionMs: 45_000, heartbeatMs: 7_500 });
  const { sessionMs, heartbeatMs } = defaultTimings;
  expect(sessionTimings(6_000)).toEqual({ sessionMs, heartbeatMs });
  expect(sessionTimings(undefined)).toEqual({ sessionMs, heartbeatMs });
});
