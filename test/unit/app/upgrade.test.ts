import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { normalSchemaText } from "../../../src/schema/index.ts";
import { runPlannedTest } from "../../../src/testing/index.ts";
import { printPlan } from "../../../src/topology/index.ts";
import {
  type RecordedStage,
  type Recording,
  recordChain,
  recordsIn,
  replayChain,
} from "../../support/recorded-chain.ts";

const golden = join(import.meta.dirname, "../../golden/release-0.1");
const names = ["card-fraud", "flights"] as const;

const planOf = (name: string) => loadPlan(join(golden, `topologies/${name}.yaml`), {}, undefined);
const recorded = JSON.parse(
  gunzipSync(readFileSync(join(golden, "card-fraud.recording.json.gz"))).toString(),
) as Recording;

// What changes on purpose is listed here, each with its line in docs/guides/upgrade.md.
const changedPlanLines: readonly RegExp[] = [
  /^ {4}changelog /,
  /^accounts /,
  /^adoptions /,
  /^retraining /,
  /^plan [0-9a-f]+$/,
];

test.each(names)("what %s plans is what 0.1 planned, but for the listed changes", (name) => {
  // Warnings say what is odd, not what runs; the hash leaves them out too.
  const lines = (text: string): string[] =>
    text
      .replace(/\nwarnings\n(?: .*\n)+/, "")
      .split("\n")
      .filter((line) => !changedPlanLines.some((changed) => changed.test(line)));
  expect(lines(printPlan(planOf(name)))).toEqual(lines(readFileSync(join(golden, `plan/${name}.txt`), "utf8")));
});

test.each(names)("the cases under tests of %s hold", async (name) => {
  const plan = planOf(name);
  for (const planned of plan.tests)
    expect([planned.name, await runPlannedTest(plan, planned)]).toEqual([planned.name, []]);
});

test("the schemas of card-fraud are those that 0.1 registered", async () => {
  const { schemas } = await replayChain(planOf("card-fraud"), { ...recorded, stages: [] });
  const texts = (all: Recording["schemas"]): unknown =>
    all.map(([subject, json]) => [subject, normalSchemaText(json)] as const);
  expect(texts(schemas)).toEqual(texts(recorded.schemas));
});

/** Events that come out of a stage otherwise than from 0.1, each with its line in docs/guides/upgrade.md. */
const changedEvents: Readonly<Record<string, readonly string[]>> = {
  // `cast: { amount: double }` takes true for 1, as it did in every stage but an ingest.
  ingest: ["payments.inbox-0-167"],
};

test.each(recorded.stages.map(({ stage }) => stage))(
  "what 0.1 recorded before stage %s gives the same records and dead letters behind it, but for the listed changes",
  async (stage) => {
    const changed = changedEvents[stage] ?? [];
    const replayed = await replayChain(planOf("card-fraud"), recorded);
    const [after, before] = [replayed, recorded].map((all) => all.stages.find((one) => one.stage === stage)!);
    expect(recordsIn(after!, changed)).toEqual(recordsIn(before!, changed));
    const dead = ({ deadLetters }: RecordedStage): unknown => deadLetters.filter(([, id]) => !changed.includes(id));
    expect(dead(after!)).toEqual(dead(before!));
    expect(after!.filtered).toEqual(before!.filtered);
    // Whole batches, to the last byte, where no record has come or gone.
    if (changed.length === 0) expect(after!.output).toEqual(before!.output);
  },
);

test("a recording replays to itself, every stage writes something, and most lose something on purpose", async () => {
  const plan = planOf("card-fraud");
  const again = await recordChain(plan);
  expect((await replayChain(plan, again)).stages).toEqual(again.stages);
  expect(again.stages.map((stage) => recordsIn(stage, []).length > 20)).toEqual(again.stages.map(() => true));
  expect(again.stages.filter(({ deadLetters }) => deadLetters.length > 0).map(({ stage }) => stage)).toEqual([
    "ingest",
    "reports",
    "clean",
  ]);
});
