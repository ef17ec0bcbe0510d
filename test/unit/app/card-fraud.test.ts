import { afterEach, describe, expect, test } from "vitest";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import { eventually } from "../../support/deadline.ts";
import { CardFraud, type LoggedCounts } from "./session.ts";

const deadlineMs = 15_000;
let scene: CardFraud | undefined;

afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

/** R4, for a stage as it logs itself. */
function expectBalance(name: string, counts: LoggedCounts | undefined): void {
  const { in: read = Number.NaN, out = 0, filtered = 0, late = 0, deadLetters = 0 } = counts ?? {};
  expect(out + filtered + late + deadLetters, `${name}: ${JSON.stringify(counts)}`).toBe(read);
}

async function open(delivery: DeliveryMode = "exactly-once", without: readonly string[] = []): Promise<CardFraud> {
  scene = await CardFraud.open(delivery, without);
  return scene;
}

function whenReady(worker: { readonly isReady: boolean }): Promise<true> {
  return eventually(deadlineMs, "all stages to be ready", async () => (worker.isReady ? true : undefined));
}

test.each(["exactly-once", "at-least-once"] as const)(
  "card-fraud, %s: events become features, a model is trained, and the waiting stage takes it without a restart",
  async (delivery) => {
    const card = await open(delivery);
    const { worker, stop } = await card.run();
    await whenReady(worker);
    expect(await card.feed(2_000)).toBe(2_000);

    const sent = (await card.count("payments.inbox")) + (await card.count("payments.reports"));
    expect(sent).toBe(2_000);
    const reports = await card.count("payments.reports");
    const [raw, features] = await eventually(deadlineMs, "features and labels of all events", async () => {
      const letters = await card.count("card-fraud.dead-letters");
      const written = await card.count("payments.raw");
      const labels = await card.count("payments.labels");
      const made = await card.count("payments.features");
      const isThrough =
        written + letters + reports === sent && labels === reports && made === (await card.count("payments.clean"));
      return isThrough && made > 0.9 * written ? ([written, made] as const) : undefined;
    });
    expect(await card.count("payments.predictions")).toBe(0);
    expect(worker.isReady).toBe(true);

    const outcome = await card.train();
    expect(outcome).toMatchObject({ version: 1, undecodable: 0, untimed: 0 });
    // The sample is made to be told apart; 600 payments whose label was known in time, 3 % of them fraud, leave some play.
    expect(outcome.metrics?.auc).toBeGreaterThan(0.7);
    await eventually(deadlineMs, "a prediction for each feature row", async () =>
      (await card.count("payments.predictions")) >= features ? true : undefined,
    );
    expect(await stop()).toBe(0);

    const counts = card.counts();
    for (const stage of card.plan.stages) expectBalance(stage.name, counts[stage.name]);
    expect(counts["ingest"]?.out).toBe(raw);
    expect(counts["clean"]?.in).toBe(raw);
    expect(counts["features"]?.in).toBe(counts["clean"]?.out);
    expect(counts["score"]).toMatchObject({ in: features, out: features });
    expect(counts["clean"]?.filtered).toBeGreaterThan(0);
    expect(card.lines("Ready.")).toEqual([{ stages: ["ingest", "reports", "clean", "features", "score"] }]);

    const predictions = await card.records("payments.predictions");
    expect(predictions).toHaveLength(features);
    expect(new Set(predictions.map(({ value }) => (value as { event_id: string }).event_id)).size).toBe(features);
    for (const { key, value } of predictions) {
      expect(value).toMatchObject({ model: "card-fraud", model_version: 1, customer_id: key });
      const { score, review } = value as { score: number; review: boolean };
      expect(score >= 0 && score <= 1).toBe(true);
      expect(review).toBe(score >= 0.8);
    }
    const letters = await card.records("card-fraud.dead-letters");
    expect(letters).toHaveLength(counts["ingest"]?.deadLetters ?? -1);
    for (const { headers, value } of letters) {
      expect(headers).toContainEqual({ name: "millrace.code", value: "MR_PARSE" });
      expect(typeof value).toBe("string");
    }
  },
  60_000,
);

