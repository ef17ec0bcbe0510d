import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordRefusedError, TaskFatalError, TaskLostError, TaskReopenError } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { IdStore } from "../../../src/state/index.ts";
import type { StepMemory } from "../../../src/step/index.ts";
import type { Fault, FaultPlan } from "../../fakes/faulty-broker.ts";
import { Cluster } from "./cluster.ts";
import { headersOf, order, planOf, rowOf, totalSchema, totalsStage } from "./fixture.ts";

/** Orders of a few customers with repeats of earlier ids, refunds and missing amounts among them. */
function orders(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const id = i % 10 === 7 ? i - 3 : i;
    const amount = i % 13 === 5 ? -1 : i % 17 === 4 ? null : i;
    return { ...order(`o${id}`, { customer: `c${id % 5}`, amount }), event_id: `inbox-0-${i}` };
  });
}

async function outputsWith(plan: FaultPlan, rows: readonly Row[]): Promise<Map<string, Set<string>>> {
  const cluster = new Cluster(totalsStage, plan);
  await cluster.send(rows);
  await cluster.run();
  await cluster.catchUp();
  const outputs = await cluster.outputs();
  await cluster.close();
  return outputs;
}

const reopen = new TaskReopenError("not confirmed");

test("an undisturbed run writes each good record once, counts every fate and balances (R4)", async () => {
  const cluster = new Cluster(totalsStage);
  await cluster.send(orders(300));
  const runner = await cluster.run();
  await cluster.catchUp();
  const records = await cluster.records("totals");
  const counts = runner.counts();
  expect(counts.in).toBe(300);
  expect(counts.out).toBe(records.length);
  const aside = [...Object.values(counts.filtered), ...Object.values(counts.deadLetters)].reduce((a, b) => a + b, 0);
  expect(counts.in).toBe(counts.out + counts.late + aside);
  expect(await cluster.records("shop.dead-letters")).toHaveLength(counts.deadLetters["MR_REQUIRED"] ?? -1);
  expect(runner.isReady).toBe(true);
  await cluster.close();
  expect(cluster.messages("error")).toEqual([]);
});

test("stores that would not survive a restart are said once (MR_STATE_VOLATILE)", async () => {
  const cluster = new Cluster(totalsStage);
  await cluster.run();
  await cluster.close();
  const lines = cluster.logged.filter((line) => line.fields["code"] === "MR_STATE_VOLATILE");
  expect(lines.map((line) => line.fields["stores"])).toEqual([["seen", "count"]]);
});

for (const [what, fault] of [
  ["a write that throws after half of its batches (R2)", { onWrite: { kind: "half", error: reopen } }],
  ["a write whose answer is lost (R2)", { onWrite: { kind: "unanswered", error: reopen } }],
  ["a commit that does not land (R2)", { onCommit: { kind: "refused", error: reopen } }],
  ["a commit that lands while its answer is lost (R2)", { onCommit: { kind: "unanswered", error: reopen } }],
] as const) {
  test(`${what} leaves no trace in a stage with a dedupe and a running count`, async () => {
    const rows = orders(400);
    const undisturbed = await outputsWith({}, rows);
    const failing = (found: Fault | undefined) => (at: { index: number }) => (at.index === 1 ? found : undefined);
    const disturbed = await outputsWith(
      {
        onWrite: failing("onWrite" in fault ? fault.onWrite : undefined),
        onCommit: failing("onCommit" in fault ? fault.onCommit : undefined),
      },
      rows,
    );
    expect(disturbed).toEqual(undisturbed);
  });
}

