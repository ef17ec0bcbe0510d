/** A stage whose stores are written down: what it asks of its changelogs, and what it says. */
import { afterEach, expect, test } from "vitest";
import { OperationError, seededRng } from "../../../src/kernel/index.ts";
import { paymentStream } from "../../oracle/features-oracle.ts";
import { DurableShop } from "./durable-shop.ts";

const never = new AbortController().signal;
const emptied = "A store has nothing written down and starts empty, although records were read before.";

let open: DurableShop[] = [];
afterEach(async () => {
  await Promise.all(open.map((shop) => shop.close()));
  open = [];
});

function shopOf(): DurableShop {
  const shop = new DurableShop("exactly-once");
  open.push(shop);
  return shop;
}

const changelogOf = (store: string): string => `shop.features.${store}.changelog`;

async function remake(shop: DurableShop, topic: string, partitions: number, policy?: string): Promise<void> {
  await shop.broker.admin.deleteTopics([topic], never);
  const configs = policy === undefined ? {} : { "cleanup.policy": policy };
  await shop.broker.admin.createTopics([{ topic, partitions, replication: undefined, configs }], never);
}

async function workOff(shop: DurableShop): Promise<void> {
  const process = await shop.start();
  await shop.until(async () => process.runner.isReady && (await shop.isCaughtUp()));
  await process.kill();
}

test("a stage does not start without its changelogs, nor with ones that would lose what is in them", async () => {
  const shop = shopOf();
  const dedupe = changelogOf("dedupe");
  await shop.broker.admin.deleteTopics([dedupe], never);
  await expect(shop.start()).rejects.toThrow(`topic ${dedupe} does not exist; run millrace apply`);
  await remake(shop, dedupe, 2);
  await expect(shop.start()).rejects.toThrow(
    `changelog ${dedupe} has cleanup.policy delete, and what a store holds would be deleted by age; set it to compact`,
  );
  await remake(shop, dedupe, 2, "compact,delete");
  await expect(shop.start()).rejects.toMatchObject({ code: "MR_TOPIC_MISMATCH" });
  await remake(shop, dedupe, 1, "compact");
  await expect(shop.start()).rejects.toThrow(
    `changelog ${dedupe} has 1 partitions, and payments has 2; run millrace apply`,
  );
  await remake(shop, dedupe, 3, "compact");
  await (await shop.start()).kill();
});

test("the group says that its tasks write changelogs, so that these are never ahead of the offsets", async () => {
  const shop = shopOf();
  const { join } = shop.broker;
  const said: unknown[] = [];
  shop.broker.join = (spec, sink, signal) => {
    said.push(spec.hasChangelogs);
    return join.call(shop.broker, spec, sink, signal);
  };
  await (await shop.start()).kill();
  expect(said).toEqual([true]);
});

test("a log that has changed halts with the command that empties the stores, which are of the one before", async () => {
  const shop = shopOf();
  const told = await shop.start();
  told.runner.failed(new OperationError("MR_LOG_CHANGED", "the log of payments-0 was cut back; run: COMMAND"));
  expect(told.runner.haltReason?.message).toBe(
    "the log of payments-0 was cut back; run: COMMAND; and, since its stores hold what the old log held, before it runs again: millrace apply FILE --reset-state features/dedupe --reset-state features/rolling",
  );
  const found = await shop.start();
  await shop.broker.admin.deleteTopics(["payments"], never);
  await shop.turns(() => found.runner.awaitsTopic);
  await shop.broker.admin.createTopics(
    [{ topic: "payments", partitions: 2, replication: undefined, configs: {} }],
    never,
  );
  await shop.turns(() => !found.runner.awaitsTopic);
  expect(found.runner.haltReason?.message).toMatch(
    /go on with what is there now, run: kafka-consumer-groups .*--reset-state features\/dedupe --reset-state features\/rolling$/,
  );
});

test("nobody is told that stores are volatile which are written down", async () => {
  const shop = shopOf();
  await shop.feed(paymentStream(30, seededRng(1)));
  await workOff(shop);
  await workOff(shop);
  expect(shop.logged.filter(({ fields }) => fields["code"] === "MR_STATE_VOLATILE")).toEqual([]);
});

test("a stage is not ready, and has not caught up, before its tasks are restored", async () => {
  const shop = shopOf();
  await shop.feed(paymentStream(60, seededRng(2)));
  await workOff(shop);
  let wait: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    wait = resolve;
  });
  const { read } = shop.broker;
  shop.broker.read = (range, signal) => {
    const batches = read.call(shop.broker, range, signal);
    return (async function* () {
      await gate;
      yield* batches;
    })();
  };
  const { runner } = await shop.start();
  const ends = new Map(await Promise.all([0, 1].map(async (task) => [task, await shop.committed(task)] as const)));
  await shop.until(() => runner.tasks.length === 2);
  for (let turn = 0; turn < 20; turn++) await shop.until(() => true);
  expect([runner.isReady, runner.caughtUp(ends)]).toEqual([false, false]);
  wait();
  await shop.until(() => runner.isReady);
  expect(runner.caughtUp(ends)).toBe(true);
});

