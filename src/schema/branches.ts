import { type AvroType, isNamed, type UnionType } from "./avro-type.ts";

/** reader kind <- writer kinds that may be promoted to it. */
const promotions: Readonly<Record<string, readonly string[]>> = {
  long: ["int"],
  float: ["int", "long"],
  double: ["int", "long", "float"],
  string: ["bytes"],
  bytes: ["string"],
};

/** The kind as is, or a promotion to it. */
export function promotes(reader: AvroType, writer: AvroType): boolean {
  return promotions[reader.kind]?.includes(writer.kind) ?? false;
}

/**
 * The branches of a union that could read a written type, in the order in which Java's resolution would take them: the
 * same full name (or an alias that is it), then the same name in another namespace; the same kind for what has no
 * name, then promotions.
 *
 * A named type is looked up and not compared with every branch: there are unions of thousands of records.
 */
export function candidatesFor(writer: AvroType, union: UnionType): readonly AvroType[] {
  const index = indexOf(union);
  if (isNamed(writer)) {
    const exact = index.byFullName.get(writer.fullName) ?? [];
    const others = (index.byName.get(writer.name) ?? []).filter((branch) => !exact.includes(branch));
    return [...exact, ...others].filter((branch) => branch.kind === writer.kind);
  }
  const same = index.byKind.get(writer.kind) ?? [];
  return [...same, ...index.unnamed.filter((branch) => promotes(branch, writer))];
}

/** The index of a branch in its union; -1 for none of it. */
export function positionOf(branch: AvroType, union: UnionType): number {
  return indexOf(union).positions.get(branch) ?? -1;
}

interface BranchIndex {
  readonly positions: ReadonlyMap<AvroType, number>;
  /** Under a branch's own full name, and under its aliases. */
  readonly byFullName: ReadonlyMap<string, readonly AvroType[]>;
  readonly byName: ReadonlyMap<string, readonly AvroType[]>;
  readonly byKind: ReadonlyMap<string, readonly AvroType[]>;
  readonly unnamed: readonly AvroType[];
}

const indexes = new WeakMap<UnionType, BranchIndex>();

function indexOf(union: UnionType): BranchIndex {
  const known = indexes.get(union);
  if (known !== undefined) return known;
  const [byFullName, byName, byKind] = [new Map<string, AvroType[]>(), new Map<string, AvroType[]>(), new Map()];
  const add = (map: Map<string, AvroType[]>, key: string, branch: AvroType): void => {
    const under = map.get(key);
    if (under === undefined) map.set(key, [branch]);
    else if (!under.includes(branch)) under.push(branch);
  };
  for (const branch of union.branches) {
    if (isNamed(branch)) add(byFullName, branch.fullName, branch);
    else add(byKind, branch.kind, branch);
  }
  for (const branch of union.branches.filter(isNamed)) {
    for (const alias of branch.aliases) add(byFullName, alias, branch);
    add(byName, branch.name, branch);
  }
  const unnamed = union.branches.filter((branch) => !isNamed(branch));
  const positions = new Map(union.branches.map((branch, i) => [branch, i]));
  const made: BranchIndex = { positions, byFullName, byName, byKind, unnamed };
  indexes.set(union, made);
  return made;
}
