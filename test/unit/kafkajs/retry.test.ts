import { expect, test } from "vitest";
import { KafkaAnswerError, kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import { retrying } from "../../../src/adapters/kafkajs/retry.ts";
import { AutoClock } from "../runtime/fixture.ts";

const policy = { firstMs: 100, factor: 2, stepMsMax: 400, totalMs: 1_000 };
const moved = new KafkaAnswerError("writing", kafkaCode.notLeaderOrFollower);

test("the time limit counts from the first error, however long the first attempt took", async () => {
  const clock = new AutoClock();
  const startedMs: number[] = [];
  const attempt = async (): Promise<string> => {
    startedMs.push(clock.monotonicMs());
    // As under a quota: a minute passes before the request is even sent.
    if (startedMs.length === 1) await clock.sleep(60_000);
    if (startedMs.length < 4) throw moved;
    return "written";
  };
  expect(await retrying({ clock, policy }, attempt)).toBe("written");
  const from = startedMs[1]! - 100;
  expect(startedMs.slice(1).map((ms) => ms - from)).toEqual([100, 300, 700]);
});

test("the last error is thrown when the next attempt would begin after the limit", async () => {
  const clock = new AutoClock();
  let attempts = 0;
  const attempt = async (): Promise<never> => {
    attempts++;
    throw moved;
  };
  await expect(retrying({ clock, policy }, attempt)).rejects.toBe(moved);
  // At 0, 100, 300 and 700 ms; the one after would begin at 1,100.
  expect(attempts).toBe(4);
});
