/**
 * The whole numbers from 0 to below `count` that `isKept`, in the order of `compare`, those that it calls equal in their
 * own. Merge sort in two arrays of numbers: the sort of typed arrays turns them into objects first.
 */
export function orderOf(
  count: number,
  isKept: (place: number) => boolean,
  compare: (a: number, b: number) => number,
): Uint32Array<ArrayBuffer> {
  let kept = 0;
  let from = new Uint32Array(count);
  for (let place = 0; place < count; place++) if (isKept(place)) from[kept++] = place;
  let to = new Uint32Array(kept);
  for (let width = 1; width < kept; width *= 2) {
    for (let begin = 0; begin < kept; begin += 2 * width) {
      merge(from, begin, Math.min(begin + width, kept), Math.min(begin + 2 * width, kept), to, compare);
    }
    [from, to] = [to, from];
  }
  return from.subarray(0, kept);
}

/** Merges `from[begin .. middle)` and `from[middle .. end)`, each in order, into `to[begin .. end)`. */
function merge(
  from: Uint32Array,
  begin: number,
  middle: number,
  end: number,
  to: Uint32Array,
  compare: (a: number, b: number) => number,
): void {
  let left = begin;
  let right = middle;
  for (let at = begin; at < end; at++) {
    const isLeft = right >= end || (left < middle && compare(from[left] as number, from[right] as number) <= 0);
    to[at] = from[isLeft ? left++ : right++] as number;
  }
}
