import { describe, expect, test } from "vitest";
import { runPlannedTest } from "../../../src/testing/index.ts";
import { examplePlan, planOf } from "./plans.ts";

/** What each case of the example says, its text changed by `edit`. */
async function outcomes(edit: (text: string) => string): Promise<Record<string, readonly string[]>> {
  const plan = examplePlan("card-fraud", edit);
  const entries = plan.tests.map(async (planned) => [planned.name, await runPlannedTest(plan, planned)] as const);
  return Object.fromEntries((await Promise.all(entries)).filter(([, lines]) => lines.length > 0));
}

test.each(["card-fraud", "cloudevents", "debezium", "flights", "webhook"] as const)(
  "every case of %s holds",
  async (name) => {
    const plan = examplePlan(name);
    expect(plan.tests.length).toBeGreaterThan(2);
    for (const planned of plan.tests) expect(await runPlannedTest(plan, planned), planned.name).toEqual([]);
  },
);

test("reads Debezium's changes under /payload too, as its file says, when the converter sends schemas along", async () => {
  const plan = examplePlan("debezium", (text) => {
    const [, enabled] = /# {3}- extract: (.*)/.exec(text) ?? [];
    return text
      .replace(
        /- extract: \{ customer_id: .*/,
        `- extract: ${enabled?.replace(" }", "")}, customer_id: /payload/after/customer_id, changed_at: /payload/ts_ns }`,
      )
      .replace('{"before":null,"after"', '{"schema":{"type":"struct"},"payload":{"before":null,"after"')
      .replace(
        '"ts_ns":1767259800123456789}\n    expect:\n      records:',
        '"ts_ns":1767259800123456789}}\n    expect:\n      records:',
      );
  });
  const [planned] = plan.tests;
  expect(planned && (await runPlannedTest(plan, planned))).toEqual([]);
});

describe("a case that does not hold", () => {
  test("shows each field that differs", async () => {
    const found = await outcomes((text) =>
      text.replace("amount_mean_1h: 20, amount_max_1d: 30", "amount_mean_1h: 20.0000001, amount_max_1d: 31"),
    );
    expect(found).toEqual({
      "a window holds the payments of one customer": [
        "records[2].amount_mean_1h: expected 20.0000001, got 20",
        "records[2].amount_max_1d: expected 31, got 30",
      ],
    });
  });

  test("shows how many records came and which counts differ", async () => {
    const found = await outcomes((text) =>
      text
        .replace("expect: { filtered: 1, records: [] }", "expect: { filtered: 0, late: 1, records: [{ amount: 1 }] }")
        .replace("deadLetters: [MR_PARSE]", "deadLetters: [MR_CAST]"),
    );
    expect(found).toEqual({
      "a refund is dropped": ["filtered: expected 0, got 1", "late: expected 1, got 0", "records: expected 1, got 0"],
      "what is not JSON goes to the dead letters": [
        'deadLetters: expected ["MR_CAST"], got ["MR_PARSE"]',
        expect.stringMatching(/^dead letter MR_PARSE: reading \w+: the value is not JSON/),
      ],
    });
  });

  test("says which record died when it was not expected to", async () => {
    const found = await outcomes((text) => text.replace('amount: "12.50", country', 'amount: "much", country'));
    expect(found["text becomes a number and a time where cast says so"]).toEqual([
      "records: expected 1, got 0",
      expect.stringMatching(/^dead letter MR_CAST: field amount/),
    ]);
  });
});

test("doubles are the same within 1e-9 of their size, and times however they are written", async () => {
  const found = await outcomes((text) =>
    text
      .replace("amount_mean_1h: 20,", "amount_mean_1h: 20.000000019,")
      .replace(
        "records: [{ payment_id: p1, paid_at: 2026-01-01T09:00:00Z,",
        "records: [{ payment_id: p1, paid_at: 1767258000000,",
      ),
  );
  expect(found).toEqual({});
});

test("a stub may calculate from the features, and a null stays null for it", async () => {
  const found = await outcomes((text) =>
    text.replace(
      "with: { models: { card-fraud: 0.93 } }",
      'with: { models: { card-fraud: "coalesce(amount_mean_1h, 0.03) + amount / 1000.0" } }',
    ),
  );
  expect(found).toEqual({});
});

test("Avro from others is read in a schema that fits the row, text and bytes alike", async () => {
  const plan = planOf(`
apiVersion: millrace/v1
kind: Topology
name: avro-in
delivery: at-least-once
topics:
  inbox: { external: true }
  raw: { schema: payment-raw, key: customer_id, time: paid_at, partitions: 1 }
stages:
  - name: ingest
    from: { topic: inbox, format: avro, ahead: 10min }
    to: raw
    steps:
      - cast: { paid_at: timestamp-millis, amount: double }
tests:
  - name: text is cast
    stage: ingest
    given: [{ payment_id: p, customer_id: c, terminal_id: t, paid_at: 2026-01-01T00:00:00Z, amount: "2.5" }]
    expect: { records: [{ amount: 2.5, paid_at: 2026-01-01T00:00:00Z }] }
  - name: no framing
    stage: ingest
    given: ["hello"]
    expect: { deadLetters: [MR_DECODE_MAGIC] }
  - name: an event from the far future
    stage: ingest
    given: [{ payment_id: p, customer_id: c, terminal_id: t, paid_at: 2099-01-01T00:00:00Z }]
    expect: { records: [], deadLetters: [MR_CAST] }
`);
  for (const planned of plan.tests) expect(await runPlannedTest(plan, planned), planned.name).toEqual([]);
});

test("whole numbers beyond 2^53 are compared digit by digit, and a double with the number that it is", async () => {
  const numbers = {
    type: "record",
    name: "Numbers",
    fields: [
      { name: "event_id", type: "string" },
      { name: "k", type: "string" },
      { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
      { name: "id", type: "long" },
      { name: "x", type: "double" },
    ],
  };
  const expecting = (record: string, to: string): Promise<readonly string[]> => {
    const plan = planOf(
      `apiVersion: millrace/v1
kind: Topology
name: large
delivery: at-least-once
topics:
  inbox: { format: json, external: true }
  raw: { schema: numbers, key: k, time: at, partitions: 1 }
stages:
  - { name: ingest, from: inbox, to: ${to} }
tests:
  - name: large
    stage: ingest
    given: ['{"k":"a","at":1767225600000,"id":9007199254740993,"x":9007199254740994}']
    expect: { records: [${record}] }
`,
      "t.yaml",
      { numbers },
    );
    const [planned] = plan.tests;
    if (planned === undefined) throw new Error("the plan has no test");
    return runPlannedTest(plan, planned);
  };
  for (const to of ["raw", "{ topic: raw, format: json }"]) {
    expect(await expecting("{ id: 9007199254740993, x: 9007199254740994 }", to)).toEqual([]);
    expect(await expecting("{ id: 9007199254740992 }", to)).toEqual([
      "records[0].id: expected 9007199254740992, got 9007199254740993",
    ]);
  }
});
