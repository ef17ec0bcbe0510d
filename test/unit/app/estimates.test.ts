/** What is estimated of a model that runs: from its training to the verdicts, all but Kafka being what a worker has. */
import { afterEach, expect, test } from "vitest";
import { createRoles } from "../../../src/app/roles.ts";
import type { RecordOut } from "../../../src/kernel/index.ts";
import { calibrated, calibrationOf } from "../../../src/model/index.ts";
import {
  encodeHeartbeat,
  heartbeatKey,
  type PartialRecord,
  partialSchema,
  type VerdictRecord,
  verdictKey,
} from "../../../src/monitor/index.ts";
import { readPartials, readVerdicts } from "../../../src/monitoring/index.ts";
import { eventually } from "../../support/deadline.ts";
import { CardFraud } from "./session.ts";

const never = new AbortController().signal;
const dayMs = 86_400_000;
const monitors = `
monitors:
  - name: model
    on: { predictions: payments.predictions, labels: payments.labels }
    window: 1d
    metrics: [estimated_accuracy]
alerts: { ageMax: 3650d }
`;

let scene: CardFraud | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

interface Predicted {
  readonly event_time: string;
  readonly score: number;
}

test("every prediction is in one window of its version, and a window's estimate is that of its predictions", async () => {
  const card = await CardFraud.open("exactly-once", [], monitors);
  scene = card;
  const { plan, broker, registry, logger, artefacts } = card;
  await card.feed(4_000);
  const chain = plan.stages.filter(({ infer, from }) => infer === undefined && !from.name.includes("predictions"));
  await (await card.run({ untilCaughtUp: true, stages: chain })).ended;
  await card.train();
  const calibration = calibrationOf((await artefacts.read("card-fraud", 1, never))!, "card-fraud/1")!;
  expect(calibration.counts.reduce((a, b) => a + b, 0)).toBeGreaterThan(100);
  expect(await (await card.run({ untilCaughtUp: true })).ended).toBe(0);

  const topics = plan.monitoring!.topics;
  const predictions = (await card.records("payments.predictions")).map(({ value }) => value as Predicted);
  const counted: PartialRecord[] = [
    ...(await readPartials(broker, registry, topics.partials.clusterName, ({ stage }) => stage === "score", never)),
  ];
  expect(counted.reduce((sum, { rows, late }) => sum + rows + late, 0)).toBe(predictions.length);
  expect(new Set(counted.map(({ baseline }) => baseline))).toEqual(new Set(["card-fraud/1"]));
  expect(new Set(counted.map(({ partition }) => partition)).size).toBe(4);

  // Nobody runs who would say how far tasks are: all of them are past today.
  const { id } = (await registry.lookUp(`${topics.partials.clusterName}-value`, partialSchema.json))!;
  const streamTimeMs = Date.now() + 3 * dayMs;
  const beats = [0, 1, 2, 3].map((partition): RecordOut => {
    const beat = { stage: "score", partition, streamTimeMs, isIdle: false };
    const [key, value] = [Buffer.from(heartbeatKey(beat)), encodeHeartbeat(beat, id)];
    return { topic: topics.partials.clusterName, partition: 0, timestampMs: Date.now(), key, value };
  });
  await broker.append(beats, never);

  const roles = createRoles({ plan, broker, registry, logger, artefacts });
  for (const role of roles) await role.start();
  const timer = setInterval(() => {
    for (const role of roles) role.tick(performance.now());
  }, 20);
  const verdicts = await eventually(15_000, "verdicts on windows that are over", async () => {
    const isEstimate = ({ field }: VerdictRecord) => field === "estimated_accuracy";
    const read = await readVerdicts(broker, registry, topics.verdicts.clusterName, isEstimate, never);
    return read.verdicts.length > 0 ? read.verdicts : undefined;
  });
  clearInterval(timer);
  for (const role of roles) await role.drain();

  expect(new Set(verdicts.map(verdictKey))).toEqual(new Set(["model/estimated_accuracy"]));
  const judged = verdicts.filter(({ m }) => m >= 100);
  expect(judged.length).toBeGreaterThan(0);
  for (const { fromMs, value, m, n, kind, baseline, reference } of judged) {
    const own = predictions.filter(({ event_time }) => Math.floor(Date.parse(event_time) / dayMs) * dayMs === fromMs);
    const right = own.map(({ score }) => {
      const p = calibration.map === "identity" ? score : calibrated(calibration.map, score);
      return score >= 0.5 ? p : 1 - p;
    });
    // None is late here, and a cell is at most 1/64 wide.
    expect([m, own.length]).toEqual([own.length, m]);
    expect(Math.abs(value! - right.reduce((a, b) => a + b, 0) / own.length)).toBeLessThan(1 / 64);
    expect(n).toBe(calibration.counts.reduce((a, b) => a + b, 0));
    expect([baseline, ["OK", "DRIFT"].includes(kind)]).toEqual(["card-fraud/1", true]);
    expect(reference).toBeGreaterThan(0.5);
  }
}, 60_000);
