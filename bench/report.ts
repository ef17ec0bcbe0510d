import type { ContestantName, JobResult } from "./job.ts";
import { type CpuProfile, profileAreas, summariseProfile } from "./profile-summary.ts";
import { type Spread, spreadOf, spreadText, tableText } from "./summary.ts";

const labels: Readonly<Record<ContestantName, string>> = {
  millrace: "millrace",
  loop: "hand-written loop",
  consume: "kafkajs consume only",
  produce: "kafkajs produce only",
  codec: "avsc decode and encode only",
};

const notMeasured = [
  "Not measured: latency; several brokers, replication, TLS, compression; exactly-once; restart and rebalance;",
  "more partitions than four; wider records; JSON input. The broker and the contestants share the machine's cores.",
  "The loop drops invalid records and keeps no accounts; millrace writes dead letters, balances every chunk, can",
  "undo it, and checks the CRC of what it reads.",
].join("\n");

const functionsShown = 25;

/** The table of all contestants, what it leaves out, and the ratio as the last line. */
export function roundsReport(results: Readonly<Record<ContestantName, readonly JobResult[]>>): string {
  const rows = (Object.keys(labels) as ContestantName[])
    .filter((name) => results[name].length > 0)
    .map((name) => {
      const windows = results[name].map(({ window }) => window);
      const micros = spreadOf(windows.map(({ cpuMicros, records }) => cpuMicros / records));
      const perSecond = spreadOf(windows.map(({ cpuMicros, records }) => (1e6 * records) / cpuMicros));
      const rate = spreadOf(windows.map(({ wallMicros, records }) => (1e6 * records) / wallMicros));
      const rss = spreadOf(results[name].map(({ rssPeakBytes }) => rssPeakBytes / 1e6));
      return [
        labels[name],
        spreadText(micros, 2),
        inThousands(perSecond),
        inThousands(rate),
        rss.median.toFixed(0),
        String(windows.length),
      ];
    });
  const head = [
    "",
    "µs CPU per record",
    "1,000 records per CPU-second",
    "1,000 records per second",
    "peak RSS, MB",
    "runs",
  ];
  const perCpuSecond = (name: ContestantName): number =>
    spreadOf(results[name].map(({ window }) => window.records / window.cpuMicros)).median;
  const pairs = results.millrace.map(({ window }, i) => {
    const other = results.loop[i]?.window;
    return other === undefined ? Number.NaN : (window.records / window.cpuMicros) * (other.cpuMicros / other.records);
  });
  return [
    "",
    tableText([head, ...rows]),
    "",
    "Medians, in brackets the range.",
    notMeasured,
    "",
    `ratio in each round: ${pairs.map((pair) => pair.toFixed(2)).join(" ")}`,
    `ratio ${(perCpuSecond("millrace") / perCpuSecond("loop")).toFixed(2)}`,
  ].join("\n");
}

function inThousands({ median, min, max }: Spread): string {
  return spreadText({ median: median / 1e3, min: min / 1e3, max: max / 1e3 }, 0);
}

/** Where a profiled run spent its time, per record and area. */
export function profileReport({ window }: JobResult, profile: CpuProfile): string {
  const summary = summariseProfile(profile, window.fromMicros, window.toMicros);
  const perRecord = (micros: number): string => (micros / window.records).toFixed(3);
  const areas = profileAreas.map((area) => [area, perRecord(summary.microsByArea[area])]);
  const functions = summary.functions
    .slice(0, functionsShown)
    .map(({ name, area, micros }) => [name, area, perRecord(micros)]);
  return [
    "",
    tableText([
      ["area", "µs per record"],
      ...areas,
      ["main thread busy, with the profiler", perRecord(summary.busyMicros)],
      ["processor time of all threads, with the profiler", perRecord(window.cpuMicros)],
    ]),
    "",
    tableText([["function, self time", "area", "µs per record"], ...functions]),
  ].join("\n");
}
