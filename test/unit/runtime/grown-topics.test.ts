import { expect, test } from "vitest";
import { Facts, silentLogger } from "../../../src/kernel/index.ts";
import { GrownTopics } from "../../../src/runtime/grown-topics.ts";
import type { ClusterAdmin } from "../../../src/runtime/index.ts";
import { deferred } from "../../support/deadline.ts";

/** Topics `in` and `out` of four partitions each at first; the test says how many there are later. */
function bench(storeNames: readonly string[] = []) {
  const partitions = { in: 4, out: 4 };
  const said: (readonly [string, object])[] = [];
  const say = (fields: object, sentence: string): void => void said.push([sentence, fields]);
  const asked: string[][] = [];
  let describe = async (): Promise<void> => undefined;
  const admin = {
    describe: async (topics: string[]) => {
      asked.push(topics);
      await describe();
      return { topics: topics.map((topic) => ({ topic, partitions: partitions[topic as "in" | "out"] })) };
    },
  } as unknown as ClusterAdmin;
  const grown = new GrownTopics(
    {
      admin,
      facts: new Facts({ ...silentLogger, info: say, warn: say, debug: say }),
      input: { topic: "in", partitions: 4 },
      output: { topic: "out", partitions: 4 },
      storeNames,
      signal: new AbortController().signal,
    },
    1_000,
  );
  const tick = async (nowMs: number): Promise<void> => {
    grown.tick(nowMs);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  };
  const answerWith = (answer: () => Promise<void>): void => {
    describe = answer;
  };
  return { grown, partitions, said, asked, tick, answerWith };
}

test("the topics are counted every minute, and growth is said once per count", async () => {
  const { partitions, said, asked, tick } = bench();
  await tick(60_999);
  expect(asked).toEqual([]);
  await tick(61_000);
  await tick(120_999);
  expect([asked, said]).toEqual([[["in", "out"]], []]);
  partitions.in = 6;
  partitions.out = 5;
  await tick(121_000);
  await tick(181_000);
  const [input, output] = said;
  expect(input?.[1]).toEqual({ topic: "in", from: 4, to: 6 });
  expect(output?.[1]).toMatchObject({ topic: "out", from: 4, to: 5 });
  expect(said.length).toBe(2);
});

test("an input that grows under stores is warned of with their names, and also by who sees it otherwise", async () => {
  const { grown, said, partitions, tick } = bench(["seen", "rolling"]);
  grown.inputHas(4);
  grown.inputHas(3);
  expect(said).toEqual([]);
  grown.inputHas(5);
  expect(said.map(([, fields]) => fields)).toMatchObject([
    { code: "MR_KEY", topic: "in", from: 4, to: 5, stores: ["seen", "rolling"] },
  ]);
  partitions.in = 5;
  await tick(61_000);
  expect(said.length).toBe(1);
});

test("one count is not begun before the last has answered, and one that fails is said", async () => {
  const { said, asked, tick, answerWith } = bench();
  const answer = deferred();
  answerWith(() => answer.promise);
  await tick(61_000);
  await tick(121_000);
  expect(asked.length).toBe(1);
  answer.reject(new Error("the cluster is away"));
  await tick(121_001);
  answerWith(async () => undefined);
  await tick(181_000);
  expect(asked.length).toBe(2);
  expect(said.map(([, fields]) => fields)).toMatchObject([{ reason: "the cluster is away" }]);
});
