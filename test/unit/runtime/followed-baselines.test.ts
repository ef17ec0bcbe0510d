import { expect, test } from "vitest";
import { Facts, type LogFields, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { FollowedBaselines } from "../../../src/runtime/tap/baselines.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { eventually } from "../../support/deadline.ts";
import { AutoClock } from "./fixture.ts";

test("a baselines topic that was made anew is followed from its beginning, and not asked again for what it never had", async () => {
  const asked: unknown[] = [];
  const told: LogFields[] = [];
  const stop = new AbortController();
  const broker = {
    admin: { watermarks: async () => [{ partition: 0, low: 7, end: 7 }] } as unknown as Broker["admin"],
    async *read({ from }: Parameters<Broker["read"]>[0], signal: AbortSignal) {
      asked.push(from);
      if (from === 7) throw new OperationError("MR_OFFSET_RANGE", "reading: offset 7 is behind the end");
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  const log = (fields: LogFields): void => void told.push(fields);
  const baselines = new FollowedBaselines({
    broker: broker as unknown as Broker,
    topic: "shop.baselines",
    registry: new MemoryRegistry(),
    clock: new AutoClock(),
    facts: new Facts({ ...silentLogger, warn: log }),
    signal: stop.signal,
  });
  await baselines.begin();
  await eventually(5_000, "the second reading", async () => asked.length > 1 || undefined);
  stop.abort(new Error("done"));
  expect(asked).toEqual([7, "earliest"]);
  expect(told.map(({ code }) => code)).toEqual(["MR_OFFSET_RANGE"]);
});
