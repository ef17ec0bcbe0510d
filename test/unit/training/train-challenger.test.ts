import { describe, expect, test } from "vitest";
import { nodeHasher } from "../../../src/adapters/node/index.ts";
import { checksumsFile, openArtefact, versionFiles, withChecksums } from "../../../src/model/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import {
  type ChallengerRequest,
  gateDefaults,
  type RowSource,
  trainChallenger,
  trainVersion,
} from "../../../src/training/index.ts";
import { MemoryArtefacts, requestOf, topicsOf } from "../../support/challenger-requests.ts";
import { drawing } from "../../support/challenges.ts";
import { manifestOf } from "../../support/manifest.ts";

const never = new AbortController().signal;
const minute = 60_000;

/** Rows a minute apart from 1970-01-01, the label five minutes later: how often it is true, x says. */
function history(count: number, badIf: (x: number, row: number) => number = (x) => x, from = 0) {
  const draw = drawing(5);
  const features: Row[] = [];
  const labels: Row[] = [];
  for (let i = 0; i < count; i++) {
    const [x, chance] = [draw(), draw()];
    if (i < from) continue;
    const at = i * minute;
    features.push({ event_id: `f-${i}`, id: `p${i}`, at, x, shop: ["north", "south"][i % 2] });
    labels.push({ event_id: `l-${i}`, id: `p${i}`, at: at + 5 * minute, is_bad: chance < badIf(x, i) });
  }
  return { features, labels };
}

/** A first version out of 1,000 rows, which nothing stood beside. */
async function withChampion(artefacts = new MemoryArtefacts()) {
  const { features, labels } = history(1_000);
  const outcome = await trainChallenger(requestOf(topicsOf(features, labels), artefacts), never);
  return { artefacts, outcome };
}

async function challenged(
  artefacts: MemoryArtefacts,
  { features, labels }: ReturnType<typeof history>,
  given: Partial<ChallengerRequest> = {},
  signal = never,
) {
  return trainChallenger(requestOf(topicsOf(features, labels), artefacts, { champion: 1, ...given }), signal);
}

describe("a challenger reads of the features", () => {
  /** A topic of which each row stands for so many offsets, as far as it is asked for. */
  const ofLarge = (offsetsPerRow: number, given: Partial<ChallengerRequest>) => {
    const asked: (number | undefined)[] = [];
    const { features, labels } = history(2_000);
    const rows: RowSource = async (topic, reader, visitor, signal, newest) => {
      if (topic === "labels") return topicsOf(features, labels)(topic, reader, visitor, signal);
      asked.push(newest);
      const count = Math.min(features.length, Math.floor((newest ?? Number.POSITIVE_INFINITY) / offsetsPerRow));
      const result = await topicsOf(features.slice(features.length - count), labels)(topic, reader, visitor, signal);
      const older = offsetsPerRow * (features.length - count);
      return { ...result, ...(older === 0 ? {} : { older }) };
    };
    return { asked, request: requestOf(rows, new MemoryArtefacts(), given) };
  };
  const gate = { ...gateDefaults, recent: { rowsMin: 100, rowsMax: 120 } };

  // All rows of a topic were held in the process that scores, whatever `rows` said.
  test("no more than the newest that are needed, and comes to the same", async () => {
    const { asked, request } = ofLarge(500, { newestRows: 600, gate });
    const outcome = await trainChallenger(request, never);
    expect(asked).toEqual([500_000]);
    // 1,000 rows of 2,000; the newest fifth of them is measured on, and 600 before it are learned from.
    expect(outcome).toMatchObject({ trainRows: 595, validationRows: 200, warnings: [] });
  });

  test("four times as many where too few of them have a label", async () => {
    const { asked, request } = ofLarge(1_000, { newestRows: 600, gate });
    const outcome = await trainChallenger(request, never);
    expect(asked).toEqual([500_000, 2_000_000]);
    const whole = ofLarge(1, { newestRows: 600, gate });
    expect(outcome).toEqual(await trainChallenger(whole.request, never));
    expect(whole.asked).toEqual([500_000]);
  });

  test("no more than fit into memory, and says how many were left out", async () => {
    const { asked, request } = ofLarge(10_000, { newestRows: 600, gate });
    const { warnings, validationRows } = await trainChallenger(request, never);
    expect(asked).toEqual([500_000, 2_000_000, 8_000_000]);
    expect(validationRows).toBe(160);
    expect(warnings).toEqual(["12000000 older records of topic features were not read: no more than 8000000 are"]);
  });

  test("more than that for who asks for as many rows, and all without a number", async () => {
    const { asked, request } = ofLarge(1, { newestRows: 3_000_000, gate });
    await trainChallenger(request, never);
    expect(asked).toEqual([12_001_440]);
    const all = ofLarge(10_000, { gate });
    await trainChallenger(all.request, never);
    expect(all.asked).toEqual([undefined]);
  });
});

