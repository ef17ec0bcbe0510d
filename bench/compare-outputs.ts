/** An output record, decoded. */
export interface OutputRecord {
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The output records of each partition, in the order of the log. */
export type Outputs = readonly (readonly OutputRecord[])[];

/** Doubles may differ by this much of the larger one: the two sum in different orders. */
const relativeTolerance = 1e-9;
const differencesMax = 10;

/**
 * Compares two outputs record by record: partitions, counts, order, keys, names and values of fields.
 *
 * @returns at most ten sentences; empty when they are the same
 */
export function compareOutputs(expected: Outputs, actual: Outputs): string[] {
  const differences: string[] = [];
  if (expected.length !== actual.length) differences.push(`${expected.length} partitions against ${actual.length}`);
  for (const [partition, wanted] of expected.entries()) {
    const found = actual[partition] ?? [];
    if (wanted.length !== found.length)
      differences.push(`partition ${partition}: ${wanted.length} records against ${found.length}`);
    for (let i = 0; i < Math.min(wanted.length, found.length) && differences.length < differencesMax; i++) {
      const [left, right] = [wanted[i], found[i]];
      if (left === undefined || right === undefined) continue;
      const difference = recordDifference(left, right);
      if (difference !== undefined) differences.push(`partition ${partition}, record ${i}: ${difference}`);
    }
  }
  return differences.slice(0, differencesMax);
}

function recordDifference(left: OutputRecord, right: OutputRecord): string | undefined {
  if (left.key !== right.key) return `key ${left.key} against ${right.key}`;
  const names = new Set([...Object.keys(left.fields), ...Object.keys(right.fields)]);
  for (const name of names) {
    const [a, b] = [left.fields[name], right.fields[name]];
    if (!isSame(a, b)) return `field ${name}: ${String(a)} against ${String(b)}`;
  }
  return undefined;
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") {
    // Both infinite, or both the same to the last bit, whatever the tolerance would make of them.
    if (Object.is(a, b)) return true;
    return Math.abs(a - b) <= relativeTolerance * Math.max(Math.abs(a), Math.abs(b));
  }
  return Object.is(a, b);
}
