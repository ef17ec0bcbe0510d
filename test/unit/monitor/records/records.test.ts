import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AlertEvent,
  alertRecord,
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  baselineKey,
  cellsOf,
  decodeBaseline,
  decodePartial,
  decodeVerdict,
  encodeBaseline,
  encodeHeartbeat,
  encodePartial,
  encodeVerdict,
  heartbeatKey,
  isBaselineHead,
  isHeartbeat,
  type PartialRecord,
  partialKey,
  readAlertEvent,
  type VerdictRecord,
  verdictKey,
} from "../../../../src/monitor/index.ts";

const partial: PartialRecord = {
  monitor: "payments",
  version: "00112233aabbccdd",
  stage: "clean",
  partition: 3,
  fromMs: 1_700_000_000_000,
  baseline: "fraud/7",
  rows: 300,
  late: 2,
  counts: [Float64Array.of(0, 300, 0), Float64Array.of(100, 200)],
  offsetFrom: 40,
  offsetNext: 2 ** 40,
  schemas: [{ id: 2 ** 32 - 1, offset: 41 }],
  recent: { schema: 9, rows: 1, counts: [Float64Array.of(0, 1, 0), Float64Array.of(1, 0)] },
  streamTimeMs: 1_700_000_100_000,
  isClosed: true,
  plan: "p1",
  model: "fraud/7",
};

const verdict: VerdictRecord = {
  eventId: "payments/amount/1700000000000/fraud/7",
  topology: "card",
  monitor: "payments",
  field: "amount",
  fromMs: 1_700_000_000_000,
  toMs: 1_700_003_600_000,
  baseline: "fraud/7",
  kind: "DRIFT",
  reason: undefined,
  unit: "psi",
  score: 0.3,
  threshold: 0.1,
  practical: 0.05,
  noiseFloor: 0.07,
  probability: 1e-9,
  falseDiscoveryRate: 1e-8,
  ks: 0.2,
  cells: 21,
  n: 10_000,
  m: 900,
  late: 4,
  season: "hour-of-day",
  culprits: [
    { cell: 4, name: "below", part: 0.2 },
    { cell: -1, name: "", part: 0.1 },
  ],
  partitions: [{ stage: "clean", partition: 3, rows: 900, part: 0.3, offsetFrom: 1, offsetNext: 901 }],
  schemas: [7, 2 ** 32 - 1],
  cause: "nulls",
  phase: "suspect",
  incident: "card/payments/20231114T221320Z",
  judgedAtMs: 1_700_003_700_000,
};

describe("partials", () => {
  test("read back as they were written, behind the framing of the given id", () => {
    const bytes = encodePartial(partial, 70_000);
    expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 1, 0x11, 0x70]);
    expect(decodePartial(bytes)).toEqual(partial);
    expect(partialKey(partial)).toBe("payments/clean/3/1700000000000/fraud/7");
  });

  test("read back without what may be left out", () => {
    const bare: PartialRecord = {
      ...partial,
      baseline: "",
      counts: [],
      recent: undefined,
      model: undefined,
      schemas: [],
      streamTimeMs: Number.NEGATIVE_INFINITY,
      isClosed: false,
    };
    expect(decodePartial(encodePartial(bare, 1))).toEqual(bare);
  });

  test("of 500 fields with 26 cells need no more than one encoding with room", () => {
    const counts = Array.from({ length: 500 }, (_, f) => Float64Array.from({ length: 26 }, (_, c) => f * 1_000 + c));
    const large = { ...partial, counts, recent: undefined };
    expect(decodePartial(encodePartial(large, 1))).toEqual(large);
  });

  test("keep every count below 2^53", () => {
    const count = fc.maxSafeNat();
    fc.assert(
      fc.property(fc.array(fc.array(count)), count, fc.boolean(), (lists, rows, isClosed) => {
        const counts = lists.map((list) => Float64Array.from(list));
        const record = { ...partial, counts, rows, isClosed, offsetNext: rows };
        expect(decodePartial(encodePartial(record, 1))).toEqual(record);
      }),
    );
  });

  test("are told from heartbeats, which share their schema", () => {
    const beat = { stage: "clean", partition: 3, streamTimeMs: 5, isIdle: true };
    const read = decodePartial(encodeHeartbeat(beat, 1));
    expect(read).toEqual(beat);
    expect(isHeartbeat(read)).toBe(true);
    expect(isHeartbeat(decodePartial(encodePartial(partial, 1)))).toBe(false);
    const early = { ...beat, streamTimeMs: Number.NEGATIVE_INFINITY, isIdle: false };
    expect(decodePartial(encodeHeartbeat(early, 1))).toEqual(early);
    expect(heartbeatKey(beat)).toBe("heartbeat/clean/3");
  });

  test("refuse what is none", () => {
    const bytes = encodePartial(partial, 1);
    expect(() => decodePartial(bytes.subarray(0, bytes.length - 1))).toThrow();
    expect(() => decodePartial(bytes.subarray(0, 3))).toThrow("3 bytes");
    expect(() => decodePartial(Buffer.from("{}{}{}{}"))).toThrow("not 0");
  });
});

