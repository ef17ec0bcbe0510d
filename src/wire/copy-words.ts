/** Up to this length words beat one call that first makes a view of the source, which is garbage afterwards. */
export const wordsMax = 256;

/**
 * Copies `length` bytes (a multiple of 4) a word at a time, 32 bytes in one turn: about 0.2 ns per byte. The bytes
 * are moved as integers, because a NaN that is moved as a number may change.
 */
export function copyWords(source: DataView, from: number, length: number, target: DataView, at: number): void {
  let i = from;
  let to = at;
  const end = from + length;
  for (const turns = end - 32; i <= turns; i += 32, to += 32) {
    const a = source.getInt32(i, true);
    const b = source.getInt32(i + 4, true);
    const c = source.getInt32(i + 8, true);
    const d = source.getInt32(i + 12, true);
    const e = source.getInt32(i + 16, true);
    const f = source.getInt32(i + 20, true);
    const g = source.getInt32(i + 24, true);
    const h = source.getInt32(i + 28, true);
    target.setInt32(to, a, true);
    target.setInt32(to + 4, b, true);
    target.setInt32(to + 8, c, true);
    target.setInt32(to + 12, d, true);
    target.setInt32(to + 16, e, true);
    target.setInt32(to + 20, f, true);
    target.setInt32(to + 24, g, true);
    target.setInt32(to + 28, h, true);
  }
  for (; i < end; i += 4, to += 4) target.setInt32(to, source.getInt32(i, true), true);
}
