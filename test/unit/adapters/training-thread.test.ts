import { afterEach, describe, expect, test } from "vitest";
import { openTrainerThread } from "../../../src/adapters/training-thread/index.ts";
import type { Signature } from "../../../src/model/index.ts";
import {
  FeatureBuffer,
  type FeatureChunk,
  LabelBuffer,
  type LabelChunk,
  openTrainerHere,
  type Trainer,
} from "../../../src/training/index.ts";

import { planOf } from "../../support/challenges.ts";

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

function features(count: number, width = 1, timeMs = (i: number): number => i): FeatureChunk {
  const buffer = new FeatureBuffer();
  for (let i = 0, at = 0; i < count; i++) {
    buffer.add(`t-0-${i}`, timeMs(i), `k${i}`);
    for (let input = 0; input <= width; input++, at++) buffer.addInput(Math.sin(at));
    if (width === 1) buffer.addText(["FR", "DE", null][i % 3] ?? null);
  }
  return buffer.taken();
}

function labels(count: number): LabelChunk {
  const buffer = new LabelBuffer();
  for (let i = 0; i < count; i++) buffer.add(`t-0-${i}`, i, `k${i}`, i % 3 === 0 ? 1 : 0);
  return buffer.taken();
}

describe("training in a thread", () => {
  test("answers what training in the calling thread answers, and tells of each iteration", async () => {
    const results = [];
    for (const trainer of [open(), openTrainerHere(signature)]) {
      trainer.addFeatures(features(300));
      trainer.addLabels(labels(300));
      const losses: number[] = [];
      results.push([await trainer.train((_, loss) => losses.push(loss), signal), losses]);
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.[1]).not.toEqual([]);
  });

  test("fits a network, and goes on from one, as in the calling thread: to the same weights", async () => {
    const models = [];
    for (const opener of [open, openTrainerHere]) {
      const fresh = opener(signature);
      fresh.addFeatures(features(300));
      fresh.addLabels(labels(300));
      const first = await fresh.train(() => undefined, signal, { candidates: ["mlp"], seed: 3 });
      const next = opener(signature);
      next.addFeatures(features(400));
      next.addLabels(labels(400));
      const start = { learner: first.learner, model: first.model };
      const warm = await next.train(() => undefined, signal, { candidates: ["mlp"], seed: 3, start });
      models.push([first.learner, first.model, warm.model]);
    }
    expect(models[0]).toEqual(models[1]);
    expect(models[0]?.[0]).toBe("mlp");
    expect(models[0]?.[2]).not.toEqual(models[0]?.[1]);
  });

  test("challenges as in the calling thread, and by a clock that goes", async () => {
    const results = [];
    for (const trainer of [open(), openTrainerHere(signature)]) {
      trainer.addFeatures(features(1_000));
      trainer.addLabels(labels(1_000));
      const result = await trainer.challenge(() => undefined, signal, planOf({ mode: "warm" }));
      results.push(result);
    }
    const [there, here] = results;
    expect(there?.accepted).toEqual(here?.accepted);
    expect(there?.accepted).toBeDefined();
    expect(there?.warnings).toEqual(here?.warnings);
    const p99Ms = results.map(
      ({ decision }) => decision.checks.find(({ name }) => name === "latency")?.numbers["p99Ms"],
    );
    expect(p99Ms[0]).toBeGreaterThan(0);
    expect(p99Ms[1]).toBe(0);
  });

  test("takes the arrays of a chunk with it, so that nothing is held twice", () => {
    const trainer = open();
    const [given, known] = [features(3), labels(3)];
    trainer.addFeatures(given);
    trainer.addLabels(known);
    const arrays = [given, known].flatMap(({ eventIds, timesMs, joinKeys }) => [
      ...[eventIds.bytes, eventIds.ends, timesMs, joinKeys.bytes, joinKeys.ends],
    ]);
    for (const array of [...arrays, given.inputs, known.labels]) expect(array.length).toBe(0);
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
    trainer.addFeatures(features(3));
    trainer.addFeatures(features(3, 1, () => 9));
    trainer.addFeatures(features(3, 1, () => 8));
    const failed = expect.objectContaining({ code: "MR_TRAINING", message: expect.stringContaining("made anew") });
    await expect(trainer.train(() => undefined, signal)).rejects.toEqual(failed);
    expect(() => trainer.addFeatures(features(3))).toThrow("made anew");
  });

  test("a failure that is known is the answer at once, since the thread says nothing after it", async () => {
    const trainer = open();
    trainer.addFeatures(features(3));
    trainer.addFeatures(features(3, 1, () => 9));
    for (let isKnown = false; !isKnown; ) {
      await new Promise(setImmediate);
      try {
        trainer.expect("labels", 1);
      } catch {
        isKnown = true;
      }
    }
    await expect(trainer.train(() => undefined, signal)).rejects.toThrow("made anew");
  });

  // A loop that never ended was deaf to both signals: it ran in the thread that should have heard them.
  test("ends in the middle of a fit that takes long, while the caller's own thread goes on", async () => {
    const wide: Signature = {
      task: "binary",
      inputs: Array.from({ length: 400 }, (_, i) => ({ name: `x${i}`, kind: "number" })),
    };
    const trainer = open(wide);
    trainer.addFeatures(features(20_000, 399));
    trainer.addLabels(labels(20_000));
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