describe("baselines", () => {
  const numbers: BaselineFieldRecord = {
    monitor: "payments",
    id: "fraud/7",
    field: "amount",
    fields: 2,
    cells: { kind: "numbers", edges: [-1.5, 0, 1e300] },
    windows: [{ fromMs: 0, rows: 3, counts: Float64Array.of(0, 0, 0, 0, 0, 1, 2, 0) }],
  };
  const categories: BaselineFieldRecord = {
    ...numbers,
    field: "country",
    cells: {
      kind: "categories",
      values: [
        ["DE", 2],
        ["ü", 1],
      ],
    },
    windows: [],
  };
  const head: BaselineHeadRecord = {
    monitor: "payments",
    version: "00112233aabbccdd",
    id: "fraud/7",
    origin: "model fraud",
    asked: "0011223344556677",
    atMs: 1_700_000_000_000,
  };

  test("read back as they were written, fields and heads", () => {
    for (const record of [numbers, categories, head]) {
      const read = decodeBaseline(encodeBaseline(record, 12));
      expect(read).toEqual(record);
      expect(isBaselineHead(read)).toBe(record === head);
    }
    expect(baselineKey(numbers)).toBe("payments/fraud/7/amount");
    expect(baselineKey(head)).toBe("payments");
  });

  test("make the cells that they describe", () => {
    expect(cellsOf(numbers.cells).count).toBe(8);
    expect(cellsOf(numbers.cells).cellOf(0)).toBe(6);
    expect(cellsOf(categories.cells).nameOf(cellsOf(categories.cells).cellOf("ü"))).toBe('"ü"');
    const none = cellsOf({ kind: "numbers", edges: [] });
    expect([-1, 0, 1, null].map((value) => none.nameOf(none.cellOf(value)))).toEqual([
      "below",
      "[0, 0]",
      "above",
      "null",
    ]);
  });
});

describe("verdicts", () => {
  test("read back as they were written", () => {
    expect(decodeVerdict(encodeVerdict(verdict, 3))).toEqual(verdict);
    expect(verdictKey(verdict)).toBe("payments/amount");
  });

  test("read back where nothing was judged", () => {
    const empty: VerdictRecord = {
      ...verdict,
      kind: "NO_DATA",
      reason: "rows",
      score: Number.NaN,
      threshold: Number.NaN,
      culprits: [],
      partitions: [],
      schemas: [],
      cause: undefined,
      incident: undefined,
    };
    expect(decodeVerdict(encodeVerdict(empty, 3))).toEqual(empty);
  });
});

describe("alerts", () => {
  const event: AlertEvent = {
    type: "millrace.alert.firing",
    id: "card/payments/amount/1700000000000/firing",
    fingerprint: "card/payments/amount",
    topology: "card",
    monitor: "payments",
    field: "amount",
    kind: "drift",
    severity: "page",
    incident: undefined,
    isPage: false,
    cause: "world",
    at: "2023-11-14T22:13:20Z",
    from: undefined,
    to: undefined,
    score: 0.3,
    threshold: 0.1,
    n: 10,
    m: 5,
    summary: "amount of payments drifts.",
    fields: [],
  };

  test("are CloudEvents in binary mode, and read back", () => {
    const { key, value, headers } = alertRecord(event);
    expect(key.toString()).toBe("card/payments/amount");
    expect(Object.fromEntries(headers.map((header) => [header.name, header.value?.toString()]))).toEqual({
      "content-type": "application/json",
      ce_specversion: "1.0",
      ce_id: event.id,
      ce_source: "/millrace/card",
      ce_type: "millrace.alert.firing",
      ce_time: "2023-11-14T22:13:20Z",
      ce_subject: "payments/amount",
    });
    expect(readAlertEvent(value.toString())).toEqual(event);
  });

  test("of a record that does not say what it is about are about drift, and of no other kind than there is", () => {
    const { kind: _, ...older } = event;
    expect(readAlertEvent(JSON.stringify(older))?.kind).toBe("drift");
    expect(readAlertEvent(JSON.stringify({ ...event, kind: "performance" }))?.kind).toBe("performance");
    expect(readAlertEvent(JSON.stringify({ ...event, kind: "weather" }))).toBeUndefined();
  });

  test.each(["", "null", "[]", '{"type":"other"}', '{"type":"millrace.alert.firing","id":7}'])("%j is none", (text) => {
    expect(readAlertEvent(text)).toBeUndefined();
  });
});