test("exactly once, no failed call leaves a copy or a gap, and nobody sees what was not committed", async () => {
  const rows = orders(400).map((row, i) => ({ ...row, amount: 1, id: `o${i}` }));
  const failing = (error: Error, kind: Fault["kind"], every: number) => (at: { index: number }) =>
    at.index % every === 1 ? { kind, error } : undefined;
  for (const kind of ["half", "unanswered", "refused"] as const) {
    const cluster = new Cluster(totalsStage, {
      onWrite: failing(reopen, kind, 5),
      onCommit: failing(reopen, kind, 3),
    });
    await cluster.send(rows);
    const runner = await cluster.run({ plan: { ...planOf([totalsStage]), delivery: "exactly-once" } });
    await cluster.until(async () => {
      const committed = (await cluster.committed(0)) + (await cluster.committed(1));
      expect(await cluster.records("totals")).toHaveLength(Math.max(0, committed));
      return committed === rows.length;
    });
    await cluster.until(() => runner.counts().out === rows.length);
    const ids = (await cluster.records("totals")).map(({ value }) => rowOf(totalSchema, value)["event_id"]);
    expect(new Set(ids).size).toBe(rows.length);
    await cluster.close();
  }
});

test("R1: at no time is an output of what was committed missing", async () => {
  const cluster = new Cluster(totalsStage);
  await cluster.send(orders(200).map((row) => ({ ...row, amount: 1, id: row["event_id"] })));
  await cluster.run();
  const gaps: string[] = [];
  await cluster.until(async () => {
    const committed = (await cluster.committed(0)) + (await cluster.committed(1));
    const { size } = await cluster.outputs();
    if (size < committed) gaps.push(`${committed} committed, ${size} written`);
    return committed === 200;
  });
  expect(gaps).toEqual([]);
  await cluster.close();
});

test("R3: a task that lost its partition commits nothing and closes quietly", async () => {
  let commits = 0;
  const cluster = new Cluster(totalsStage, {
    onWrite: ({ task }) =>
      task === 0 ? { kind: "refused", error: new TaskLostError("belongs to another member") } : undefined,
    onCommit: ({ task }) => {
      if (task === 0) commits++;
      return undefined;
    },
  });
  await cluster.send(orders(100));
  const runner = await cluster.run();
  await cluster.until(async () => (await cluster.committed(1)) > 0);
  for (let turn = 0; turn < 20; turn++) await cluster.turn();
  expect([commits, await cluster.committed(0), runner.status]).toEqual([0, 0, "running"]);
  await cluster.close();
  expect(cluster.messages("error")).toEqual([]);
});

test("a fatal error halts the stage, says why once, and leaves the group", async () => {
  const cluster = new Cluster(totalsStage, {
    onCommit: () => ({ kind: "refused", error: new TaskFatalError("not authorised") }),
  });
  await cluster.send(orders(100));
  const runner = await cluster.run();
  await cluster.until(() => runner.status === "halted");
  expect(runner.haltReason?.message).toBe("not authorised");
  expect(runner.isReady).toBe(false);
  expect(cluster.messages("error")).toEqual(["The stage is halted."]);
  await cluster.close();
});

test("R5: bytes of any kind become dead letters and the stage goes on", async () => {
  const cluster = new Cluster(totalsStage);
  const poison = [
    Buffer.alloc(0),
    null,
    Buffer.from([0, 0, 0, 0, 7]),
    Buffer.from("hello"),
    Buffer.from([0, 0, 0, 0, 7, 255, 255, 255, 255, 15]),
  ];
  await cluster.sendBytes(0, poison);
  await cluster.send(orders(10).map((row) => ({ ...row, amount: 1, id: row["event_id"] })));
  const runner = await cluster.run();
  await cluster.catchUp();
  expect(runner.counts()).toMatchObject({ in: 15, out: 10 });
  expect(await cluster.records("shop.dead-letters")).toHaveLength(5);
  await cluster.close();
});

