import { expect, test } from "vitest";
import { exposition } from "../../../src/adapters/prometheus/index.ts";
import { metrics, Tallies } from "../../../src/kernel/index.ts";

test("nothing to tell is an empty text", () => {
  expect(exposition([])).toBe("");
});

// The format: backslash, line feed and quote are escaped in label values (prometheus.io, "Exposition formats").
test("label values are escaped, and each metric has its help and type once, in the order of the table", () => {
  const text = exposition([
    { metric: "millrace_build_info", labels: { version: 'a"b\\c\nd' }, value: 1 },
    { metric: "millrace_commits_total", labels: {}, value: 0 },
    { metric: "millrace_commits_total", labels: { stage: "x" }, value: 1e21 },
  ]);
  expect(text.split("\n")).toEqual([
    "# HELP millrace_commits_total Chunks that were committed.",
    "# TYPE millrace_commits_total counter",
    "millrace_commits_total 0",
    'millrace_commits_total{stage="x"} 1e+21',
    "# HELP millrace_build_info 1, with the version of Millrace that runs.",
    "# TYPE millrace_build_info gauge",
    'millrace_build_info{version="a\\"b\\\\c\\nd"} 1',
    "",
  ]);
});

test("a histogram's buckets are cumulative and end with +Inf, which equals its count", () => {
  const tallies = new Tallies();
  for (const seconds of [0.0001, 0.02, 0.02, 77]) tallies.add("millrace_stage_duration_seconds", undefined, seconds);
  const [series] = tallies.series("millrace_stage_duration_seconds");
  const { sum: value, buckets = new Float64Array(0) } = series ?? { sum: 0 };
  const lines = exposition([
    { metric: "millrace_stage_duration_seconds", labels: { stage: "x" }, value, buckets },
  ]).split("\n");
  const samples = lines.filter((line) => line.includes("{"));
  expect(samples).toHaveLength(metrics.millrace_stage_duration_seconds.buckets.length + 3);
  expect(samples.filter((line) => /le="(0.0005|0.01|0.025|10|\+Inf)"/.test(line) || !line.includes("le="))).toEqual([
    'millrace_stage_duration_seconds_bucket{stage="x",le="0.0005"} 1',
    'millrace_stage_duration_seconds_bucket{stage="x",le="0.01"} 1',
    'millrace_stage_duration_seconds_bucket{stage="x",le="0.025"} 3',
    'millrace_stage_duration_seconds_bucket{stage="x",le="10"} 3',
    'millrace_stage_duration_seconds_bucket{stage="x",le="+Inf"} 4',
    'millrace_stage_duration_seconds_sum{stage="x"} 77.0401',
    'millrace_stage_duration_seconds_count{stage="x"} 4',
  ]);
});
