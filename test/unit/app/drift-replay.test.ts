import { expect, test } from "vitest";
import { type DriftReplay, replayDrift, replayText } from "../../../src/app/drift-replay.ts";
import { even, shifted, startMs } from "../monitor/judging/rig.ts";
import { History } from "../monitoring/history.ts";
import { smallSchemas, smallText, soundPlan } from "../topology/fixture.ts";

const never = new AbortController().signal;
const schemas = smallSchemas;

/** The small chain, whose monitor `m` counts one field as the rig does. */
const planned = (keys = "", more = "") =>
  soundPlan(`${smallText}monitors:\n  - { name: m, on: features, fields: [amount], late: 1min${keys} }\n${more}`, {
    schemas,
  });
const plan = planned();
const monitoring = plan.monitoring!;
const version = monitoring.monitors[0]?.version ?? "";

/** Seven windows of which the last four drift. */
async function history(): Promise<History> {
  const opened = await History.open("small");
  await opened.broker.admin.createTopics([{ topic: "raw", partitions: 2, replication: undefined, configs: {} }], never);
  await opened.baseline(startMs, "amount");
  await opened.windows([even, even, even, shifted, shifted, shifted, shifted], { stage: "features", version });
  return opened;
}

const range = { fromMs: undefined, toMs: undefined };

test("history judged by the file's settings is said for people, with a line for each incident and the pages", async () => {
  const replay = await replayDrift({ plan, monitoring, tried: undefined, ...range }, await history(), never);
  expect(replay.unread).toBe(0);
  // 472,000 hours behind 1970; windows 3 to 6 drift, the third of them opens the incident.
  expect(replayText(replay, "table")).toBe(
    `MONITOR  SETTINGS  FROM                      TO                        WINDOWS  VERDICTS  DRIFT  INSUFFICIENT  SUPPRESSED  INCIDENTS  PAGES
m        file      2023-11-05T16:00:00.000Z  2023-11-05T22:00:00.000Z        7         7      4             0           0          1      1
file: small/m/20231105T210000Z pages at 2023-11-05T22:00:00.000Z: amount
file: pages 1 in 7h
`,
  );
});

test("other thresholds, alerts and severities are tried beside them", async () => {
  const at = await history();
  const outcomeOf = async (tried: ReturnType<typeof planned>) => {
    const { rows } = await replayDrift({ plan, monitoring, tried, ...range }, at, never);
    expect(rows.map(({ settings }) => settings)).toEqual(["file", "tried"]);
    expect(rows[0]).toMatchObject({ drift: 4, pages: 1 });
    return rows[1];
  };
  expect(await outcomeOf(planned(", thresholds: { psi: 2 }"))).toMatchObject({ drift: 0, incidents: [], pages: 0 });
  const ticket = await outcomeOf(planned(", severity: ticket"));
  expect(ticket).toMatchObject({ drift: 4, pages: 0, incidents: [{ isPage: false }] });
  expect(replayText({ rows: [ticket!] }, "table")).toMatch(
    /\ntried: small\/m\/\S+ a ticket at .*\ntried: pages 0 in 7h\n$/,
  );
  const early = await outcomeOf(planned("", "alerts: { fire: { windows: 1, of: 1 } }\n"));
  expect(early).toMatchObject({ incidents: [{ at: "2023-11-05T20:00:00.000Z" }], pages: 1 });
});

test("settings that count something else are refused before anything is read", async () => {
  const at = await history();
  const tried = (text: string) =>
    replayDrift({ plan, monitoring, tried: soundPlan(`${smallText}${text}`, { schemas }), ...range }, at, never);
  await expect(tried("monitors: [{ name: m, on: features, fields: [n_1h] }]\n")).rejects.toThrow(
    "--thresholds: monitor m counts other fields, another topic or other windows than the topology's",
  );
  await expect(tried("monitors: [{ name: other, on: features }]\n")).rejects.toThrow(
    "the topology has no monitor other",
  );
  for (const none of ["", "monitors: [{ name: m, on: lag, warn: { seconds: 1 } }]\n"])
    await expect(tried(none)).rejects.toThrow("the topology in that file has no monitors of topics");
});

test("programs get rows, and a history without windows is said to be none", async () => {
  const at = await history();
  const none: DriftReplay = await replayDrift(
    { plan, monitoring, tried: undefined, fromMs: startMs + 1e12, toMs: undefined },
    at,
    never,
  );
  expect(replayText(none, "table")).toMatch(/\nfile: no window was judged\n$/);
  expect(JSON.parse(replayText(none, "jsonl"))).toEqual({
    settings: "file",
    windowMs: 3_600_000,
    monitor: "m",
    from: null,
    to: null,
    windows: 0,
    verdicts: 0,
    drift: 0,
    insufficient: 0,
    suppressed: 0,
    incidents: [],
    pages: 0,
  });
});
