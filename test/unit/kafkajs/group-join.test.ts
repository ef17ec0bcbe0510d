import { describe, expect, test } from "vitest";
import { loadKafkajs } from "../../../src/adapters/kafkajs/client.ts";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { defaultTimings, GroupMember } from "../../../src/adapters/kafkajs/group-member.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import type { GroupSpec } from "../../../src/runtime/index.ts";

interface Asked {
  readonly name: string;
  readonly args: Record<string, unknown>;
  readonly timeoutMs: number | undefined;
}

/** A coordinator of a group on two topics, and members in it that name themselves `m1`, `m2` ... */
function coordinator(partitions: Record<string, number> = { in: 3, side: 2 }) {
  const { assignerProtocol } = loadKafkajs();
  const asked: Asked[] = [];
  const sent: string[] = [];
  const state = { generation: 0, leader: "", code: 0, described: { errorCode: 0, members: [] as object[] } };
  const metadata = new Map<string, Buffer>();
  const assignments = new Map<string, Buffer>();
  let named = 0;
  const answers: Record<string, (args: Record<string, unknown>) => object> = {
    JoinGroup: ({ memberId, groupProtocols }) => {
      if (state.code !== 0) return { errorCode: state.code };
      if (memberId === "") return { errorCode: kafkaCode.memberIdRequired, memberId: `m${++named}` };
      const id = memberId as string;
      metadata.set(id, (groupProtocols as { metadata: Buffer }[])[0]?.metadata ?? Buffer.alloc(0));
      state.leader ||= id;
      state.generation++;
      const members = [...metadata].map(([member, memberMetadata]) => ({ memberId: member, memberMetadata }));
      const { generation, leader } = state;
      return {
        errorCode: 0,
        memberId: id,
        generationId: generation,
        leaderId: leader,
        members: id === leader ? members : [],
      };
    },
    SyncGroup: ({ memberId, groupAssignment }) => {
      for (const { memberId: of, memberAssignment } of groupAssignment as {
        memberId: string;
        memberAssignment: Buffer;
      }[])
        assignments.set(of, memberAssignment);
      return { errorCode: state.code, memberAssignment: assignments.get(memberId as string) ?? null };
    },
    Heartbeat: () => ({ errorCode: state.code }),
  };
  const link = {
    parts: { assignerProtocol },
    coordinatorOf: async () => 5,
    describe: async (topics: readonly string[]) => ({
      topics: topics.map((topic) => ({
        topic,
        errorCode: topic in partitions ? 0 : kafkaCode.unknownTopicOrPartition,
        partitions: Array.from({ length: partitions[topic] ?? 0 }, (_, partition) => ({ partition })),
      })),
    }),
    ask: async (node: number, name: string, args: Record<string, unknown>, timeoutMs?: number) => {
      expect(node).toBe(5);
      asked.push({ name, args, timeoutMs });
      return answers[name]?.(args);
    },
    send: async (_node: number, lane: string, request: () => { request: { apiName: string } }) => {
      sent.push(`${request().request.apiName} by ${lane}`);
      return state.described;
    },
  };
  const member = (instanceId?: string, spec: Partial<GroupSpec> = {}) => {
    const named = instanceId === undefined ? {} : { instanceId };
    const all = { group: "g", topics: ["in", "side"], ...named, ...spec };
    return new GroupMember(link as unknown as ClusterLink, all, defaultTimings);
  };
  return { state, asked, sent, partitions, assignments, member };
}

const namesOf = (asked: readonly Asked[]) => asked.map(({ name }) => name);

describe("joining a group", () => {
  test("a newcomer takes the name that it is given, leads when it is alone, and gets every task once", async () => {
    const { asked, member } = coordinator();
    const alone = member();
    expect(await alone.join([])).toEqual([0, 1, 2]);
    expect(alone.identity).toEqual({ memberId: "m1", generation: 1 });
    expect(namesOf(asked)).toEqual(["JoinGroup", "JoinGroup", "SyncGroup"]);
    expect(asked.map(({ args }) => args["memberId"])).toEqual(["", "m1", "m1"]);
    const { sessionMs, rebalanceMs } = defaultTimings;
    expect(asked[1]).toMatchObject({
      args: { groupId: "g", sessionTimeout: sessionMs, rebalanceTimeout: rebalanceMs, protocolType: "consumer" },
      timeoutMs: rebalanceMs + 10_000,
    });
    expect(asked[2]?.args).toMatchObject({ groupId: "g", generationId: 1, memberId: "m1" });
  });

  test("one that does not lead shares nothing out, and one without an assignment has no task", async () => {
    const { asked, member, assignments } = coordinator();
    const [first, second] = [member(), member("slot")];
    await first.join([]);
    expect(await second.join([])).toEqual([]);
    expect(asked.at(-1)?.args).toMatchObject({ groupAssignment: [], groupInstanceId: "slot", generationId: 2 });
    // The leader comes again, and what it shares out is what the other finds.
    const kept = await first.join([0, 1, 2]);
    expect(await second.join([])).toEqual([0, 1, 2].filter((task) => !kept.includes(task)));
    expect([kept.length, assignments.size]).toEqual([2, 2]);
    assignments.set("m2", Buffer.alloc(0));
    expect(await second.join([])).toEqual([]);
  });

  test("an error says which group and what it means, where more is known than its name", async () => {
    const { member, state } = coordinator();
    const joined = member("slot");
    await joined.join([]);
    const says = async (code: number): Promise<string> => {
      state.code = code;
      return joined.heartbeat().then(
        () => "well",
        (error: Error) => error.message,
      );
    };
    expect(await says(0)).toBe("well");
    expect(await says(kafkaCode.fencedInstanceId)).toMatch(
      /^staying in group g: .*another process has joined as instance slot/,
    );
    expect(await says(kafkaCode.inconsistentGroupProtocol)).toContain("members of another client are in this group");
    expect(await says(kafkaCode.invalidSessionTimeout)).toContain(`no session of ${defaultTimings.sessionMs} ms`);
    expect(await says(kafkaCode.rebalanceInProgress)).toMatch(/^staying in group g: Kafka answers error 27 \(\w+\)$/);
    await expect(joined.join([])).rejects.toThrow("joining group g: Kafka answers error 27");
  });

  test("a name that is asked for twice is an error and no loop", async () => {
    const { member, state, asked } = coordinator();
    state.code = kafkaCode.memberIdRequired;
    await expect(member().join([])).rejects.toThrow("joining group g");
    expect(namesOf(asked)).toEqual(["JoinGroup", "JoinGroup"]);
  });
});

