import { describe, expect, test } from "vitest";
import { type FedRecord, TopologyDriver } from "../../../src/testing/index.ts";
import { examplePlan } from "./plans.ts";

const payment = (id: string, amount: number | string, minute: number, customer = "c1"): FedRecord => ({
  value: {
    payment_id: id,
    customer_id: customer,
    terminal_id: "t1",
    paid_at: `2026-01-01T10:${String(minute).padStart(2, "0")}:00Z`,
    amount,
    country: "at",
  },
});

describe("a stage alone", () => {
  test("writes rows with the key and the event id of the record", async () => {
    const stage = new TopologyDriver(examplePlan("card-fraud")).stage("ingest");
    const fed = await stage.feed([payment("p1", "12.50", 0), payment("p2", 3, 1, "c2")]);
    expect(fed.records.map(({ key }) => key)).toEqual(["c1", "c2"]);
    expect(fed.rows).toMatchObject([
      { payment_id: "p1", amount: 12.5, paid_at: Date.UTC(2026, 0, 1, 10, 0), event_id: "payments.inbox-0-0" },
      { payment_id: "p2", amount: 3, event_id: "payments.inbox-0-1" },
    ]);
    expect(fed.counts).toEqual({ in: 2, out: 2, filtered: {}, late: 0, deadLetters: {} });
  });

  test("sets a record aside with its bytes, its code and its coordinate", async () => {
    const stage = new TopologyDriver(examplePlan("card-fraud")).stage("ingest");
    const headers = [{ name: "sent-by", value: Buffer.from("till-7") }];
    const fed = await stage.feed([payment("p1", 1, 0), { value: "not json", key: "k", headers }]);
    expect(fed.deadLetters).toHaveLength(1);
    const [letter] = fed.deadLetters;
    expect(letter?.code).toBe("MR_PARSE");
    expect(letter?.eventId).toBe("payments.inbox-0-1");
    expect(Buffer.from(letter?.value ?? []).toString()).toBe("not json");
    expect(letter?.headers).toMatchObject({
      "sent-by": "till-7",
      "millrace.stage": "ingest",
      "__streams.errors.offset": "1",
      "millrace.failed.at": "2050-01-01T00:00:00.000Z",
    });
    expect(fed.counts.deadLetters).toEqual({ MR_PARSE: 1 });
  });

  test("remembers from feed to feed, and knows nothing of another partition", async () => {
    const stage = new TopologyDriver(examplePlan("card-fraud")).stage("clean");
    expect((await stage.feed([payment("p1", 1, 0)])).counts.out).toBe(1);
    expect((await stage.feed([payment("p1", 1, 1)])).counts.filtered).toEqual({ duplicate: 1 });
    expect((await stage.feed([payment("p1", 1, 1)], { partition: 3 })).counts.out).toBe(1);
  });

  test("fills what a row leaves out with the zero of its type and an id of its own", async () => {
    const stage = new TopologyDriver(examplePlan("card-fraud")).stage("features");
    const fed = await stage.feed([{ value: { amount: 5 } }, { value: { amount: 7, event_id: "mine" } }]);
    expect(fed.rows).toMatchObject([
      { event_id: "given-1", customer_id: "", country: null, payments_1h: 1 },
      { event_id: "mine", amount_mean_1h: 6 },
    ]);
  });

  test("says when a stand-in for its model is missing", async () => {
    const stage = new TopologyDriver(examplePlan("card-fraud")).stage("score");
    await expect(stage.feed([{ value: { amount: 5 } }])).rejects.toThrow("nothing stands in for model card-fraud");
  });

  test("is named when the plan does not have it", () => {
    expect(() => new TopologyDriver(examplePlan("card-fraud")).stage("scoring")).toThrow(/no stage scoring; it has/);
  });
});

describe("a topology", () => {
  test("carries a record through every stage behind its topic", async () => {
    const driver = new TopologyDriver(examplePlan("card-fraud"), { models: { "card-fraud": 0.93 } });
    const sent = await driver.send("payments.inbox", [
      payment("p1", 10, 0),
      payment("p2", -4, 1),
      payment("p3", 30, 2),
      { value: "{" },
    ]);
    expect(sent.rows["payments.predictions"]).toMatchObject([
      { event_id: "payments.inbox-0-0", payment_id: "p1", model: "card-fraud", model_version: 1, score: 0.93 },
      { event_id: "payments.inbox-0-2", payment_id: "p3", review: true },
    ]);
    expect(sent.rows["payments.features"]?.[1]).toMatchObject({ payments_1h: 2, amount_mean_1h: 20 });
    expect(sent.deadLetters.map(({ code }) => code)).toEqual(["MR_PARSE"]);
    expect(sent.stages["clean"]?.counts).toMatchObject({
      in: 3,
      out: 2,
      filtered: { "amount == null || amount >= 0": 1 },
    });
  });

  test("goes on where the sending before ended", async () => {
    const driver = new TopologyDriver(examplePlan("card-fraud"), { models: { "card-fraud": 0.1 } });
    await driver.send("payments.inbox", [payment("p1", 10, 0)]);
    const second = await driver.send("payments.inbox", [payment("p2", 20, 1)]);
    expect(second.rows["payments.predictions"]).toMatchObject([{ event_id: "payments.inbox-0-1", review: false }]);
    expect(second.rows["payments.features"]).toMatchObject([{ payments_1h: 2, amount_max_1d: 20 }]);
  });

  test("refuses records for a topic that nobody reads", async () => {
    const driver = new TopologyDriver(examplePlan("card-fraud"));
    await expect(driver.send("payments.predictions", [])).rejects.toThrow("no stage reads topic payments.predictions");
  });
});
