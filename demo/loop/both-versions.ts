/** What two versions of a model say about the same flights, and which of them was right more often. */
import { nodeHasher } from "../../src/adapters/node/index.ts";
import { type ArtefactStore, auc, openVersion, type Scorer } from "../../src/model/index.ts";
import { readTopicRows } from "../../src/runtime/index.ts";
import type { Row } from "../../src/schema/index.ts";
import type { Chain } from "../chain.ts";

export interface VersionsCompared {
  /** Area under the ROC curve of each version, in the order in which they were named. */
  readonly aucs: readonly number[];
  readonly rows: number;
}

/**
 * Scores the feature rows from an offset on with each version.
 *
 * @param truthOf 0 or 1 for the flight of a row; undefined for one that nobody will ever know of
 */
export async function compareVersions(
  chain: Chain,
  artefacts: Pick<ArtefactStore, "read">,
  given: { readonly model: string; readonly versions: readonly number[]; readonly fromOffset: number },
  truthOf: (row: Row) => number | undefined,
  signal: AbortSignal,
): Promise<VersionsCompared> {
  const { plan, broker, registry } = chain;
  const model = plan.models.find(({ name }) => name === given.model);
  const topic = plan.topics.find(({ name }) => name === model?.featuresFrom);
  if (topic?.schema === undefined) throw new Error(`comparing versions: model ${given.model} has no features`);
  const scorers: Scorer[] = [];
  for (const version of given.versions) {
    const where = `${given.model}/${version}`;
    const files = await artefacts.read(given.model, version, signal);
    if (files === undefined) throw new Error(`opening ${where}: there is no such version`);
    const refused = (): never => {
      throw new Error(`opening ${where}: it was not trained here`);
    };
    scorers.push(await openVersion(files, where, nodeHasher, refused));
  }
  const scores = given.versions.map((): number[] => []);
  const truths: number[] = [];
  const one = new Float64Array(1);
  const row = (read: Row): void => {
    const truth = truthOf(read);
    if (truth === undefined) return;
    truths.push(truth);
    for (const [i, scorer] of scorers.entries()) {
      void scorer.score(inputsOf(scorer, read), 1, one, 0);
      scores[i]?.push(one[0] as number);
    }
  };
  const [watermark] = await broker.admin.watermarks(topic.clusterName, signal);
  const range = {
    topic: topic.clusterName,
    partition: 0,
    from: given.fromOffset,
    to: watermark?.end ?? given.fromOffset,
  };
  await readTopicRows(broker, registry, topic.clusterName, topic.schema, { row }, signal, [range]);
  return { aucs: scores.map((each) => auc(Float64Array.from(each), Float64Array.from(truths))), rows: truths.length };
}

function inputsOf({ signature }: Scorer, row: Row): Float64Array {
  return Float64Array.from(signature.inputs, ({ name }) => {
    const value = row[name];
    return typeof value === "number" ? value : Number.NaN;
  });
}