test("a record that the broker refuses is traced to its input, which becomes MR_TOO_LARGE; nothing else changes", async () => {
  const cluster = new Cluster(totalsStage, {
    onWrite: (_at, outgoing) => {
      for (const batch of outgoing) {
        if (batch.role !== "output" || !batch.bytes.includes("inbox-0-33")) continue;
        // Records stand in order, and each holds its id twice: count those before the one that is refused.
        const before = batch.bytes.subarray(0, batch.bytes.indexOf("inbox-0-33")).toString("latin1").split("inbox-0-");
        const error = new RecordRefusedError(batch, (before.length - 1) / 2, "message too large");
        return { kind: "refused", error };
      }
      return undefined;
    },
  });
  await cluster.send(orders(120).map((row) => ({ ...row, amount: 1, id: row["event_id"] })));
  const runner = await cluster.run();
  await cluster.catchUp();
  const outputs = await cluster.outputs();
  expect(outputs.size).toBe(119);
  expect(outputs.has("inbox-0-33")).toBe(false);
  expect(runner.counts()).toMatchObject({ in: 120, out: 119, deadLetters: { MR_TOO_LARGE: 1 } });
  const [letter] = await cluster.records("shop.dead-letters");
  expect(headersOf(letter!)).toMatchObject({ "millrace.code": "MR_TOO_LARGE", "millrace.stage": "totals" });
  await cluster.close();
});

test("a drain commits what is in hand before it leaves, and the next run goes on there", async () => {
  const cluster = new Cluster(totalsStage);
  const rows = orders(230);
  await cluster.send(rows);
  const first = await cluster.run();
  await cluster.until(() => first.counts().in > 50);
  await first.drain();
  expect(first.status).toBe("stopped");
  const committed = (await cluster.committed(0)) + (await cluster.committed(1));
  expect(first.counts().in).toBe(committed);
  const second = await cluster.run();
  await cluster.catchUp();
  expect(first.counts().in + second.counts().in).toBe(230);
  await cluster.close();
});

test("a rebalance keeps the stores of the task that did not move", async () => {
  const rows = orders(400);
  const calm = new Cluster(totalsStage);
  await calm.send(rows);
  await calm.run();
  await calm.catchUp();
  const cluster = new Cluster(totalsStage);
  await cluster.send(rows.slice(0, 150));
  const runner = await cluster.run();
  await cluster.until(() => runner.counts().in > 60);
  const joining = cluster.broker.forceRebalance(totalsStage.group, ["orders"]);
  await cluster.send(rows.slice(150));
  await joining;
  await cluster.catchUp();
  const undisturbed = await calm.values("totals");
  const values = await cluster.values("totals");
  // Two tasks: one moved away and came back with empty stores, the other must not have noticed.
  expect([0, 1].map((partition) => values.get(partition)?.join() === undisturbed.get(partition)?.join())).toContain(
    true,
  );
  expect([...values.values()].flat().length).toBeGreaterThanOrEqual([...undisturbed.values()].flat().length);
  await calm.close();
  await cluster.close();
});

test("a second member takes over half of the partitions; every record is processed and each member balances (R4)", async () => {
  const cluster = new Cluster(totalsStage);
  const rows = orders(600).map((row) => ({ ...row, amount: 1, id: row["event_id"] }));
  await cluster.send(rows.slice(0, 200));
  const first = await cluster.run();
  await cluster.until(() => first.counts().in > 60);
  const second = await cluster.run();
  await cluster.send(rows.slice(200));
  await cluster.catchUp();
  expect([first.tasks.length, second.tasks.length]).toEqual([1, 1]);
  expect((await cluster.outputs()).size).toBe(600);
  for (const { in: taken, out } of [first.counts(), second.counts()]) expect(taken).toBe(out);
  await cluster.close();
});

test("R7: any schedule of failed and unanswered calls gives the same outputs by event id as the undisturbed run", async () => {
  const rows = orders(250);
  const undisturbed = await outputsWith({}, rows);
  const kind = fc.constantFrom("half" as const, "unanswered" as const, "refused" as const, undefined, undefined);
  await fc.assert(
    fc.asyncProperty(fc.array(kind, { maxLength: 12 }), fc.array(kind, { maxLength: 12 }), async (writes, commits) => {
      const fault = (kinds: typeof writes) => (at: { index: number; task: number }) => {
        const found = kinds[at.index + at.task];
        return found === undefined ? undefined : { kind: found, error: reopen };
      };
      const outputs = await outputsWith({ onWrite: fault(writes), onCommit: fault(commits) }, rows);
      expect(outputs).toEqual(undisturbed);
    }),
    { numRuns: 60 },
  );
});

