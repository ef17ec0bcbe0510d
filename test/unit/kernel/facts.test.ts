import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  errorCodes,
  type FactDefinition,
  Facts,
  facts,
  type LogFields,
  type Logger,
  metrics,
  say,
  Tallies,
} from "../../../src/kernel/index.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly json: string;
}

/** A logger that keeps each line's fields as JSON, so that their order counts. */
function recorded(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, message, json: JSON.stringify(fields) });
  return { logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }, lines };
}

test("a fact's log line has the context first, then the table's fields in the table's order, codes among them", () => {
  const { logger, lines } = recorded();
  new Facts(logger, { stage: "clean" }).emit("taskDegraded", { attempts: 7, task: 3 });
  expect(lines).toEqual([
    {
      level: "error",
      message: "The task is degraded: it could not be reopened for 30 s.",
      json: '{"stage":"clean","task":3,"code":"MR_GROUP","attempts":7}',
    },
  ]);
});

test("a field that the sentence names stands in the sentence only, and one that is left out nowhere", () => {
  const { logger, lines } = recorded();
  const said = new Facts(logger, { stage: "score" });
  // A $ means something to String.replace.
  said.emit("modelAwaited", { model: "fraud$&" });
  said.emit("registryAnswers", {});
  said.emit("registryAnswers", { schemaId: 0 });
  expect(lines.map(({ message, json }) => `${message} ${json}`)).toEqual([
    'waiting for model fraud$&: run millrace train {"stage":"score"}',
    'The schema registry answers again. {"stage":"score"}',
    'The schema registry answers again. {"stage":"score","schemaId":0}',
  ]);
});

test("who has a log and no counts says a fact with its fields", () => {
  const { logger, lines } = recorded();
  say(logger, "offsetsLost", { tasks: ["1", "7"], group: "shop.clean" });
  expect(lines).toEqual([
    {
      level: "warn",
      message: "The group has lost offsets that were committed; it goes on from older ones.",
      json: '{"code":"MR_GROUP","group":"shop.clean","tasks":["1","7"]}',
    },
  ]);
});

test("a fact feeds its metrics: by a field, by 1, by label", () => {
  const { logger, lines } = recorded();
  const said = new Facts(logger);
  said.emit("chunkCommitted", { task: 0, in: 5, out: 3, late: 1, seconds: 0.02 });
  said.emit("chunkCommitted", { task: 1, in: 2, out: 2, late: 0, seconds: 99 });
  said.emit("recordsLate", { task: 0, count: 1 });
  said.emit("recordsFailed", { task: 0, code: "MR_CAST", count: 1 });
  const { tallies } = said.within({ part: "x" });
  expect([tallies.total("millrace_records_in_total"), tallies.total("millrace_commits_total")]).toEqual([7, 2]);
  const dead = tallies.series("millrace_dlq_records_total").map(({ labels, sum }) => [...labels, sum]);
  expect(dead).toEqual([
    ["MR_LATE", 1],
    ["MR_CAST", 1],
  ]);
  expect(lines).toEqual([]);
});

test("a histogram counts a value under the smallest bound that is not below it, and beyond the last in a bucket of its own", () => {
  const tallies = new Tallies();
  for (const seconds of [0.0005, 0.0006, 10, 10.5]) tallies.add("millrace_stage_duration_seconds", undefined, seconds);
  const [series] = tallies.series("millrace_stage_duration_seconds");
  const { buckets } = metrics.millrace_stage_duration_seconds;
  expect(series?.buckets).toHaveLength(buckets.length + 1);
  expect([...(series?.buckets ?? [])].map((count, i) => [count, buckets[i]]).filter(([count]) => count !== 0)).toEqual([
    [1, 0.0005],
    [1, 0.001],
    [1, 10],
    [1, undefined],
  ]);
  expect(series?.sum).toBeCloseTo(20.5011, 9);
});

test("label values beyond the first 200 are counted together, and none is lost", () => {
  const tallies = new Tallies();
  for (let i = 0; i < 1_000; i++) tallies.add("millrace_records_filtered_total", [`rule-${i}`], 1);
  const series = tallies.series("millrace_records_filtered_total");
  expect(series).toHaveLength(201);
  expect(series.at(-1)).toMatchObject({ labels: ["_other"], sum: 800 });
  expect(tallies.total("millrace_records_filtered_total")).toBe(1_000);
});

const table: readonly (readonly [string, FactDefinition])[] = Object.entries(facts);

test.each(table)("law: %s feeds metrics that exist, with their labels, out of fields that it has", (_name, fact) => {
  for (const [metric, feed] of Object.entries(fact.feeds ?? {})) {
    const definition = metrics[metric as keyof typeof metrics];
    expect(definition.type, metric).not.toBe("gauge");
    expect(Object.keys(feed.labels ?? {}), metric).toEqual([...definition.labels]);
    for (const field of [...Object.values(feed.labels ?? {}), ...(feed.by === 1 ? [] : [feed.by])])
      expect(Object.keys(fact.fields), metric).toContain(field);
  }
});

test.each(table)(
  "law: %s is said at a level with a sentence or not at all, and a warning or an error has a code",
  (_name, fact) => {
    expect(fact.says === undefined).toBe(fact.level === undefined);
    const codes = Object.values(fact.fields).filter((kind) => kind === "code" || kind in errorCodes);
    if (fact.level === "warn" || fact.level === "error") expect(codes).toHaveLength(1);
  },
);

const source = join(import.meta.dirname, "../../../src");
const sources = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.startsWith("kernel"))
  .map((name) => [name, readFileSync(join(source, name), "utf8")] as const);

test("law: nobody writes a log line past the table", () => {
  const speaks = /\b[lL]ogger\.(?:debug|info|warn|error)\(/;
  expect(sources.filter(([, text]) => speaks.test(text)).map(([name]) => name)).toEqual([]);
});

test("law: every fact is emitted somewhere, and every metric but the gauges is fed", () => {
  const text = sources.map(([, each]) => each).join("\n");
  expect(table.map(([name]) => name).filter((name) => !text.includes(`"${name}"`))).toEqual([]);
  const fed = new Set(table.flatMap(([, fact]) => Object.keys(fact.feeds ?? {})));
  const unfed = Object.entries(metrics).filter(([name, { type }]) => type !== "gauge" && !fed.has(name));
  expect(unfed.map(([name]) => name)).toEqual([]);
});
