/** What is told of adoptions without a task: which version scores where, what is in use, and which tasks score. */
import { expect, test } from "vitest";
import { type Adoption, adoptionKey } from "../../../src/model/index.ts";
import { type ScoringTasksOptions, scoringTasks } from "../../../src/runtime/adoption/scoring-tasks.ts";
import { VersionHistory } from "../../../src/runtime/adoption/version-history.ts";
import { versionsInUse } from "../../../src/runtime/adoption/versions-in-use.ts";

const never = new AbortController().signal;
const adoption = (version: number, fromOffset: number, given: Partial<Adoption> = {}): Adoption => ({
  stage: "score",
  topic: "totals",
  partition: 0,
  model: "fraud",
  alias: "champion",
  version,
  share: 1,
  salt: "",
  fromOffset,
  atMs: 0,
  incident: null,
  ...given,
});

test("an offset has the version of the last adoption that begins at it or before, whatever their order on the topic", () => {
  const history = new VersionHistory([adoption(1, 10), adoption(3, 30), adoption(2, 20)]);
  expect([9, 10, 19, 20, 29, 30, 99].map((offset) => history.at(offset))).toEqual([undefined, 1, 1, 2, 2, 3, 3]);
  expect([9, 10, 20, 30].map((offset) => history.nextAfter(offset))).toEqual([10, 20, 30, Number.POSITIVE_INFINITY]);
  expect(history.lastFrom).toBe(30);
});

test("of two adoptions for one offset the later counts, wherever it stands", () => {
  const history = new VersionHistory([adoption(1, 10), adoption(3, 30)]);
  history.add(adoption(4, 10));
  history.add(adoption(5, 30));
  expect([history.at(10), history.at(29), history.at(30)]).toEqual([4, 4, 5]);
});

test("before the first adoption nothing scores, and the first is still to come", () => {
  const none = new VersionHistory();
  expect([none.at(0), none.nextAfter(0), none.lastFrom]).toEqual([
    undefined,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
});

async function inUse(adoptions: readonly Adoption[], lows: Readonly<Record<string, readonly number[]>>) {
  const admin = {
    describe: async ([topic = ""]: readonly string[]) => ({ topics: topic in lows ? [{}] : [] }),
    watermarks: async (topic: string) => (lows[topic] ?? []).map((low, partition) => ({ partition, low, end: 1_000 })),
  };
  let hasRead = false;
  const log = {
    catchUp: async () => {
      hasRead = true;
    },
    get all() {
      return hasRead ? adoptions : [];
    },
  };
  return versionsInUse("fraud", log, admin as never, never);
}

test("a version is in use where records are still there between its adoption and the next of the same task and alias", async () => {
  const adoptions = [
    adoption(1, 0),
    adoption(9, 5, { model: "churn" }),
    adoption(2, 40),
    adoption(3, 0, { partition: 1 }),
    adoption(4, 50, { alias: "challenger" }),
    adoption(5, 45, { stage: "other" }),
    adoption(6, 60),
  ];
  expect(await inUse(adoptions, { totals: [39, 7] })).toEqual([
    { version: 1, where: "totals-0 from offset 39 to 39" },
    { version: 2, where: "totals-0 from offset 40 to 59" },
    { version: 3, where: "totals-1 from offset 7 on" },
    { version: 4, where: "totals-0 from offset 50 on" },
    { version: 5, where: "totals-0 from offset 45 on" },
    { version: 6, where: "totals-0 from offset 60 on" },
  ]);
  // The last record of version 1 is gone.
  expect((await inUse(adoptions, { totals: [40, 7] })).map(({ version }) => version)).toEqual([2, 3, 4, 5, 6]);
});

test("nothing is in use of a topic that is gone, of a challenger that scores no more, or from an offset without records", async () => {
  const adoptions = [adoption(1, 0), adoption(2, 10, { share: 0 }), adoption(3, 10)];
  expect(await inUse(adoptions, {})).toEqual([]);
  expect(await inUse(adoptions, { totals: [0] })).toEqual([
    { version: 1, where: "totals-0 from offset 0 to 9" },
    { version: 3, where: "totals-0 from offset 10 on" },
  ]);
});

function scoring(members: Readonly<Record<string, number>>, given: Partial<ScoringTasksOptions> = {}) {
  const stage = (name: string, alias = "champion", model = "fraud") =>
    ({ name, group: `g-${name}`, from: { clusterName: "totals" }, infer: { model, alias } }) as never;
  const asked: string[] = [];
  const adopted = new Map([
    [adoptionKey(adoption(1, 0, { stage: "a" })), [adoption(1, 0, { stage: "a" }), adoption(2, 8)]],
  ]);
  const options = {
    stages: [
      stage("a"),
      stage("b"),
      stage("c", "challenger"),
      stage("d", "champion", "churn"),
      { name: "e", from: { clusterName: "totals" } } as never,
    ],
    model: "fraud",
    alias: "champion",
    log: {
      catchUp: async () => void asked.push("log"),
      of: (key: string) => adopted.get(key) ?? [],
    },
    admin: {
      members: async (group: string) => Array.from({ length: members[group] ?? 0 }, () => ({})),
      committed: async (group: string) => {
        asked.push(group);
        return [
          { partition: 0, offset: 7 },
          { partition: 1, offset: -1 },
        ];
      },
    },
    ...given,
  } as unknown as ScoringTasksOptions;
  return { asked, tasks: scoringTasks(options, never) };
}

test("a task scores with what was adopted for its position; a stage without a member is idle", async () => {
  const { tasks, asked } = scoring({ "g-a": 1 });
  expect(await tasks).toEqual({
    living: [
      { stage: "a", topic: "totals", partition: 0, position: 7, version: 1 },
      { stage: "a", topic: "totals", partition: 1, position: -1, version: undefined },
    ],
    idle: ["b"],
  });
  // Behind the positions: what they follow from is in the log then.
  expect(asked).toEqual(["g-a", "log"]);
});

test("where no stage has a member the adoptions are not read", async () => {
  const { tasks, asked } = scoring({});
  expect([await tasks, asked]).toEqual([{ living: [], idle: ["a", "b"] }, []]);
});