test("R7: members that come and go, and calls that fail, lose no record and keep the order per key", async () => {
  const rows = orders(300).map((row): Row => ({ ...row, amount: 1, id: row["event_id"] }));
  const expected = idsByCustomer(rows);
  const move = fc.constantFrom("join" as const, "leave" as const, "send" as const, "work" as const);
  const kind = fc.constantFrom("half" as const, "unanswered" as const, "refused" as const, undefined, undefined);
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 20 }), fc.array(kind, { maxLength: 10 }), async (moves, faults) => {
      const plan = ({ index, task }: { index: number; task: number }) => {
        const found = faults[index + task];
        return found === undefined ? undefined : { kind: found, error: reopen };
      };
      const cluster = new Cluster(totalsStage, { onWrite: plan, onCommit: plan }, 4);
      let sent = 0;
      const send = async (count: number): Promise<void> => {
        await cluster.send(rows.slice(sent, sent + count));
        sent += count;
      };
      const members = [await cluster.run()];
      for (const next of moves) {
        if (next === "join" && members.length < 3) members.push(await cluster.run());
        if (next === "leave" && members.length > 1) await members.shift()?.drain();
        if (next === "send") await send(40);
        for (let turn = 0; turn < 5; turn++) await cluster.turn();
      }
      await send(rows.length);
      await cluster.catchUp();
      expect(await firstsByCustomer(cluster)).toEqual(expected);
      for (const runner of cluster.runners) expect(runner.counts().in).toBe(runner.counts().out);
      await cluster.close();
      // Their clock runs fast, so that a few attempts in a row may take it past 30 s.
      expect(cluster.messages("error").filter((message) => !message.startsWith("The task is degraded"))).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

/** Event ids per customer, each at its first occurrence. */
function idsByCustomer(rows: readonly Row[]): Map<unknown, unknown[]> {
  const byCustomer = new Map<unknown, unknown[]>();
  const seen = new Set<unknown>();
  for (const row of rows) {
    const id = row["event_id"];
    if (seen.has(id)) continue;
    seen.add(id);
    byCustomer.set(row["customer"], [...(byCustomer.get(row["customer"]) ?? []), id]);
  }
  return byCustomer;
}

async function firstsByCustomer(cluster: Cluster): Promise<Map<unknown, unknown[]>> {
  return idsByCustomer((await cluster.records("totals")).map((record) => rowOf(totalSchema, record.value)));
}

/** A memory that remembers ids in a real store with room for three. */
function smallMemory(): StepMemory {
  const store = new IdStore({
    spec: { name: "seen", kind: "ids", version: 1 },
    withinMs: 1_000,
    latenessMs: 3_600_000,
    keysMax: 3,
  });
  const texts: (string | null)[] = [null];
  return {
    texts,
    numbers: new Float64Array(0),
    results: new Float64Array(0),
    store,
    update: ({ offset }) => (store.judge(texts[0] ?? "", 1_700_000_000_000, offset, 1_700_000_000_000) ? 1 : 0),
  };
}

// The records after the last key that fits were dead letters, MR_EXPRESSION.
test("a store that is full halts its stage, and no record is set aside for it", async () => {
  const [first, count] = totalsStage.memories;
  const seen = { ...first!, create: smallMemory };
  const cluster = new Cluster({ ...totalsStage, memories: [seen, count!] }, {}, 1);
  await cluster.send(Array.from({ length: 5 }, (_, i) => order(`o${i}`)));
  const runner = await cluster.run();
  await cluster.until(() => runner.status === "halted");
  expect(runner.haltReason).toMatchObject({ code: "MR_STATE_FULL", message: expect.stringContaining("store seen") });
  expect(runner.haltReason?.message).toContain("it holds 3 keys");
  await cluster.close();
  expect(await cluster.records("shop.dead-letters")).toEqual([]);
  expect(runner.counts().deadLetters).toEqual({});
});
