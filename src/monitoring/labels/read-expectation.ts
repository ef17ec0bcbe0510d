import { MillraceError } from "../../kernel/index.ts";
import { type ArtefactStore, type Calibration, calibrated, calibrationOf } from "../../model/index.ts";
import { cellScores, type Expectation } from "../../monitor/estimate/index.ts";

/**
 * What is known of a version's scores before labels are there, from its `calibration.json`; undefined where the version is
 * not there, cannot be read, was validated on too few rows, or says nothing that can be read: nothing is estimated of it
 * then.
 *
 * @param version `<model>/<version>`
 * @throws the signal's reason
 */
export async function readExpectation(
  artefacts: Pick<ArtefactStore, "read"> | undefined,
  version: string,
  signal: AbortSignal,
): Promise<Expectation | undefined> {
  const slash = version.lastIndexOf("/");
  try {
    const files = await artefacts?.read(version.slice(0, slash), Number(version.slice(slash + 1)), signal);
    if (files === undefined) return undefined;
    return expectationOf(calibrationOf(files, version));
  } catch (thrown) {
    signal.throwIfAborted();
    // One version that cannot be read is no reason to judge nothing else.
    if (thrown instanceof MillraceError) return undefined;
    throw thrown;
  }
}

function expectationOf(calibration: Calibration | undefined): Expectation | undefined {
  // Counts in other cells are of another release, and can be compared with nothing.
  if (calibration === undefined || calibration.counts.length !== cellScores.length) return undefined;
  const { map, counts } = calibration;
  const probabilities = map === "identity" ? cellScores : cellScores.map((score) => calibrated(map, score));
  return { probabilities, counts: Float64Array.from(counts) };
}
