import { assert } from "../../kernel/index.ts";
import { categoryCodes, type Encoder } from "../encoder.ts";
import { HeldInputs } from "../held-inputs.ts";
import { rowColumns } from "../row-columns.ts";
import type { Scaler } from "../scaler.ts";
import type { DirectScorer, Signature } from "../scorer.ts";
import { activate, type DenseLayer, weigh } from "./dense-layer.ts";

/**
 * Scores rows with a network of dense layers; done at once, no promise, nothing allocated.
 *
 * The network answers one number: a probability, or the logit of one where the signature says so. Beyond the inputs
 * times the units of each layer in multiplications a row costs next to nothing, whatever other rows stand beside it.
 */
export function denseScorer(
  layers: readonly DenseLayer[],
  scaler: Scaler,
  encoder: Encoder,
  signature: Signature,
): DirectScorer {
  const width = signature.inputs.length;
  const held = new HeldInputs(width);
  const columns = rowColumns(scaler, encoder, held);
  assert(
    layers[0]?.inputs === columns.count && layers.at(-1)?.units === 1,
    "as many inputs as columns, and one output",
  );
  assert(
    layers.every(({ units }, i) => layers[i + 1] === undefined || layers[i + 1]?.inputs === units),
    "layers that fit one another",
  );
  const steps = layers.map((layer) => ({ layer, into: new Float64Array(layer.units) }));
  const answer = steps.at(-1)?.into ?? new Float64Array(1);
  const isLogit = signature.output === "logit";
  const x = new Float64Array(columns.count);
  return {
    signature,
    held,
    code: categoryCodes(encoder),
    score(rows, rowCount, into, intoAt) {
      for (let row = 0; row < rowCount; row++) {
        columns.write(rows, row * width, x);
        let given = x;
        for (const { layer, into: values } of steps) {
          weigh(layer, given, values);
          activate(layer.activation, values, layer.units);
          given = values;
        }
        const score = answer[0] as number;
        into[intoAt + row] = isLogit ? 1 / (1 + Math.exp(-score)) : score;
      }
    },
  };
}