describe("sharing out", () => {
  /** One member after the other joins, and then the first, which leads, shares out; what each gets. */
  async function sharedOut(members: readonly GroupMember[], owned: readonly (readonly number[])[] = []) {
    for (const [index, each] of members.entries()) await each.join(owned[index] ?? []);
    const tasks = [await members[0]?.join(owned[0] ?? [])];
    for (const [index, each] of members.entries()) if (index > 0) tasks.push(await each.join(owned[index] ?? []));
    return tasks;
  }

  test("what a member has on disk comes to it, as it is when it joins; one that says nothing gets the rest", async () => {
    const { member } = coordinator({ in: 4, side: 4 });
    const offsets = new Map([[0, { offset: 1 }]]);
    const first = member();
    const second = member(undefined, { claims: () => offsets });
    offsets.set(1, { offset: 3 }).set(0, { offset: 2 });
    expect(await sharedOut([first, second], [[0, 1, 2, 3]])).toEqual([
      [2, 3],
      [0, 1],
    ]);
  });

  test("a member gets nothing of a topic that it does not read, and everything of its own is somebody's", async () => {
    const { member } = coordinator({ in: 3, side: 2, before: 2 });
    const other = member(undefined, { topics: ["before"] });
    expect(await sharedOut([member(), other, member()])).toEqual([[0, 1], [0, 1], [2]]);
    // How many tasks there were at first is a thing of each input.
    expect([other.shared, await other.hasGrown()]).toEqual([{ tasks: 2, tasksAtFirst: 2 }, false]);
  });

  test("a topic that only others read may be gone; one's own may not", async () => {
    const { member, partitions } = coordinator({ in: 3, side: 2 });
    expect(await sharedOut([member(), member(undefined, { topics: ["gone"] })])).toEqual([[0, 1, 2], []]);
    delete partitions["side"];
    await expect(member().join([])).resolves.toEqual([]);
    const alone = coordinator({ in: 3 }).member();
    await expect(alone.join([])).rejects.toThrow("counting the partitions of side");
  });
});

describe("a member that was given up", () => {
  test("comes back under its instance id only when nobody else has it", async () => {
    const { member, state, sent } = coordinator();
    const joined = member("slot");
    await joined.join([]);
    expect(sent).toEqual([]);
    joined.forgetIdentity();
    state.described = { errorCode: 0, members: [{ instanceId: "other" }, { instanceId: "slot" }] };
    await expect(joined.join([0])).rejects.toThrow("another process has joined as instance slot");
    state.described = { errorCode: kafkaCode.notCoordinator, members: [] };
    await expect(joined.join([0])).rejects.toThrow("looking for the members of group g");
    state.described = { errorCode: 0, members: [{ instanceId: "other" }] };
    await joined.join([0]);
    await joined.join([0]);
    expect(sent).toEqual(Array.from({ length: 3 }, () => "DescribeGroups by control"));
    expect(joined.identity.memberId).toBe("m2");
  });

  test("takes its place back without asking when it is told to, and one without an instance id has none to ask for", async () => {
    const { member, sent, asked } = coordinator();
    const fixed = member("slot");
    await fixed.join([]);
    fixed.takeBack();
    await fixed.join([]);
    const free = member();
    await free.join([]);
    free.forgetIdentity();
    await free.join([]);
    expect(sent).toEqual([]);
    expect(asked.filter(({ args }) => args["memberId"] === "").length).toBe(4);
  });
});

test("a member leaves once, on the connection that no join holds up, and a stranger not at all", async () => {
  const { member, sent } = coordinator();
  const [first, second] = [member(), member()];
  await first.leave(false);
  expect(sent).toEqual([]);
  await first.join([]);
  await first.leave(false);
  await first.leave(false);
  await second.join([]);
  await second.leave(true);
  expect(sent).toEqual(["LeaveGroup by control", "LeaveGroup by fetch"]);
});

test("partitions that an input gains are noticed, and with how many tasks the group began is kept", async () => {
  const { member, partitions } = coordinator();
  const alone = member();
  expect([await alone.hasGrown(), alone.shared]).toEqual([false, undefined]);
  await alone.join([]);
  expect([await alone.hasGrown(), alone.shared]).toEqual([false, { tasks: 3, tasksAtFirst: 3 }]);
  partitions["side"] = 4;
  expect(await alone.hasGrown()).toBe(true);
  expect(await alone.join([0, 1, 2])).toEqual([0, 1, 2, 3]);
  expect([await alone.hasGrown(), alone.shared]).toEqual([false, { tasks: 4, tasksAtFirst: 3 }]);
});
