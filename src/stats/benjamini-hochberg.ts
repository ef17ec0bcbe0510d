/**
 * False discovery rates by Benjamini and Hochberg: the smallest rate at which each hypothesis would be rejected.
 *
 * @param probabilities p-values of the hypotheses that are judged together, 0 .. 1
 * @returns q-values in the same order, each at least its p-value
 *
 * Source: Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate" (1995), as adjusted values.
 */
export function benjaminiHochberg(probabilities: readonly number[]): number[] {
  const order = probabilities.map((_, i) => i).sort((i, j) => (probabilities[j] ?? 0) - (probabilities[i] ?? 0));
  const adjusted = new Array<number>(probabilities.length);
  let least = 1;
  order.forEach((at, i) => {
    const rank = probabilities.length - i;
    least = Math.min(least, ((probabilities[at] ?? 0) * probabilities.length) / rank);
    adjusted[at] = least;
  });
  return adjusted;
}
