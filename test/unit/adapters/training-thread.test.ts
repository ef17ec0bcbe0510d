import { afterEach, describe, expect, test } from "vitest";
import { openTrainerThread } from "../../../src/adapters/training-thread/index.ts";
import type { Signature } from "../../../src/model/index.ts";
import { type FeatureChunk, type LabelChunk, openTrainerHere, type Trainer } from "../../../src/training/index.ts";

const { signal } = new AbortController();
const signature: Signature = {
  task: "binary",
  inputs: [
    { name: "x", kind: "number" },
    { name: "country", kind: "category" },
  ],
};
const opened: Trainer[] = [];
afterEach(async () => {
  for (const trainer of opened.splice(0)) await trainer.close();
});

function open(of: Signature = signature): Trainer {
  const trainer = openTrainerThread(of);
  opened.push(trainer);
  return trainer;
}

function chunks(count: number, width = 1): { readonly features: FeatureChunk; readonly labels: LabelChunk } {
  const indices = Array.from({ length: count }, (_, i) => i);
  const columns = {
    eventIds: indices.map((i) => `t-0-${i}`),
    timesMs: indices,
    joinKeys: indices.map((i) => `k${i}`),
  };
  const inputs = new Float64Array(count * (width + 1)).map((_, i) => Math.sin(i));
  const texts = indices.map((i) => ["FR", "DE", null][i % 3] ?? null);
  const labels = indices.map((i) => (i % 3 === 0 ? 1 : 0));
  return { features: { ...columns, inputs, texts }, labels: { ...columns, labels } };
}

describe("training in a thread", () => {
  test("answers what training in the calling thread answers, and tells of each iteration", async () => {
    const { features, labels } = chunks(300);
    const results = [];
    for (const trainer of [open(), openTrainerHere(signature)]) {
      trainer.addFeatures(features);
      trainer.addLabels(labels);
      const losses: number[] = [];
      results.push([await trainer.train((_, loss) => losses.push(loss), signal), losses]);
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.[1]).not.toEqual([]);
  });

  test("an error keeps its code and sentence on the way", async () => {
    const trainer = open();
    await expect(trainer.train(() => undefined, signal)).rejects.toMatchObject({
      code: "MR_TRAINING",
      message: "training on 0 rows: the feature topic holds no rows in this range",
    });
  });

  test("the first failure is the answer, also to what is sent after it", async () => {
    const trainer = open();
    const { features } = chunks(3);
    trainer.addFeatures(features);
    trainer.addFeatures({ ...features, timesMs: [9, 9, 9] });
    trainer.addFeatures({ ...features, timesMs: [8, 8, 8] });
    const failed = expect.objectContaining({ code: "MR_TRAINING", message: expect.stringContaining("made anew") });
    await expect(trainer.train(() => undefined, signal)).rejects.toEqual(failed);
    expect(() => trainer.addFeatures(features)).toThrow("made anew");
  });

  // A loop that never ended was deaf to both signals: it ran in the thread that should have heard them.
  test("ends in the middle of a fit that takes long, while the caller's own thread goes on", async () => {
    const wide: Signature = {
      task: "binary",
      inputs: Array.from({ length: 400 }, (_, i) => ({ name: `x${i}`, kind: "number" })),
    };
    const trainer = open(wide);
    const { features, labels } = chunks(20_000, 399);
    trainer.addFeatures({ ...features, texts: [] });
    trainer.addLabels(labels);
    const stop = new AbortController();
    const training = trainer.train(() => undefined, stop.signal);
    let turns = 0;
    const turning = setInterval(() => turns++, 5);
    const ended = expect(training).rejects.toThrow("stopped by SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 200));
    stop.abort(new Error("stopped by SIGINT"));
    await ended;
    await trainer.close();
    clearInterval(turning);
    expect(turns).toBeGreaterThan(5);
  });

  test("a training that was stopped before it began does not begin", async () => {
    const trainer = open();
    await expect(trainer.train(() => undefined, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  });
});
