import { assert } from "../kernel/index.ts";

/**
 * Solves A x = b for a symmetric positive definite A by Cholesky's decomposition, in place.
 *
 * @param a n x n row-major; its lower triangle is overwritten with the factor
 * @param b length n, overwritten with x
 * @returns false when A is not positive definite to working precision; b is then undefined
 */
export function solveSymmetric(a: Float64Array, b: Float64Array): boolean {
  const n = b.length;
  assert(a.length === n * n, "a square matrix of the length of the right-hand side");
  for (let j = 0; j < n; j++) {
    let pivot = at(a, j * n + j);
    for (let k = 0; k < j; k++) pivot -= at(a, j * n + k) ** 2;
    if (!(pivot > 0)) return false;
    const root = Math.sqrt(pivot);
    a[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = at(a, i * n + j);
      for (let k = 0; k < j; k++) sum -= at(a, i * n + k) * at(a, j * n + k);
      a[i * n + j] = sum / root;
    }
  }
  for (let i = 0; i < n; i++) {
    let sum = at(b, i);
    for (let k = 0; k < i; k++) sum -= at(a, i * n + k) * at(b, k);
    b[i] = sum / at(a, i * n + i);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = at(b, i);
    for (let k = i + 1; k < n; k++) sum -= at(a, k * n + i) * at(b, k);
    b[i] = sum / at(a, i * n + i);
  }
  return true;
}

/** Typed arrays answer undefined only outside their length, which the callers' loops never reach. */
function at(values: Float64Array, index: number): number {
  return values[index] as number;
}
