import { expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { nodeHasher, systemClock } from "../../../src/adapters/node/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { fitLogistic, versionFiles } from "../../../src/model/index.ts";
import { createAliasModelSource } from "../../../src/runtime/control/alias-models.ts";
import { writeAlias } from "../../../src/runtime/control/aliases.ts";
import { manifestOf } from "../../support/manifest.ts";

const controlTopic = "shop.control";
const { signal } = new AbortController();

test("a served version says which input lies outside what it was trained on, and in how many rows", async () => {
  const topics = [{ topic: controlTopic, partitions: 1, replication: 1, configs: { "cleanup.policy": "compact" } }];
  const common = { clock: systemClock, logger: silentLogger };
  const broker = createMemoryBroker({ ...common, codecs: await createCodecs(), bytesMax: 1_000_000, topics });
  const signature = { task: "binary", inputs: [{ name: "amount", kind: "number" }] } as const;
  const rows = { inputs: Float64Array.from([0, 1, 2, 3]), labels: Float64Array.from([0, 1, 0, 1]), width: 1 };
  const version = { learner: "logistic", signature, model: fitLogistic(rows), metrics: null } as const;
  const files = versionFiles({ ...version, manifest: manifestOf() }, nodeHasher);
  const warned: object[] = [];
  const source = createAliasModelSource({
    ...common,
    broker,
    controlTopic,
    artefacts: {
      read: async () => files,
      remove: async () => undefined,
      versions: async () => [4],
      prepare: async () => undefined,
      write: async () => 5,
    },
    openTfjs: async () => {
      throw new Error("no model here is of that kind");
    },
    hasher: nodeHasher,
    logger: { ...silentLogger, warn: (fields, msg) => void warned.push({ ...fields, msg }) },
  });
  try {
    await writeAlias(broker, controlTopic, { model: "fraud", alias: "champion", version: 4 }, 0, signal);
    const { scorer } = await source.load("fraud", "champion", signal);
    const into = new Float64Array(2);
    await scorer.score(Float64Array.from([2.5, 4.5]), 2, into, 0);
    expect(warned).toEqual([]);
    await scorer.score(Float64Array.from([4.6, -9]), 2, into, 0);
    expect(warned).toEqual([
      {
        code: "MR_INPUT_RANGE",
        model: "fraud",
        version: 4,
        input: "amount",
        rows: 2,
        msg: "An input lies far outside what the model was trained on; it is held to that range.",
      },
    ]);
  } finally {
    await source.close();
    await broker.close();
  }
});
