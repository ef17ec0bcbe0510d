const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
const range = 2 ** 32;

/**
 * Where a key lies between 0 and 1, the same at any time: rows are let go of by it, and a share of the keys is a share of
 * the rows. FNV-1a over UTF-16 units, mixed once more as in MurmurHash3, since neighbouring keys would lie together.
 */
export function keyShare(key: string): number {
  let hash = offsetBasis;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), prime);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / range;
}
