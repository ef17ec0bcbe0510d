import { expect, test } from "vitest";
import { nodeHasher } from "../../../src/adapters/node/index.ts";
import { type ArtefactFiles, type Scorer, withChecksums } from "../../../src/model/index.ts";
import { proveVersion } from "../../../src/runtime/control/prove-version.ts";
import type { Plan } from "../../../src/topology/index.ts";

const never = new AbortController().signal;
const inputs = [{ name: "amount", kind: "number" }] as const;
const file = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const files: ArtefactFiles = withChecksums(
  new Map([
    ["signature.json", file({ kind: "tfjs-layers", task: "binary", inputs })],
    ["scaler.json", file({ mean: [0], scale: [1], low: [0], high: [0] })],
  ]),
  nodeHasher,
);
const plan = { stages: [], models: [{ name: "fraud", features: inputs }] } as unknown as Plan;

/** Proves a version whose scorer answers this, after it was asked. */
function proven(score: number, scorerInputs: Scorer["signature"]["inputs"] = inputs, asked: number[][] = []) {
  const scorer: Scorer = {
    signature: { task: "binary", inputs: scorerInputs },
    score: async (rows, rowCount, into, intoAt) => {
      asked.push([...rows.subarray(0, rowCount * scorerInputs.length)]);
      into[intoAt] = score;
    },
  };
  const artefacts = { read: async (_: string, version: number) => (version === 1 ? files : undefined) };
  return proveVersion("fraud", 1, { plan, artefacts, hasher: nodeHasher, openTfjs: async () => scorer }, never);
}

test("a version that answers a probability to a row of nulls is proven", async () => {
  const asked: number[][] = [];
  expect(await proven(0.5, inputs, asked)).toMatchObject({ version: 1 });
  expect(asked).toEqual([[Number.NaN]]);
});

test.each([Number.NaN, -0.01, 1.01, Number.POSITIVE_INFINITY])(
  "a version that answers %d is refused",
  async (score) => {
    await expect(proven(score)).rejects.toMatchObject({
      code: "MR_MODEL",
      message: expect.stringContaining("fraud/1"),
    });
  },
);

test("a model that no stage scores with is held to the features that it is declared with", async () => {
  const other = [{ name: "count", kind: "number" }] as const;
  await expect(proven(0.5, other)).rejects.toThrow("it was trained on count; the stage has amount");
});
