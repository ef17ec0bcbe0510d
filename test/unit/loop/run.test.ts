import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFlags } from "../../loop/asked.ts";
import { judgeLoop } from "../../loop/judge.ts";
import { killsText, planKills } from "../../loop/kill-points.ts";
import { brokenLine, type LoopOutcome, shortcomings, spoilt } from "../../loop/outcome.ts";
import { readVersions } from "../../loop/read-logs.ts";
import { good } from "./good-logs.ts";

describe("the command line of the loop", () => {
  test("takes one seed or several, and is 1 when nothing is said", () => {
    expect(readFlags([])).toEqual({ seeds: [1], spoil: undefined, report: undefined });
    expect(readFlags(["--seed", "3", "--seed", "4", "--spoil", "versions", "--report", "r.json"])).toEqual({
      seeds: [3, 4],
      spoil: "versions",
      report: "r.json",
    });
  });

  test.each([
    [["--seed", "x"], "--seed: a whole number of at least 0, not x"],
    [["--seed", ""], "--seed: a whole number of at least 0, not "],
    [["--seed", "1.5"], "--seed: a whole number of at least 0, not 1.5"],
    [["--seed=-1"], "--seed: a whole number of at least 0, not -1"],
    [["--spoil", "all"], "--spoil: one of switch-offsets, versions, not all"],
  ])("refuses %j", (args, message) => {
    expect(() => readFlags(args)).toThrow(message);
  });
});

describe("where workers are killed", () => {
  const plans = Array.from({ length: 200 }, (_, seed) => planKills(seed, 2, 6));

  test("follows from the seed alone", () => {
    expect(Array.from({ length: 200 }, (_, seed) => planKills(seed, 2, 6))).toEqual(plans);
    expect(new Set(plans.map(killsText)).size).toBeGreaterThan(50);
  });

  test("odd seeds run exactly once, even ones at least once", () => {
    expect(plans.slice(0, 4).map(({ delivery }) => delivery)).toEqual([
      "at-least-once",
      "exactly-once",
      "at-least-once",
      "exactly-once",
    ]);
  });

  test("is in an adoption, in a training and behind a promotion for the seeds of CI", () => {
    const at = (seed: number) => [plans[seed]?.delivery, plans[seed]?.trainer.at, plans[seed]?.scorer.at];
    expect([at(3), at(8)]).toEqual([
      ["exactly-once", "training", "adopted"],
      ["at-least-once", "promoted", "adopted"],
    ]);
  });

  test("is everywhere that a worker can be met, in either delivery", () => {
    const met = new Set(
      plans.flatMap(({ delivery, trainer, scorer, which }) => [
        `${delivery} trainer ${trainer.at}`,
        `${delivery} scorer ${scorer.at}`,
        `scorer ${which}`,
        ...(scorer.at === "window" ? [`window ${scorer.window}`] : []),
      ]),
    );
    const windows = [0, 1, 2, 3, 4, 5].map((window) => `window ${window}`);
    const points = ["at-least-once", "exactly-once"].flatMap((delivery) => [
      ...["training", "writing", "committing", "promoted"].map((at) => `${delivery} trainer ${at}`),
      ...["window", "requested", "promoted", "adopted"].map((at) => `${delivery} scorer ${at}`),
    ]);
    expect([...met].sort()).toEqual([...points, ...windows, "scorer 0", "scorer 1"].sort());
  });
});

describe("a run of the loop", () => {
  const well: LoopOutcome = { verdict: judgeLoop(good), kills: 2, deaths: [] };

  test("is passed when one incident led to one promotion and both kills happened", () => {
    expect(shortcomings(well)).toEqual([]);
  });

  test.each<[string, LoopOutcome, string]>([
    [
      "no incident",
      { ...well, verdict: { ...well.verdict, incidents: 0 } },
      "there is to be one incident, and there are 0",
    ],
    [
      "two incidents",
      { ...well, verdict: { ...well.verdict, incidents: 2 } },
      "there is to be one incident, and there are 2",
    ],
    [
      "two promotions",
      { ...well, verdict: { ...well.verdict, promotions: 2 } },
      "there is to be one promotion, and there are 2",
    ],
    [
      "two trainings",
      { ...well, verdict: { ...well.verdict, trainings: 2 } },
      "there is to be one training that ended, and there are 2",
    ],
    ["a kill that did not happen", { ...well, kills: 1 }, "1 kills happened of 2"],
    ["a worker that ended by itself", { ...well, deaths: ["judge ended with 1"] }, "judge ended with 1"],
  ])("is not passed with %s", (_, outcome, reason) => {
    expect(shortcomings(outcome)).toEqual([reason]);
  });

  test("whose logs are spoilt is BAD in what was spoilt", () => {
    const moved = judgeLoop(spoilt(good, "switch-offsets"));
    expect(moved.switchFaults).toEqual(["e-0-2 at 0/2 is scored by version 2, adopted is 1"]);
    expect(moved.versionFaults).toEqual([]);
    const lost = judgeLoop(spoilt(good, "versions"));
    expect(lost.versionFaults).toEqual(["e-0-0 has no prediction"]);
    expect(lost.switchFaults).toEqual([]);
    expect(shortcomings({ ...well, verdict: moved })).toEqual(moved.switchFaults);
    expect(shortcomings({ ...well, verdict: lost })).toEqual(lost.versionFaults);
    expect(spoilt(good, undefined)).toBe(good);
  });

  test("that did not come to its end is BAD in everything", () => {
    expect(brokenLine(7)).toBe("loop seed 7 incidents 0 promotions 0 switch-offsets BAD versions BAD trainings 0");
  });
});

describe("versions in a folder", () => {
  let folder: string;
  const sumOf = (text: string): string => createHash("sha256").update(text).digest("hex");
  const version = async (name: string, files: Readonly<Record<string, string>>, sums: readonly string[]) => {
    await mkdir(join(folder, name));
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text);
    if (sums.length > 0) await writeFile(join(folder, name, "SHA256SUMS"), `${sums.join("\n")}\n`);
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-versions-"));
    const sum = `${sumOf("a")}  a.json`;
    await version("10", { "a.json": "a" }, [sum]);
    await version("2", { "a.json": "b" }, [sum]);
    await version("3", {}, [sum]);
    await version("4", { "a.json": "a", "b.json": "b" }, [sum]);
    await version("5", { "a.json": "a" }, []);
    await version(".new-1f", { "a.json": "b" }, [sum]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("are whole when every file is there with the bytes of its checksum, and none beside them", async () => {
    expect(await readVersions(folder)).toEqual([
      { version: 2, files: ["SHA256SUMS", "a.json"], broken: ["a.json"] },
      { version: 3, files: ["SHA256SUMS"], broken: ["a.json"] },
      { version: 4, files: ["SHA256SUMS", "a.json", "b.json"], broken: ["b.json"] },
      { version: 5, files: ["a.json"], broken: ["SHA256SUMS"] },
      { version: 10, files: ["SHA256SUMS", "a.json"], broken: [] },
    ]);
  });
});