describe("a challenger", () => {
  test("that nothing stands beside is accepted, and learns all rows", async () => {
    const { artefacts, outcome } = await withChampion();
    expect(outcome).toMatchObject({ version: 1, trainRows: 795, validationRows: 200, labelledAfterSplit: 5 });
    expect(outcome.decision).toMatchObject({ kind: "accepted" });
    expect(outcome.decision.checks.map(({ name, outcome: of }) => [name, of])).toEqual([
      ["recent", "skipped"],
      ["before", "skipped"],
      ["latency", "passed"],
      ["size", "passed"],
    ]);
    expect(artefacts.json(1, "manifest.json")).toMatchObject({
      rows: { train: 1_000, validation: 200 },
      splitAt: "1970-01-01T13:20:00.000Z",
      learnedUntil: "1970-01-01T16:39:00.001Z",
    });
  });

  test("that is accepted is a version with what the gate said of it, under a checksum like all else", async () => {
    const { artefacts } = await withChampion();
    const outcome = await challenged(artefacts, history(2_000), { cause: "age" });
    expect(outcome).toMatchObject({
      version: 2,
      decision: { kind: "accepted" },
      trainRows: 1_495,
      validationRows: 500,
    });
    const gate = artefacts.json(2, "gate.json");
    expect(gate).toMatchObject({
      kind: "accepted",
      cause: "age",
      champion: 1,
      championLearnedUntil: "1970-01-01T16:39:00.001Z",
      settings: gateDefaults,
    });
    expect(gate["checks"]).toEqual(outcome.decision.checks);
    const recent = outcome.decision.checks[0]!;
    expect(recent).toMatchObject({ name: "recent", outcome: "passed", numbers: { rows: 500 } });
    expect(recent.text).toContain("of version 1, on 500 rows that neither has learned from");
    expect(openArtefact(artefacts.held[1]!, "bad/2", nodeHasher).kind).toBe("logistic");
    expect(new TextDecoder().decode(artefacts.held[1]!.get(checksumsFile))).toContain("gate.json");
    expect(artefacts.json(2, "manifest.json")).toMatchObject({
      rows: { train: 2_000 },
      learnedUntil: "1970-01-02T09:19:00.001Z",
    });
  });

  test("that learns from the newest rows alone says from which event time on", async () => {
    const { artefacts } = await withChampion();
    await challenged(artefacts, history(2_000), { cause: "age", newestRows: 600 });
    await challenged(artefacts, history(2_000), { cause: "age", newestRows: 2_000 });
    // A row a minute: the newest 600 of 2,000 begin with row 1,400.
    expect(artefacts.json(2, "manifest.json")).toMatchObject({
      rows: { train: 600 },
      eventTimes: { from: "1970-01-01T23:20:00.000Z", to: null },
    });
    expect(artefacts.json(3, "manifest.json")).toMatchObject({ eventTimes: { from: null, to: null } });
  });

  test("that is worse than the champion on the newest rows is no version", async () => {
    const { artefacts } = await withChampion();
    const lied = history(2_000, (x, row) => (row < 1_500 ? 1 - x : x));
    const outcome = await challenged(artefacts, lied, { newestRows: 500 });
    expect(outcome).toMatchObject({ version: undefined, decision: { kind: "rejected" } });
    expect(outcome.decision.reason).toContain("recent: log loss");
    expect(outcome.decision.reason).toContain("significantly worse");
    expect(outcome.metrics?.rows).toBe(500);
    expect(artefacts.held).toHaveLength(1);
  });

  test("waits while fewer rows are new than the gate wants to see", async () => {
    const { artefacts } = await withChampion();
    const outcome = await challenged(artefacts, history(1_299));
    expect(outcome).toMatchObject({ version: undefined, decision: { kind: "undecided", checks: [] } });
    expect(outcome.decision.reason).toBe(
      "299 rows have a label from 1970-01-01T16:39:00.001Z on, which the champion has not learned from, and 300 are needed to compare (gate.recent.rowsMin)",
    );
    expect((await challenged(artefacts, history(1_300))).decision.kind).toBe("accepted");
  });

  test("takes the newest half of what is new, and no more than the gate asks for", async () => {
    const { artefacts } = await withChampion();
    const recentOf = async (rowsMin: number, rowsMax: number, count: number) =>
      (await challenged(artefacts, history(count), { gate: { ...gateDefaults, recent: { rowsMin, rowsMax } } }))
        .validationRows;
    expect(await recentOf(100, 5_000, 1_500)).toBe(250);
    expect(await recentOf(300, 5_000, 1_500)).toBe(300);
    expect(await recentOf(100, 120, 1_500)).toBe(120);
  });

  test("learns from so many of the newest rows as it is told to, before the checks and after", async () => {
    const { artefacts } = await withChampion();
    const outcome = await challenged(artefacts, history(2_000), { newestRows: 700 });
    // Of 700 rows before the recent ones the labels of five were not known when those begin.
    expect(outcome.trainRows).toBe(695);
    expect(artefacts.json(2, "manifest.json")).toMatchObject({ rows: { train: 700 } });
  });

  test("is undecided while rows to learn from are of one class", async () => {
    const { artefacts } = await withChampion();
    const outcome = await challenged(
      artefacts,
      history(2_000, () => 0),
    );
    expect(outcome).toMatchObject({ version: undefined, decision: { kind: "undecided" } });
    expect(outcome.decision.reason).toBe("all 1495 rows to learn from are negative; both classes are needed");
  });
});

