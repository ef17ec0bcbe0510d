import { expect, test } from "vitest";
import { systemClock } from "../../src/adapters/node/index.ts";
import { silentLogger } from "../../src/kernel/index.ts";
import { type Broker, Follower, TaskReopenError } from "../../src/runtime/index.ts";
import { type FaultPlan, faultyBroker } from "../fakes/faulty-broker.ts";
import { eventually } from "../support/deadline.ts";
import { EchoWork } from "../support/echo-work.ts";
import { textRecords } from "../support/records.ts";
import type { Bench } from "./bench.ts";

/** Followers of a topic of one partition: one of a group works, and what it writes goes out with its offsets. */
export function following(bench: () => Bench): void {
  interface Echo {
    readonly input: string;
    readonly output: string;
    readonly group: string;
  }
  const echo = async (): Promise<Echo> => ({
    input: await bench().topic(1),
    output: await bench().topic(1),
    group: bench().name("group"),
  });
  const follow = async (
    { input, output, group }: Echo,
    broker: Broker = bench().broker,
  ): Promise<{ readonly follower: Follower; readonly work: EchoWork }> => {
    const work = new EchoWork(output);
    const { delivery } = bench();
    const follower = new Follower({
      name: "echo",
      group,
      topic: input,
      needs: [output],
      delivery,
      broker,
      clock: systemClock,
      logger: silentLogger,
      everyMs: 1_000,
      work,
    });
    await bench().within("a start", follower.start());
    return { follower, work };
  };
  const until = (what: string, isMet: () => boolean): Promise<true> =>
    eventually(bench().deadlineMs, what, async () => isMet() || undefined);
  const drain = (follower: Follower): Promise<void> => bench().within("a drain", follower.drain());

  test("a follower takes every record in order, and commits what it wrote with the offset", async () => {
    const names = await echo();
    await bench().append(textRecords(names.input, 0, 3, "a"));
    const { follower, work } = await follow(names);
    await bench().untilSeen(names.output, 0, ["a0", "a1", "a2"]);
    await bench().append(textRecords(names.input, 0, 2, "b"));
    await bench().untilSeen(names.output, 0, ["a0", "a1", "a2", "b0", "b1"]);
    expect(work.restored).toEqual([0]);
    await bench().untilCommitted(names.group, names.input, 0, 5);
    expect([follower.isReady, follower.isOwner, follower.committedOffset]).toEqual([true, true, 5]);
    await drain(follower);
    expect([follower.status, work.releases]).toEqual(["stopped", 1]);
  });

  test("a second follower of the group stands by, and goes on behind the offset of the first when that leaves", async () => {
    const names = await echo();
    const first = await follow(names);
    await until("the first one to work", () => first.follower.isReady && first.follower.isOwner);
    const second = await follow(names, await bench().secondBroker());
    await until("the second one to stand by", () => second.follower.isReady);
    await bench().append(textRecords(names.input, 0, 2, "a"));
    await bench().untilSeen(names.output, 0, ["a0", "a1"]);
    expect([first.work.taken.length, second.work.taken.length, second.follower.isOwner]).toEqual([2, 0, false]);
    await drain(first.follower);
    await bench().append(textRecords(names.input, 0, 1, "b"));
    await bench().untilSeen(names.output, 0, ["a0", "a1", "b0"]);
    expect([second.work.restored, second.work.taken]).toEqual([[2], ["b0"]]);
    await drain(second.follower);
  });

  test("after a commit that was not answered it begins anew at the offset that the group has", async () => {
    const names = await echo();
    const plan: FaultPlan = {
      onCommit: ({ index }) =>
        index === 0 ? { kind: "unanswered", error: new TaskReopenError("no answer") } : undefined,
    };
    await bench().append(textRecords(names.input, 0, 2, "a"));
    const { follower, work } = await follow(names, faultyBroker(bench().broker, plan));
    await until("it to be begun anew", () => work.restored.length === 2);
    await bench().append(textRecords(names.input, 0, 1, "b"));
    await bench().untilSeen(names.output, 0, ["a0", "a1", "b0"]);
    expect([work.restored, work.taken]).toEqual([
      [0, 2],
      ["a0", "a1", "b0"],
    ]);
    await drain(follower);
  });

  test("after a commit that did not come about it takes the same records again", async () => {
    const names = await echo();
    const plan: FaultPlan = {
      onCommit: ({ index }) => (index === 0 ? { kind: "refused", error: new TaskReopenError("refused") } : undefined),
    };
    await bench().append(textRecords(names.input, 0, 2, "a"));
    const { follower, work } = await follow(names, faultyBroker(bench().broker, plan));
    await until("both to be taken twice", () => work.taken.length === 4);
    await bench().untilCommitted(names.group, names.input, 0, 2);
    expect([work.restored, work.taken]).toEqual([
      [0, 0],
      ["a0", "a1", "a0", "a1"],
    ]);
    // At least once, what was written before the offset stays, as far as it was sent.
    const seen = await eventually(bench().deadlineMs, "what was written", async () => {
      const texts = await bench().seenIn(names.output, 0);
      return texts.length >= 2 ? texts : undefined;
    });
    expect(seen.slice(bench().delivery === "exactly-once" ? 0 : -2)).toEqual(["a0", "a1"]);
    await drain(follower);
  });
}
