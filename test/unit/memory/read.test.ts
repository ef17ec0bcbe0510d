import { expect, test } from "vitest";
import { plainRecords, textOf, textRecords } from "../../support/records.ts";
import { brokerOf, never, topicOf } from "./bench.ts";

/** A reading lets others run after each batch. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

test("who follows a log waits at its end for the next records, until it is called off", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  const stop = new AbortController();
  const reading = broker.read({ topic: "raw", partition: 0, from: 0 }, stop.signal)[Symbol.asyncIterator]();
  for (const stem of ["a", "b", "c"]) {
    const next = reading.next();
    await turns();
    await broker.append(textRecords("raw", 0, 2, stem), never);
    const { value } = await next;
    expect(plainRecords(value).map(textOf)).toEqual([`${stem}0`, `${stem}1`]);
  }
  const next = reading.next();
  await turns();
  stop.abort(new Error("enough"));
  await expect(next).rejects.toThrow("enough");
});

test("a reading up to an offset ends there, also in the middle of a batch, and one that begins outside the log is refused", async () => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  await broker.append(textRecords("raw", 0, 5), never);
  const read = async (from: number, to: number): Promise<(string | undefined)[]> => {
    const texts: (string | undefined)[] = [];
    for await (const batch of broker.read({ topic: "raw", partition: 0, from, to }, never)) {
      texts.push(...plainRecords(batch).map(textOf));
      expect(batch.offsetNext).toBeLessThanOrEqual(to);
    }
    return texts;
  };
  expect(await read(1, 4)).toEqual(["r1", "r2", "r3"]);
  expect(await read(5, 5)).toEqual([]);
  await expect(read(6, 7)).rejects.toMatchObject({ code: "MR_OFFSET_RANGE" });
});