describe("a champion", () => {
  const files = (held: MemoryArtefacts) => new Map(held.held[0]);

  test.each([
    ["is not there", (held: MemoryArtefacts) => void held.held.splice(0), "the models directory has no such version"],
    [
      "is damaged",
      (held: MemoryArtefacts) => {
        held.held[0] = files(held).set("weights.json", new Uint8Array(3));
      },
      "weights.json was changed after it was written",
    ],
    [
      "takes other inputs",
      (held: MemoryArtefacts) => {
        const signature = { kind: "logistic", task: "binary", inputs: [{ name: "y", kind: "number" }] };
        const changed = files(held)
          .set("signature.json", Buffer.from(JSON.stringify(signature)))
          .set("encoder.json", Buffer.from('{"inputs":[null]}'))
          .set("scaler.json", Buffer.from('{"mean":[0],"scale":[1],"low":[0],"high":[1]}'));
        changed.delete(checksumsFile);
        held.held[0] = withChecksums(changed, nodeHasher);
      },
      "its inputs are y (number), and those of the topology are x (number), shop (category)",
    ],
  ])("that %s is a reason, and the challenger is held to no skill", async (_, spoil, reason) => {
    const { artefacts } = await withChampion();
    spoil(artefacts);
    const outcome = await challenged(artefacts, history(2_000));
    expect(outcome.decision.kind).toBe("accepted");
    const { text, outcome: of } = outcome.decision.checks[0]!;
    expect(of).toBe("passed");
    expect(text).toContain("of no skill, since version 1 cannot serve: ");
    expect(text).toContain(reason);
    // What knows nothing but how often the label was true does not pass for a model: on turned labels it is better.
    spoil(artefacts);
    const turned = history(2_000, (x, row) => (row < 1_500 ? x : 1 - x));
    expect((await challenged(artefacts, turned)).decision.kind).toBe("rejected");
  });

  test("that was made elsewhere is not passed over unseen", async () => {
    const { artefacts } = await withChampion();
    const signature = {
      kind: "tfjs-layers",
      task: "binary",
      inputs: [
        { name: "x", kind: "number" },
        { name: "shop", kind: "category" },
      ],
    };
    const changed = files(artefacts).set("signature.json", Buffer.from(JSON.stringify(signature)));
    changed.delete(checksumsFile);
    artefacts.held[0] = withChecksums(changed, nodeHasher);
    const { decision, version } = await challenged(artefacts, history(2_000));
    expect([decision.kind, version]).toEqual(["undecided", undefined]);
    expect(decision.reason).toBe("version 1 cannot be compared with: it was not trained here; promote by hand");
  });

  test("of an older way of training has learned what lies before its split", async () => {
    const { artefacts } = await withChampion();
    const opened = openArtefact(artefacts.held[0]!, "bad/1", nodeHasher);
    const { learnerOf } = await import("../../../src/model/index.ts");
    const model = learnerOf("logistic").read(opened, "bad/1");
    const manifest = manifestOf({ splitAt: "1970-01-01T16:40:00.000Z" });
    artefacts.held[0] = versionFiles(
      { learner: "logistic", signature: opened.signature, model, metrics: null, manifest },
      nodeHasher,
    );
    expect((await challenged(artefacts, history(2_000))).validationRows).toBe(500);
    expect((await challenged(artefacts, history(1_299))).decision.reason).toContain("299 rows have a label");
  });
});