describe("a run until caught up", () => {
  test("ends with 0 when every stage has worked off what was there", async () => {
    const card = await open();
    await card.feed(2_000);
    const first = await card.run({ untilCaughtUp: true, stages: card.plan.stages.slice(0, 4) });
    expect(await first.ended).toBe(0);
    expect(card.counts()["clean"]?.in).toBe(await card.count("payments.raw"));
    await card.train();
    const second = await card.run({ untilCaughtUp: true });
    expect(await second.ended).toBe(0);
    expect(await card.count("payments.predictions")).toBe(await card.count("payments.features"));
    expect(card.counts()["clean"]).toMatchObject({ in: 0, out: 0 });
  }, 40_000);

  // It ended at once, with nothing read and a lag of 0.
  test("finishes the others when a stage waits for its model, ends with 1 and says what to do and what is left", async () => {
    const card = await open();
    await card.feed(300);
    const { ended } = await card.run({ untilCaughtUp: true });
    expect(await ended).toBe(1);
    const sentence = "waiting for model card-fraud: run millrace train";
    expect(card.lines(sentence)).toContainEqual({ stage: "score" });
    expect(card.lines(sentence).at(-1)).toEqual({ stage: "score", code: "MR_MODEL_MISSING" });
    const features = await card.count("payments.features");
    expect(features).toBeGreaterThan(200);
    const counts = card.counts();
    expect(counts["ingest"]?.in).toBe(await card.count("payments.inbox"));
    expect(counts["features"]).toMatchObject({ in: await card.count("payments.clean"), lag: 0 });
    expect(counts["score"]).toMatchObject({ in: 0, lag: await card.offsets("payments.features") });
  }, 30_000);
});

test("a stage that halts leaves the others running, takes the readiness away, and makes the end a 1", async () => {
  const card = await open();
  await card.point(7);
  const { worker, stop } = await card.run();
  await card.feed(200);
  await eventually(deadlineMs, "features, which need nothing of the halted stage", async () =>
    (await card.count("payments.features")) > 150 ? true : undefined,
  );
  expect(worker.isReady).toBe(false);
  expect(await stop()).toBe(1);
  expect(card.counts()).toMatchObject({
    score: { status: "halted", lag: await card.offsets("payments.features") },
    features: { status: "stopped" },
  });
  const halted = card.logged.filter(({ level }) => level === "error");
  expect(halted).toHaveLength(1);
  expect(JSON.stringify(halted)).toContain("the models directory has no such version");
}, 30_000);

test("a run whose stages are all halted ends by itself with 1", async () => {
  const card = await open();
  await card.point(7);
  const { ended } = await card.run({ stages: card.plan.stages.filter((stage) => stage.name === "score") });
  expect(await ended).toBe(1);
});

test("a run does not start when a topic is missing, and says which and what to do", async () => {
  const card = await open("exactly-once", ["payments.labels"]);
  const { ended } = await card.run();
  await expect(ended).rejects.toThrow("topic payments.labels does not exist; run millrace apply");
  expect(await card.count("payments.raw")).toBe(0);
});

test("a later version of the alias is adopted by a worker that runs, and scores what comes then", async () => {
  const card = await open();
  await card.feed(2_000);
  await (await card.run({ untilCaughtUp: true, stages: card.plan.stages.slice(0, 4) })).ended;
  await card.train();
  const { worker, stop } = await card.run();
  await whenReady(worker);
  await eventually(deadlineMs, "predictions", async () =>
    (await card.count("payments.predictions")) > 0 ? true : undefined,
  );
  expect((await card.train()).version).toBe(2);
  await eventually(deadlineMs, "the adoption", async () =>
    card.lines("A task scores with another version from here on.").find(({ version }) => version === 2),
  );
  expect(await stop()).toBe(0);
  // The first 2,000 come again, and are known to the stores: only what follows them is new.
  await card.feed(2_300);
  expect(await (await card.run({ untilCaughtUp: true })).ended).toBe(0);
  const versions = (await card.records("payments.predictions")).map(
    ({ value }) => (value as { model_version: number }).model_version,
  );
  expect(new Set(versions)).toEqual(new Set([1, 2]));
}, 60_000);