test("counts go on over all owners of a partition, and balance", async () => {
  const shop = shopOf();
  const rng = seededRng(4);
  let last = await shop.start();
  for (let round = 0; round < 4; round++) {
    await shop.feed(paymentStream(40, rng, round * 40));
    await shop.until(() => shop.isCaughtUp());
    if (round === 3) break;
    await last.kill();
    last = await shop.start();
  }
  for (const [task, fates] of shop.fates.entries()) {
    const account = last.runner.accounts.get(task)!;
    const count = (...kinds: readonly string[]): number => fates.filter(({ fate }) => kinds.includes(fate)).length;
    expect(account.whole).toEqual({
      since: 0,
      counts: {
        in: fates.length,
        out: count("out"),
        filtered: count("repeat", "filtered"),
        late: count("late"),
        deadLetters: count("failed"),
      },
    });
    // This process has done the last round alone.
    expect(account.counts.in).toBeLessThan(fates.length / 2);
  }
});

test("offsets that somebody else has moved have no note: counts begin there, and stream time is the latest in the stores", async () => {
  const shop = shopOf();
  const at = (minutes: number) => 1_700_000_000_000 + minutes * 60_000;
  const payment = (id: string, minutes: number) => ({ id, customer: "c1", paidAtMs: at(minutes), amount: 1 });
  await shop.feed([payment("a", 0), payment("b", 30)]);
  await workOff(shop);
  const task = (await shop.committed(0)) > 0 ? 0 : 1;
  // As a tool would: the same offset, and nothing beside it.
  const membership = await shop.broker.join(
    { group: shop.stage.group, topics: ["payments"], start: { kind: "earliest" }, logger: shop.logger },
    {
      assigned: (tasks) =>
        void Promise.all(
          tasks.map(async ({ task: own, epoch }) => {
            const handle = await membership.openTask(own, epoch, never);
            await handle.commit(handle.offsetsNext);
          }),
        ).then(() => moved()),
      revoking: async () => undefined,
      lost: () => undefined,
      batch: async () => undefined,
      failed: () => undefined,
    },
  );
  let moved: () => void = () => undefined;
  await new Promise<void>((resolve) => {
    moved = resolve;
  });
  await membership.leave();
  const process = await shop.start();
  // More than five minutes behind the latest event, so late; the store knows that one, though nobody left a note.
  await shop.feed([payment("c", 24), payment("d", 26)]);
  await shop.until(() => shop.isCaughtUp());
  expect(process.runner.accounts.get(task)?.whole).toEqual({
    since: 2,
    counts: { in: 2, out: 1, filtered: 0, late: 1, deadLetters: 0 },
  });
  expect(await shop.differences()).toEqual([]);
  expect(shop.logged.filter(({ fields }) => fields["code"] === "MR_STATE_MOVED").map(({ fields }) => fields)).toEqual([
    { stage: "features", task, code: "MR_STATE_MOVED", offset: 2 },
  ]);
});

test("a store whose changelog was lost is said to begin empty, once per task, with the time until it is whole", async () => {
  const shop = shopOf();
  await shop.feed(paymentStream(60, seededRng(6)));
  await workOff(shop);
  expect(shop.said(emptied)).toEqual([]);
  await remake(shop, changelogOf("rolling"), 2, "compact");
  await workOff(shop);
  expect(shop.said(emptied).map(({ task, store, wholeAfterSeconds }) => [task, store, wholeAfterSeconds])).toEqual([
    [0, "rolling", 3_600],
    [1, "rolling", 3_600],
  ]);
});

test("an input that grows waits for its changelogs, with the command that mends it, and the others go on", async () => {
  const shop = shopOf();
  await shop.feed(paymentStream(20, seededRng(7)));
  const { runner } = await shop.start();
  await shop.until(() => shop.isCaughtUp());
  await shop.broker.admin.growTopic("payments", 3, never);
  await shop.until(() => shop.said("The task is opened again.").length > 1);
  expect(shop.said("The task is opened again.")[0]).toMatchObject({
    task: 2,
    reason: `restoring task 2: changelog ${changelogOf("dedupe")} has 2 partitions, and the input more; run millrace apply`,
  });
  expect([runner.status, runner.isReady]).toEqual(["running", false]);
  for (const store of ["dedupe", "rolling"]) await shop.broker.admin.growTopic(changelogOf(store), 3, never);
  await shop.until(() => runner.isReady);
});

test("a changelog that somebody else has written to halts the stage, and says where", async () => {
  const shop = shopOf();
  await shop.feed(paymentStream(20, seededRng(8)));
  await workOff(shop);
  const { end } = await shop.broker.admin.extent({ topic: changelogOf("dedupe"), partition: 0 }, never);
  const record = {
    topic: changelogOf("dedupe"),
    partition: 0,
    timestampMs: 1,
    key: Buffer.from("?"),
    value: Buffer.from("?"),
  };
  await shop.broker.append([record], never);
  const { runner } = await shop.start();
  await expect(shop.until(() => false)).rejects.toMatchObject({ code: "MR_STATE_CORRUPT" });
  expect(String(runner.haltReason)).toContain(
    `restoring store dedupe from ${changelogOf("dedupe")}-0 at offset ${end}: `,
  );
});
