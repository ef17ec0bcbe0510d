import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type DemoOptions, runDemo } from "../../../demo/run-demo.ts";

const deliveries = ["exactly-once", "at-least-once"] as const;

function optionsFor(airports: readonly string[], out: string, written: string[]): DemoOptions {
  return {
    delivery: undefined,
    airports,
    brokers: undefined,
    out,
    keep: false,
    environment: {},
    stdout: (text) => written.push(text),
    stderr: () => undefined,
    isTerminal: false,
  };
}

test.each(deliveries)(
  "a small airport goes the whole way %s: fed, trained on, scored, and every broken event set aside",
  async (delivery) => {
    const out = mkdtempSync(join(tmpdir(), "millrace-demo-"));
    try {
      const written: string[] = [];
      const result = await runDemo({ ...optionsFor(["ANC"], out, written), delivery }, new AbortController().signal);
      const lines = readFileSync(join(out, "predictions.ndjson"), "utf8").trimEnd().split("\n");
      const text = written.join("");
      expect(text.split("\n")[0]).toBe(
        "Will this flight from ANC be late? Millrace looks at what has just landed there.",
      );
      expect(text).toContain("landing = scheduled departure + 30 min + distance / 7.5 miles per minute + delay");
      expect(text.trimEnd().split("\n").at(-4)).toBe(
        `events ${result.events} predictions ${lines.length} dead-letters 5`,
      );
      expect(Object.keys(JSON.parse(lines[0]!) as object)).toEqual([
        "flight_id",
        "late",
        "score_keyed",
        "score_calendar",
      ]);
      expect(readFileSync(join(out, "demo.log"), "utf8")).not.toContain("ERROR");
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  },
  60_000,
);

test("an airport that nothing leaves is refused before anything is made", async () => {
  const written: string[] = [];
  const running = runDemo(optionsFor(["QQQ"], "/nowhere", written), new AbortController().signal);
  await expect(running).rejects.toThrow("--airports: no flight of January or February 2001 leaves QQQ");
  expect(written).toEqual([]);
});

test("a stop ends it with its reason", async () => {
  const out = mkdtempSync(join(tmpdir(), "millrace-demo-"));
  try {
    const running = runDemo(optionsFor(["ANC"], out, []), AbortSignal.abort(new Error("interrupted")));
    await expect(running).rejects.toThrow("interrupted");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

// Which topic is the first to lose records depends on who is ahead: one of the chain, or one of its internal ones.
test("a broker that drops records ends it, and says at the terminal which topic and why", async () => {
  const out = mkdtempSync(join(tmpdir(), "millrace-demo-"));
  try {
    const said: string[] = [];
    const options = {
      ...optionsFor(["ANC"], out, []),
      brokerBytesMax: 1_000_000,
      stderr: (text: string) => said.push(text),
    };
    await expect(runDemo(options, new AbortController().signal)).rejects.toThrow(
      /^topic flights\.[\w.-]+: The in-process broker drops the oldest records of a topic\. Too much for the broker's byte limit\.$/,
    );
    const warning = said.find((text) => text.includes("WARN"));
    expect(warning).toMatch(
      /^\d\d:\d\d:\d\d WARN The in-process broker drops the oldest records of a topic\. {2}code=MR_BROKER_FULL topic=flights\.[\w.-]+ partition=\d+ logStartOffset=\d+ limit=the broker's byte limit\n$/,
    );
    expect(readFileSync(join(out, "demo.log"), "utf8")).toContain("MR_BROKER_FULL");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}, 60_000);