describe("labels that are missing", () => {
  /** Only what is bad is reported, by a key that is seen every two minutes. */
  const reported = ({ features, labels }: ReturnType<typeof history>, out: (row: number) => boolean) => ({
    features,
    labels: labels.filter(({ is_bad }, i) => is_bad === true && !out(i)),
  });
  const label = { topic: "labels", on: "id", field: undefined, withinMs: 10 * minute, matureAfterMs: 10 * minute };

  test("mean false once they are ripe, and the same is learned as from labels that say so", async () => {
    const { artefacts } = await withChampion();
    const outcome = await challenged(
      artefacts,
      reported(history(2_000), () => false),
      { label },
    );
    expect(outcome.decision.kind).toBe("accepted");
    // The last rows are not ripe, or were reported before.
    expect(outcome.unlabelled).toBeGreaterThan(0);
    expect(outcome.unlabelled).toBeLessThan(20);
  });

  test("because their topic is out, lead to no training", async () => {
    const { artefacts } = await withChampion();
    // All but one in thirty of the reports of the newest rows are lost; the last one says that time goes on.
    const outcome = await challenged(
      artefacts,
      reported(history(2_000), (row) => row > 1_500 && row < 1_999 && row % 30 > 0),
      { label },
    );
    expect(outcome).toMatchObject({ version: undefined, decision: { kind: "undecided" } });
    expect(outcome.decision.reason).toMatch(/^INSUFFICIENT\(labels\): of \d+ rows /);
    expect(artefacts.held).toHaveLength(1);
  });

  test("because their topic stands still, are waited for", async () => {
    const { artefacts } = await withChampion();
    const outcome = await challenged(
      artefacts,
      reported(history(2_000), (row) => row > 1_200),
      { label },
    );
    expect(outcome.decision.kind).toBe("undecided");
    expect(outcome.decision.reason).toContain("and 300 are needed to compare");
  });
});

describe("a slice", () => {
  /** In the south the newest labels are turned, and what is learned is so too: there the challenger is better, and worse in the north. */
  const split = () => history(2_000, (x, row) => (row >= 1_000 && row < 1_500 ? 1 - x : x));

  test("that loses more than the floor is named by its value, and not where the field is sensitive", async () => {
    const { artefacts } = await withChampion();
    const gate = { ...gateDefaults, recent: { rowsMin: 300, rowsMax: 5_000 }, slices: ["shop"], sliceFloor: -10 };
    const outcome = await challenged(artefacts, split(), { gate });
    const slice = outcome.decision.checks.find(({ name }) => name === "slice")!;
    expect(slice).toMatchObject({ outcome: "failed", numbers: { rows: 250, values: 2, largeValues: 2, floor: -10 } });
    expect(slice.text).toMatch(/^shop value [01]: mean loss/);
    expect(slice.text).not.toMatch(/north|south/);
    expect(outcome.decision.kind).toBe("rejected");
  });
});

describe("a version", () => {
  test("takes along what makes probabilities of its scores", async () => {
    const artefacts = new MemoryArtefacts();
    // A step is no line in the logit: scores near it are wrong, and a map mends that.
    const { features, labels } = history(3_000, (x) => (x > 0.5 ? 0.9 : 0.1));
    await trainChallenger(requestOf(topicsOf(features, labels), artefacts), never);
    const { kind, scores, probabilities } = artefacts.json(1, "calibration.json") as Record<string, unknown>;
    expect(kind).toBe("isotonic");
    expect((scores as number[]).length).toBe((probabilities as number[]).length);
    await trainVersion({ ...requestOf(topicsOf(features, labels), artefacts), promote: async () => undefined }, never);
    expect(artefacts.json(2, "calibration.json")).toMatchObject({ kind: "isotonic" });
  });
});

describe("a champion with categories", () => {
  test("is asked in its own codes, whatever those of the challenger are", async () => {
    const artefacts = new MemoryArtefacts();
    // The shop decides. Which of two is more frequent, and so comes first, changes after the champion has learned.
    const given = (count: number) => {
      const { features, labels } = history(count);
      const shops = features.map((_, i) => ((i < 1_000 ? i % 3 === 0 : i % 3 !== 0) ? "north" : "south"));
      return {
        features: features.map((row, i) => ({ ...row, shop: shops[i] })),
        labels: labels.map((row, i) => ({ ...row, is_bad: (shops[i] === "north") !== (i % 10 === 0) })),
      };
    };
    const first = given(1_000);
    await trainChallenger(requestOf(topicsOf(first.features, first.labels), artefacts), never);
    const { decision } = await challenged(artefacts, given(2_400), { newestRows: 600 });
    const { lossChallenger, lossOther } = decision.checks[0]!.numbers as Record<string, number>;
    // One in ten is the other way round: both know that, at 0.325 nats, and turned codes would cost 2.
    expect(lossOther).toBeLessThan(0.4);
    expect(lossChallenger).toBeLessThan(0.4);
  });
});

describe("cancelling", () => {
  test.each(["features", "labels", "fit"] as const)(
    "in the phase %s ends with the reason, and leaves no version",
    async (phase) => {
      const { artefacts } = await withChampion();
      const stop = new AbortController();
      const progress: ChallengerRequest["progress"] = (at) => {
        if (at === phase) stop.abort(new Error("cancelled"));
      };
      await expect(challenged(artefacts, history(2_000), { progress }, stop.signal)).rejects.toThrow("cancelled");
      expect(artefacts.held).toHaveLength(1);
    },
  );
});
