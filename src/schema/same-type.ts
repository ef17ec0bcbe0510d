import type { AvroType, EnumType, RecordType, UnionType } from "./avro-type.ts";
import { candidatesFor } from "./branches.ts";
import { branchFor } from "./compatibility.ts";
import { sameMeaning } from "./logical-type.ts";
import { isWideUnion } from "./union-value.ts";

/** Branches of one union that are worked on between two breaths. */
export const branchesPerPart = 200;

/**
 * Tells whether the bytes of a written type are bytes of another with the same meaning, so that they can be copied:
 * equal kinds, symbols and sizes, fields in order by name or alias, logical types with their parameters. Names of
 * types, docs, defaults and unknown attributes do not count, but for what chooses a branch among several.
 */
export class SameTypes {
  /** Pairs of types looked at so far. */
  comparisons = 0;
  readonly #settled = new Map<RecordType, Map<RecordType, boolean>>();
  /** Record pairs under comparison; they count as the same until something tells them apart. */
  readonly #open = new Map<RecordType, Set<RecordType>>();

  same(written: AvroType, wanted: AvroType): boolean {
    this.#open.clear();
    return this.#same(written, wanted);
  }

  /** {@link same}, yielding between the branches of unions that have very many. */
  *sameParts(written: AvroType, wanted: AvroType): Generator<void, boolean> {
    if (written.kind !== "union" || wanted.kind !== "union" || written.branches.length <= branchesPerPart)
      return this.same(written, wanted);
    this.comparisons++;
    const byName = isWideUnion(written) || isWideUnion(wanted);
    for (const [i, branch] of written.branches.entries()) {
      this.#open.clear();
      if (!this.#sameBranch(branch, wanted, i, byName)) return false;
      if (i % branchesPerPart === branchesPerPart - 1) yield;
    }
    return true;
  }

  /** Whether one is `[T, null]` and the other `[null, T]`: the same but for the index of the branch. */
  swapped(written: AvroType, wanted: AvroType): boolean {
    if (written.kind !== "union" || wanted.kind !== "union") return false;
    const [a, b, ...more] = written.branches;
    const [c, d, ...others] = wanted.branches;
    if (a === undefined || b === undefined || c === undefined || d === undefined) return false;
    if (more.length + others.length > 0 || (a.kind === "null") === (b.kind === "null")) return false;
    return this.same(a, d) && this.same(b, c);
  }

  #same(written: AvroType, wanted: AvroType): boolean {
    this.comparisons++;
    if (written.kind === "union" && wanted.kind === "union") return this.#unions(written, wanted);
    if (written.kind !== wanted.kind) return false;
    switch (written.kind) {
      case "record":
        return wanted.kind === "record" && this.#records(written, wanted);
      case "array":
        return wanted.kind === "array" && this.#same(written.items, wanted.items);
      case "map":
        return wanted.kind === "map" && this.#same(written.values, wanted.values);
      case "enum":
        return wanted.kind === "enum" && sameSymbols(written, wanted);
      case "fixed":
        return wanted.kind === "fixed" && written.size === wanted.size && sameMeaning(written, wanted);
      default:
        return sameMeaning(written, wanted);
    }
  }

  /** Further branches of the wanted union do no harm: nobody has written them. */
  #unions(written: UnionType, wanted: UnionType): boolean {
    if (written === wanted) return true;
    const byName = isWideUnion(written) || isWideUnion(wanted);
    return written.branches.every((branch, i) => this.#sameBranch(branch, wanted, i, byName));
  }

  #sameBranch(branch: AvroType, wanted: UnionType, i: number, byName: boolean): boolean {
    const other = wanted.branches[i];
    if (other === undefined || !this.#same(branch, other)) return false;
    // What is the same can be read: only a better candidate in front of it would be taken instead.
    return !byName || candidatesFor(branch, wanted)[0] === other || branchFor(branch, wanted) === other;
  }

  #records(written: RecordType, wanted: RecordType): boolean {
    if (written === wanted) return true;
    const settled = this.#settled.get(written)?.get(wanted);
    if (settled !== undefined) return settled;
    const open = this.#open.get(written);
    if (open?.has(wanted)) return true;
    const isRoot = this.#open.size === 0;
    this.#open.set(written, (open ?? new Set()).add(wanted));
    const isSame =
      written.fields.length === wanted.fields.length &&
      written.fields.every((field, i) => {
        const other = wanted.fields[i];
        const isNamed = other !== undefined && (other.name === field.name || other.aliases.includes(field.name));
        return isNamed && this.#same(field.type, other.type);
      });
    // What was found inside may rest on a pair that is still open; only the outermost is certain, or a difference.
    if (isRoot || !isSame) {
      const verdicts = this.#settled.get(written) ?? new Map<RecordType, boolean>();
      this.#settled.set(written, verdicts.set(wanted, isSame));
    }
    if (isRoot) this.#open.clear();
    return isSame;
  }
}

/** Symbols in order; further ones of the wanted enum have not been written. */
function sameSymbols(written: EnumType, wanted: EnumType): boolean {
  return written.symbols.every((symbol, i) => wanted.symbols[i] === symbol);
}
