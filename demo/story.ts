/** What the demo says: text only, from values that are already there. */
import type { TrainingOutcome } from "../src/training/index.ts";
import type { DeadLetter, Quality } from "./predictions.ts";
import type { Trace } from "./trace.ts";

const thousands = (count: number): string => count.toLocaleString("en-US");
const percent = (share: unknown): string => `${Math.round(Number(share) * 100)} %`;
const minutes = (value: unknown): string => `${Number(value).toFixed(0)} min`;

export function opening(first: string, places: string, events: number, broker: string): string {
  return [
    `Will this flight from ${first} be late? Millrace looks at what has just landed there.`,
    "",
    `${thousands(events)} events of January and February 2001: departures from ${places}, landings there,`,
    "and the landings elsewhere of the flights that left (those are only labels).",
    "Landing times are made by a rule, because the file has none:",
    "  landing = scheduled departure + 30 min + distance / 7.5 miles per minute + delay.",
    `Stages ingest -> clean -> features -> score (and landings, the labels), chained through topics on ${broker}.`,
    "",
    "",
  ].join("\n");
}

export function fed(what: string, events: number, seconds: number): string {
  const rate = Math.round(events / Math.max(seconds, 0.001) / 100) * 100;
  return `${what}: ${thousands(events)} events, ${seconds.toFixed(1)} s, ${thousands(rate)} a second.\n`;
}

export function trained(model: string, sees: string, outcome: TrainingOutcome): string {
  const { version, trainRows, validationRows, metrics } = outcome;
  const measured =
    metrics === null
      ? "not measured: the later rows lack one of the classes"
      : `AUC ${metrics.auc.toFixed(3)}, log loss ${metrics.logLoss.toFixed(3)} on the ${thousands(validationRows)} after them`;
  return `  ${model} version ${version} sees ${sees}\n    fitted to ${thousands(trainRows)} departures; ${measured}\n`;
}

/** One flight's way through the topics, a line for each. */
export function followed(flightId: number, trace: Trace): string {
  const { sent, raw, features, keyed, calendar, landing } = trace;
  const rolling = ["1h", "3h", "24h"].map((window) => {
    const landed = Number(features?.[`landed_${window}`] ?? 0);
    const how = `${percent(features?.[`late_share_${window}`])} late, mean ${minutes(features?.[`delay_mean_${window}`])}`;
    return `${landed} in ${window}${landed === 0 ? "" : ` (${how})`}`;
  });
  const warned = keyed?.["warn"] === true ? "will be late: a warning" : "will be on time";
  const rows: readonly (readonly [string, string])[] = [
    ["flights.inbox", JSON.stringify(sent)],
    ["flights.raw", `checked and written as Avro, with the id of its event: ${String(raw?.["event_id"])}`],
    ["flights.clean", trace.clean === undefined ? "missing" : "kept: it has its flight and its airport"],
    [
      "flights.features",
      `weekday ${String(features?.["weekday"])}, hour ${String(features?.["hour"])}; landed: ${rolling.join(", ")}`,
    ],
    ["flights.keyed", `${Number(keyed?.["score"]).toFixed(2)} by what landed: ${warned}`],
    ["flights.calendar", `${Number(calendar?.["score"]).toFixed(2)} by the schedule alone`],
    ["flights.landings", happened(landing)],
  ];
  const where = `${String(sent?.["origin"])} to ${String(sent?.["destination"])}`;
  const lines = rows.map(([topic, text]) => `  ${topic.padEnd(17)}${text}`);
  return `One flight on its way through the topics: number ${flightId}, ${where}.\n${lines.join("\n")}\n\n`;
}

function happened(landing: Trace["landing"]): string {
  if (landing === undefined) return "missing";
  const { at, delay, late } = landing;
  const word = Number(delay) < 0 ? `${-Number(delay)} min early` : `${String(delay)} min late`;
  return `what really happened: landed at ${String(at)}, ${word}, so it ${late === true ? "was late" : "was not late"} (late is more than 15 min)`;
}

export function setAside(letters: readonly DeadLetter[]): string {
  const rows = letters.map(({ code, stage, message }) => `  ${code.padEnd(13)}${stage.padEnd(10)}${message}`);
  const head = `  ${"code".padEnd(13)}${"stage".padEnd(10)}what was wrong`;
  return `Five broken events were sent among them. Each is a dead letter now, and none stopped anything:\n${[head, ...rows].join("\n")}\n\n`;
}

export function verdict(quality: Quality): string {
  const { lateShare, lateShareWorstKeyed, lateShareWorstCalendar } = quality;
  return `Of the 10 % of flights rated worst, ${percent(lateShareWorstKeyed)} were late; with the schedule alone ${percent(lateShareWorstCalendar)}; overall ${percent(lateShare)}.\n\n`;
}

export function whereNow(files: readonly (readonly [string, string])[], nextCommand: string): string {
  const lines = files.map(([path, what]) => `  ${path}  ${what}`);
  return `Files:\n${lines.join("\n")}\nNext: ${nextCommand}\n\n`;
}

export interface Totals {
  readonly events: number;
  readonly predictions: number;
  readonly deadLetters: number;
  readonly seconds: number;
}

/** The four lines that other programs read: always the last. */
export function closing(totals: Totals, quality: Pick<Quality, "aucCalendar" | "aucKeyed">): string {
  return [
    `events ${totals.events} predictions ${totals.predictions} dead-letters ${totals.deadLetters}`,
    `auc calendar ${quality.aucCalendar.toFixed(3)}`,
    `auc keyed ${quality.aucKeyed.toFixed(3)}`,
    `seconds ${Math.round(totals.seconds)}`,
    "",
  ].join("\n");
}
