import { batchesOf, fetched, type PlainRecord, recordsOf } from "../../src/testing/batches.ts";
import { MemoryRegistry, StageDriver, sampleGenerators } from "../../src/testing/index.ts";
import type { Plan } from "../../src/topology/index.ts";
import type { RawBatch } from "../../src/wire/index.ts";

/** What went through one stage of card-fraud: whole record batches, in base64. */
export interface RecordedStage {
  readonly stage: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  /** Code, event id and original value of each. */
  readonly deadLetters: readonly (readonly [code: string, eventId: string, value: string | null])[];
  readonly filtered: Readonly<Record<string, number>>;
}

export interface Recording {
  /** In the order of their ids. */
  readonly schemas: readonly (readonly [subject: string, json: unknown])[];
  readonly stages: readonly RecordedStage[];
}

const startMs = Date.UTC(2026, 0, 1, 22);
const scoreGiven = 0.93;

/** Sends made-up payments and reports, sound and odd ones, through every stage, and keeps all that was written. */
export async function recordChain(plan: Plan): Promise<Recording> {
  const registry = new MemoryRegistry();
  const schemas = writtenSchemas(plan);
  for (const [subject, json] of schemas) registry.add(subject, json);
  const arrived = new Map<string, readonly string[]>([
    ["payments.inbox", encoded("payments.inbox", payments())],
    ["payments.reports", encoded("payments.reports", reports())],
  ]);
  const stages: RecordedStage[] = [];
  for (const { name, from, to } of plan.stages) {
    const recorded = await throughStage(plan, name, arrived.get(from.name) ?? [], registry);
    arrived.set(to.name, recorded.output);
    stages.push(recorded);
  }
  return { schemas, stages };
}

/** Sends what a recording holds for each stage's input through this build. */
export async function replayChain(plan: Plan, recording: Recording): Promise<Recording> {
  const registry = new MemoryRegistry();
  for (const [subject, json] of recording.schemas) registry.add(subject, json);
  const stages: RecordedStage[] = [];
  for (const { stage, input } of recording.stages) stages.push(await throughStage(plan, stage, input, registry));
  return { schemas: writtenSchemas(plan), stages };
}

/** The records that a stage wrote, without those of some events, which stand in the values as text. */
export function recordsIn({ stage, output }: RecordedStage, without: readonly string[]): readonly PlainRecord[] {
  const records = output.flatMap((bytes) => recordsOf(decoded(stage, bytes)));
  return records.filter(({ value }) => !without.some((id) => Buffer.from(value ?? []).includes(id)));
}

function writtenSchemas(plan: Plan): Recording["schemas"] {
  return plan.stages.map(({ to }) => [to.subject ?? to.name, to.schema?.json] as const);
}

async function throughStage(
  plan: Plan,
  stage: string,
  input: readonly string[],
  registry: MemoryRegistry,
): Promise<RecordedStage> {
  const driver = new StageDriver(plan, stage, { registry, models: { "card-fraud": scoreGiven } });
  const fed = await driver.feedBatches(input.map((bytes) => decoded(driver.stage.from.clusterName, bytes)));
  return {
    stage,
    input,
    output: fed.batches.map(({ bytes }) => bytes.toString("base64")),
    deadLetters: fed.deadLetters.map(({ code, eventId, value }) => [
      code,
      eventId,
      value === null ? null : Buffer.from(value).toString("base64"),
    ]),
    filtered: { ...fed.counts.filtered },
  };
}

function encoded(topic: string, records: readonly PlainRecord[]): string[] {
  const halves = [records.slice(0, records.length / 2), records.slice(records.length / 2)];
  let offset = 0;
  return halves.flatMap((half) => {
    const batches = batchesOf({ topic, partition: 0, offset }, half);
    offset = batches.at(-1)?.offsetNext ?? offset;
    return batches.map(({ bytes }) => bytes.toString("base64"));
  });
}

function decoded(topic: string, text: string): RawBatch {
  const bytes = Buffer.from(text, "base64");
  const recordCount = bytes.readInt32BE(57);
  const outgoing = { topic, partition: 0, role: "output", recordCount, bytes, timestampMinMs: 0, timestampMaxMs: 0 };
  return fetched({ ...outgoing, role: "output" }, Number(bytes.readBigInt64BE(0)));
}

/** Few customers and a minute between two payments, so that windows and repeats have something to do. */
function payments(): PlainRecord[] {
  const [generator] = sampleGenerators;
  const records: PlainRecord[] = [];
  for (const { topic, value, atMs } of generator!.events({ seed: 7, startMs, perSecond: 1 / 60 })) {
    if (topic !== "payments.inbox") continue;
    const crowded = value.replace(/"customer_id":"c(\d+)"/, (_, id: string) => `"customer_id":"c${Number(id) % 7}"`);
    records.push(plain(crowded, atMs));
    if (records.length === 160) break;
  }
  return [...records, ...oddPayments(startMs + 160 * 60_000)];
}

function reports(): PlainRecord[] {
  const [generator] = sampleGenerators;
  const records: PlainRecord[] = [];
  for (const { topic, value, atMs } of generator!.events({ seed: 7, startMs, perSecond: 1 / 60 })) {
    if (topic !== "payments.reports") continue;
    records.push(plain(value, atMs));
    if (records.length === 24) break;
  }
  return [...records, plain('{"payment_id":"p1","known_at":"soon","is_fraud":true}', startMs)];
}

function oddPayments(atMs: number): PlainRecord[] {
  const paidAt = new Date(atMs).toISOString();
  const sound = {
    payment_id: "odd",
    customer_id: "c1",
    terminal_id: "t1",
    paid_at: paidAt,
    amount: 12.5,
    country: "at",
  };
  const values: (string | null)[] = [
    null,
    "",
    "[]",
    "not json",
    JSON.stringify({ ...sound, payment_id: "odd-1", amount: "7.25" }),
    JSON.stringify({ ...sound, payment_id: "odd-2", amount: null, country: null }),
    JSON.stringify({ ...sound, payment_id: "odd-3", amount: 1e7, country: "  köln ☃ " }),
    JSON.stringify({ ...sound, payment_id: "odd-4", amount: true }),
    JSON.stringify({ ...sound, payment_id: "odd-5", customer_id: null }),
    JSON.stringify({ ...sound, payment_id: "odd-6", extra: { deep: [1, 2, 3] } }),
    JSON.stringify({ ...sound, payment_id: "odd-7", paid_at: atMs }),
    JSON.stringify({ ...sound, payment_id: "odd-8", paid_at: "2026-01-02T02:00:00.123+01:00" }),
    JSON.stringify({ ...sound, payment_id: "odd-9", paid_at: "2026-01-01T00:00:00Z" }),
    JSON.stringify({ ...sound, payment_id: 10 }),
    JSON.stringify({ ...sound, payment_id: "odd-11", amount: 0.1 + 0.2 }),
    JSON.stringify({ ...sound, payment_id: "odd-11", amount: 5 }),
  ];
  return values.map((value) => plain(value, atMs));
}

function plain(value: string | null, timestampMs: number): PlainRecord {
  const headers = [{ name: "trace", value: Buffer.from([1, 0, 255]) }];
  return { key: Buffer.from("k"), value: value === null ? null : Buffer.from(value), headers, timestampMs };
}
