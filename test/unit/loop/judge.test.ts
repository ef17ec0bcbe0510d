import { describe, expect, test } from "vitest";
import { judgeLoop, lastLine } from "../../loop/judge.ts";
import type { LoopLogs } from "../../loop/logs.ts";
import { good } from "./good-logs.ts";

const judged = (given: Partial<LoopLogs>) => judgeLoop({ ...good, ...given });
/** The records with one of them changed. */
function changed<T>(records: readonly T[], index: number, change: Partial<T>): readonly T[] {
  return records.map((record, at) => (at === index ? { ...record, ...change } : record));
}
function without<T>(records: readonly T[], index: number): readonly T[] {
  return records.filter((_, at) => at !== index);
}
const { predictions, adoptions, aliases, retraining, alerts, versions } = good;

test("a run in which all is well is said so in one line", () => {
  const verdict = judgeLoop(good);
  expect(verdict).toEqual({ incidents: 1, promotions: 1, trainings: 1, switchFaults: [], versionFaults: [] });
  expect(lastLine(7, verdict)).toBe("loop seed 7 incidents 1 promotions 1 switch-offsets ok versions ok trainings 1");
});

describe("switch offsets are BAD where", () => {
  test.each<[string, Partial<LoopLogs>, string]>([
    [
      "a prediction behind the switch bears the version before",
      { predictions: changed(predictions, 2, { version: 1 }) },
      "e-0-2 at 0/2 is scored by version 1, adopted is 2",
    ],
    [
      "a prediction before the switch bears the version behind it",
      { predictions: changed(predictions, 4, { version: 2 }) },
      "e-1-0 at 1/0 is scored by version 2, adopted is 1",
    ],
    [
      "a partition never adopts the champion",
      { adoptions: without(adoptions, 3) },
      "partition 0 adopts versions 1, champions were 1,2",
    ],
    [
      "a partition goes back to an earlier version",
      { adoptions: [...adoptions, { ...adoptions[0]!, fromOffset: 3 }] },
      "partition 0 adopts version 1 a second time, from 3",
    ],
    [
      "a restart adopts the same version anew, at another offset",
      { adoptions: [...adoptions, { ...adoptions[3]!, fromOffset: 3 }] },
      "partition 0 adopts version 2 a second time, from 3",
    ],
    [
      "two versions are adopted from one offset",
      { adoptions: changed(adoptions, 3, { fromOffset: 0 }) },
      "partition 0 adopts version 2 from 0, not behind 0",
    ],
    [
      "records are scored before anything is adopted",
      { adoptions: changed(adoptions, 0, { fromOffset: 1 }) },
      "e-0-0 at 0/0 is scored before anything is adopted",
    ],
    ["a partition adopts nothing", { adoptions: adoptions.slice(2, 3) }, "partition 0 has adopted nothing"],
    [
      "a prediction is of no input",
      { predictions: [...predictions, { eventId: "e-9", model: "fraud", version: 1 }] },
      "prediction of e-9 has no input",
    ],
  ])("%s", (_, given, fault) => {
    const verdict = judged(given);
    expect(verdict.switchFaults).toContain(fault);
    expect(lastLine(1, verdict)).toContain("switch-offsets BAD");
  });
});

