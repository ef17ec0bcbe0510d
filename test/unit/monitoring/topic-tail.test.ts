import { expect, test } from "vitest";
import { Facts, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import { TopicTail } from "../../../src/monitoring/index.ts";
import type { RawBatch } from "../../../src/wire/index.ts";
import { eventually } from "../../support/deadline.ts";
import { AutoClock, batchOf } from "../runtime/fixture.ts";

test("a reading that fails is said, and goes on from where it was; behind what is gone with the first that is there", async () => {
  const warnings: object[] = [];
  const facts = new Facts({ ...silentLogger, warn: (fields: object) => void warnings.push(fields) });
  const asked: unknown[] = [];
  const answers: (RawBatch | Error)[][] = [
    [batchOf([{ value: "a" }], { topic: "t", offset: 7 }), new Error("away")],
    [new OperationError("MR_OFFSET_RANGE", "gone")],
    [batchOf([{ value: "b" }], { topic: "t", offset: 20 })],
  ];
  const broker = {
    async *read({ from }: { readonly from: unknown }): AsyncGenerator<RawBatch> {
      asked.push(from);
      for (const answer of answers.shift() ?? []) {
        if (answer instanceof Error) throw answer;
        yield answer;
      }
      void tail.end();
    },
  };
  const tail = new TopicTail({ broker, topic: "t", clock: new AutoClock(), facts });
  const found: RawBatch[] = [];
  tail.begin(7);
  await eventually(5_000, "both batches", async () => {
    found.push(...tail.take());
    return found.length === 2 || undefined;
  });
  await tail.end();
  expect(asked).toEqual([7, 8, "earliest"]);
  expect(found.map(({ offsetNext }) => offsetNext)).toEqual([8, 21]);
  expect(warnings).toMatchObject([
    { topic: "t", code: "MR_BROKER", reason: "away" },
    { topic: "t", code: "MR_OFFSET_RANGE", reason: "gone" },
  ]);
});
