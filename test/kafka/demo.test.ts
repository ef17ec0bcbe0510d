import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoResult, runDemo } from "../../demo/run-demo.ts";
import { describeKafka, testBroker } from "./harness/broker.ts";
import { stockKafka } from "./harness/client.ts";

interface Line {
  readonly flight_id: number;
  readonly late: boolean;
  readonly score_keyed: number;
  readonly score_calendar: number;
}

interface Run {
  readonly result: DemoResult;
  readonly stdout: string;
  readonly lines: readonly Line[];
}

/**
 * The probability that a late flight is scored above one that is not, ties counting half: flights in the order of
 * their scores, each late one counts the others below it. Written for this test, so that it shares nothing with the
 * number that the demo prints.
 */
function aucOf(lines: readonly Line[], score: "score_keyed" | "score_calendar"): number {
  const sorted = [...lines].sort((a, b) => a[score] - b[score]);
  let below = 0;
  let wins = 0;
  let late = 0;
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    let lateHere = 0;
    while (end < sorted.length && sorted[end]![score] === sorted[i]![score]) if (sorted[end++]!.late) lateHere++;
    const onTimeHere = end - i - lateHere;
    wins += lateHere * (below + onTimeHere / 2);
    late += lateHere;
    below += onTimeHere;
    i = end;
  }
  return wins / (late * below);
}

describeKafka("the demo for two airports", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-demo-test-"));
  let memory: Run;
  let kafka: Run;

  async function run(name: string, brokers: string | undefined): Promise<Run> {
    let stdout = "";
    const out = join(folder, name);
    const result = await runDemo(
      {
        airports: ["BOS", "LAX"],
        brokers,
        out,
        keep: false,
        delivery: undefined,
        environment: {},
        stdout: (text) => {
          stdout += text;
        },
        stderr: () => undefined,
        isTerminal: false,
      },
      new AbortController().signal,
    );
    const text = readFileSync(join(out, "predictions.ndjson"), "utf8");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    return { result, stdout, lines };
  }

  beforeAll(async () => {
    memory = await run("memory", undefined);
    kafka = await run("kafka", testBroker().bootstrap);
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("the in-process broker and Kafka predict the same flights, each once", () => {
    const ids = memory.lines.map((line) => line.flight_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(kafka.lines.map((line) => line.flight_id)).toEqual(ids);
    expect(kafka.lines.map((line) => line.late)).toEqual(memory.lines.map((line) => line.late));
  });

  test("both score every flight alike to within 1e-9", () => {
    const difference = kafka.lines.reduce((most, line, i) => {
      const other = memory.lines[i]!;
      const keyed = Math.abs(line.score_keyed - other.score_keyed);
      return Math.max(most, keyed, Math.abs(line.score_calendar - other.score_calendar));
    }, 0);
    expect(difference).toBeLessThanOrEqual(1e-9);
  });

  test("the dead letters are the five broken events, on both", () => {
    for (const { result } of [memory, kafka]) {
      expect(result.deadLetters.map(({ code, stage }) => `${stage} ${code}`)).toEqual([
        "ingest MR_CAST",
        "ingest MR_CAST",
        "ingest MR_PARSE",
        "ingest MR_REQUIRED",
        "features MR_LATE",
      ]);
    }
  });

  test("the AUC recomputed from predictions.ndjson is the one that was printed, on both", () => {
    for (const { stdout, lines, result } of [memory, kafka]) {
      const [totals, calendar, keyed, seconds] = stdout.trimEnd().split("\n").slice(-4);
      expect(totals).toBe(`events ${result.events} predictions ${lines.length} dead-letters 5`);
      expect(calendar).toBe(`auc calendar ${aucOf(lines, "score_calendar").toFixed(3)}`);
      expect(keyed).toBe(`auc keyed ${aucOf(lines, "score_keyed").toFixed(3)}`);
      expect(seconds).toMatch(/^seconds \d+$/);
    }
  });

  test("nothing of it is left on the cluster", async () => {
    const [inbox] = kafka.result.deadLetters.map(({ eventId }) => eventId);
    const namespace = inbox!.slice(0, inbox!.indexOf("."));
    expect(namespace).toMatch(/^demo-[0-9a-f]{8}$/);
    const admin = stockKafka(testBroker().bootstrap).admin();
    await admin.connect();
    try {
      const { groups } = await admin.listGroups();
      const names = [...(await admin.listTopics()), ...groups.map(({ groupId }) => groupId)];
      expect(names.filter((name) => name.startsWith(`${namespace}.`))).toEqual([]);
    } finally {
      await admin.disconnect();
    }
  });
});