describe("versions are BAD where", () => {
  test.each<[string, Partial<LoopLogs>, string]>([
    ["an input has no prediction", { predictions: without(predictions, 5) }, "e-1-1 has no prediction"],
    [
      "an event is predicted twice exactly-once",
      { predictions: [...predictions, predictions[0]!] },
      "e-0-0 is predicted 2 times",
    ],
    [
      "a repeat was made by another version, in any delivery",
      { delivery: "at-least-once", predictions: [...predictions, { ...predictions[0]!, version: 2 }] },
      "e-0-0 is predicted by versions 1,2",
    ],
    [
      "a version is half written",
      { versions: changed(versions, 1, { broken: ["weights.json"] }) },
      "version 2 is not whole: weights.json",
    ],
    ["a version that served is gone", { versions: without(versions, 0) }, "version 1 served and is not there"],
    [
      "a version that was promoted does not say what it was made from",
      { versions: changed(versions, 1, { files: ["gate.json"] }) },
      "version 2 was promoted and has no manifest.json",
    ],
    [
      "a version that was promoted does not say what the gate found",
      { versions: changed(versions, 1, { files: ["manifest.json"] }) },
      "version 2 was promoted and has no gate.json",
    ],
    [
      "a monitor compares with what the version before has learned from",
      { baselines: [{ monitor: "inputs", version: 1 }] },
      "monitor inputs compares with version 1, champion is 2",
    ],
    [
      "a monitor compares with nothing",
      { baselines: [{ monitor: "inputs", version: null }] },
      "monitor inputs compares with version null, champion is 2",
    ],
    [
      "a version served that was no champion",
      { predictions: changed(predictions, 3, { version: 3 }) },
      "version 3 served and was no champion",
    ],
    [
      "a request was trained for twice",
      { retraining: [...retraining.slice(0, 3), ...retraining.slice(2)] },
      "request r1 was trained for 2 times",
    ],
    ["a request has no end", { retraining: without(retraining, 3) }, "request r1 has 0 ends: none"],
    [
      "a request has two ends",
      { retraining: [...retraining, { ...retraining[3]!, type: "rejected" }] },
      "request r1 has 2 ends: promoted,rejected",
    ],
    [
      "what was promoted is not what was trained",
      { retraining: changed(retraining, 2, { version: 3 }) },
      "incident i1: version 3 was trained, 2 is champion",
    ],
    [
      "a step of the training bears another incident",
      { retraining: changed(retraining, 1, { incident: "i2" }) },
      "incident i1: request r1 is started for another",
    ],
    [
      "nobody asked for the training",
      { retraining: without(retraining, 0) },
      "incident i1: nothing says that request r1 was requested",
    ],
    [
      "an adoption does not name the incident",
      { adoptions: changed(adoptions, 3, { incident: null }) },
      "incident i1: partition 0 adopts version 2 for null",
    ],
    [
      "a promotion names no incident",
      { aliases: changed(aliases, 2, { incident: null }) },
      "champion 2 names no incident or no request",
    ],
    [
      "a promotion names an incident that nobody opened",
      { alerts: [] },
      "champion 2 is of incident i1, which nobody opened",
    ],
    ["an incident stays open", { alerts: without(alerts, 2) }, "incident i1 is not closed"],
    ["an incident opens again", { alerts: [...alerts, alerts[0]!] }, "incident i1 is not closed"],
  ])("%s", (_, given, fault) => {
    const verdict = judged(given);
    expect(verdict.versionFaults).toContain(fault);
    expect(lastLine(1, verdict)).toContain("versions BAD");
  });
});

test("what a kill leaves twice in the logs of adoptions and aliases is taken once", () => {
  const repeated = judged({ adoptions: [...adoptions, adoptions[3]!], aliases: [...aliases, aliases[2]!] });
  expect(repeated).toMatchObject({ promotions: 1, switchFaults: [], versionFaults: [] });
});

test("a repeat of a prediction is no fault at least once", () => {
  const repeated = judged({ delivery: "at-least-once", predictions: [...predictions, predictions[0]!] });
  expect(repeated.versionFaults).toEqual([]);
});

test("a training that was begun again after a kill is one, and a rejected one promotes nothing", () => {
  const again = [retraining[0]!, retraining[1]!, ...retraining.slice(1)];
  expect(judged({ retraining: again })).toMatchObject({ trainings: 1, versionFaults: [] });
  const rejected = ["requested", "started", "trained", "rejected"].map((type) => ({
    type,
    request: "r2",
    incident: "i1",
    version: null,
  }));
  expect(judged({ retraining: [...retraining, ...rejected] })).toMatchObject({ trainings: 2, versionFaults: [] });
});

test("other models and aliases are not looked at", () => {
  const more = { model: "churn", alias: "champion", version: 9, incident: null, request: null };
  const shadow = { ...adoptions[0]!, alias: "challenger", version: 8, fromOffset: 2 };
  expect(judged({ aliases: [...aliases, more], adoptions: [...adoptions, shadow] })).toEqual(judgeLoop(good));
});
