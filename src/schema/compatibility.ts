import { type AvroField, type AvroType, type EnumType, isNamed, type RecordType, type UnionType } from "./avro-type.ts";
import { candidatesFor, promotes } from "./branches.ts";
import type { RecordSchema } from "./record-schema.ts";

/** Names as in Java's SchemaCompatibility, so that tools agree on them. */
export type IncompatibilityKind =
  | "NAME_MISMATCH"
  | "FIXED_SIZE_MISMATCH"
  | "MISSING_ENUM_SYMBOLS"
  | "READER_FIELD_MISSING_DEFAULT_VALUE"
  | "TYPE_MISMATCH"
  | "MISSING_UNION_BRANCH";

export interface Incompatibility {
  readonly type: IncompatibilityKind;
  /** JSON pointer into the schema that reads, `/` for its root, as `getLocation()` of Avro 1.12. */
  readonly path: string;
  readonly message: string;
}

/**
 * Why records written with `writer` cannot be read as `reader`; empty when they can. One sentence per problem, each
 * with its path in the reader's schema; all of them, not the first only.
 *
 * The rules are those of Java's SchemaCompatibility (Avro 1.12), which Confluent's registry calls: logical types,
 * docs and the values of defaults are not looked at.
 */
export function readProblems(reader: RecordSchema, writer: RecordSchema): string[] {
  return typeProblems(reader.type, writer.type);
}

/** {@link readProblems} for any two types. */
export function typeProblems(reader: AvroType, writer: AvroType): string[] {
  return incompatibilities(reader, writer).map(({ type, path, message }) => `${path} ${type}: ${message}`);
}

/** {@link readProblems} in structured form, for any two types. */
export function incompatibilities(reader: AvroType, writer: AvroType): Incompatibility[] {
  const found: Incompatibility[] = [];
  new Comparison(found).compare(reader, writer, []);
  return found;
}

/** Whether a value written as `writer` can be read as `reader`. */
export function canRead(reader: AvroType, writer: AvroType): boolean {
  if (reader.kind === "union" && writer.kind === "union") {
    return writer.branches.every((branch) => branchFor(branch, reader) !== undefined);
  }
  return incompatibilities(reader, writer).length === 0;
}

/** The branch of a union that reads a written type; undefined when there is none. Remembered: types do not change. */
export function branchFor(writer: AvroType, union: UnionType): AvroType | undefined {
  const known = chosen.get(union) ?? new WeakMap<AvroType, { readonly branch: AvroType | undefined }>();
  chosen.set(union, known);
  const choice = known.get(writer) ?? { branch: candidatesFor(writer, union).find((each) => canRead(each, writer)) };
  known.set(writer, choice);
  return choice.branch;
}

const chosen = new WeakMap<UnionType, WeakMap<AvroType, { readonly branch: AvroType | undefined }>>();

/** Names agree without their namespace, or an alias of the reader is the writer's full name. */
export function namesMatch(
  reader: { name: string; aliases: readonly string[] },
  writer: { name: string; fullName: string },
): boolean {
  return reader.name === writer.name || reader.aliases.includes(writer.fullName);
}

/**
 * The writer's fields that a reader's field could mean: the one of its name, else those that an alias names. More than
 * one is an error. Java refuses an alias beside the exact name too; there a record that was renamed on its way in could
 * never be read again.
 */
export function writerFieldsFor(field: AvroField, writer: RecordType): AvroField[] {
  const byName = fieldsByName(writer);
  const exact = byName.get(field.name);
  if (exact !== undefined) return [exact];
  return [...new Set(field.aliases)].map((alias) => byName.get(alias)).filter((found) => found !== undefined);
}

const fieldIndexes = new WeakMap<RecordType, ReadonlyMap<string, AvroField>>();

/** Looked up and not searched for: there are records of thousands of fields. */
function fieldsByName(record: RecordType): ReadonlyMap<string, AvroField> {
  const known = fieldIndexes.get(record);
  if (known !== undefined) return known;
  const index = new Map(record.fields.map((field) => [field.name, field]));
  fieldIndexes.set(record, index);
  return index;
}

type Path = readonly (string | number)[];

/** Verdicts on record pairs; a pair that is still open counts as compatible until disproved. */
class Verdicts {
  readonly #byReader = new Map<RecordType, Map<RecordType, boolean>>();

  get(reader: RecordType, writer: RecordType): boolean | undefined {
    return this.#byReader.get(reader)?.get(writer);
  }

  set(reader: RecordType, writer: RecordType, verdict: boolean): void {
    const verdicts = this.#byReader.get(reader) ?? new Map<RecordType, boolean>();
    this.#byReader.set(reader, verdicts.set(writer, verdict));
  }
}

class Comparison {
  readonly #found: Incompatibility[];
  readonly #verdicts = new Verdicts();
  /** Those of trials on union branches, which report nothing; kept, or nested unions would take exponential time. */
  readonly #trialVerdicts: Verdicts;

  constructor(found: Incompatibility[], trialVerdicts?: Verdicts) {
    this.#found = found;
    this.#trialVerdicts = trialVerdicts ?? new Verdicts();
    if (trialVerdicts !== undefined) this.#verdicts = trialVerdicts;
  }

  /** Reports what is wrong between the two and answers whether nothing was. */
  compare(reader: AvroType, writer: AvroType, path: Path): boolean {
    if (reader.kind === "union" && writer.kind === "union") return this.#unions(reader, writer, path);
    if (writer.kind === "union") {
      return writer.branches.map((branch, i) => this.compare(reader, branch, [...path, i])).every(Boolean);
    }
    if (reader.kind === "union") {
      return (
        this.#branchFor(reader, writer) ||
        this.#report("MISSING_UNION_BRANCH", path, `the union has no branch for ${nameOf(writer)}`)
      );
    }
    if (reader.kind !== writer.kind) {
      return (
        promotes(reader, writer) ||
        this.#report("TYPE_MISMATCH", path, `${nameOf(reader)} cannot hold a written ${nameOf(writer)}`)
      );
    }
    return this.#sameKind(reader, writer, path);
  }

  #unions(reader: UnionType, writer: UnionType, path: Path): boolean {
    let sound = true;
    for (const [i, branch] of writer.branches.entries()) {
      if (this.#branchFor(reader, branch)) continue;
      sound = this.#report("MISSING_UNION_BRANCH", [...path, i], `the union has no branch for ${nameOf(branch)}`);
    }
    return sound;
  }

  /** A branch that does not fit says nothing about the others: its problems are not reported. */
  #branchFor(reader: UnionType, writer: AvroType): boolean {
    return candidatesFor(writer, reader).some((branch) =>
      new Comparison([], this.#trialVerdicts).compare(branch, writer, []),
    );
  }

  #sameKind(reader: AvroType, writer: AvroType, path: Path): boolean {
    if (reader.kind === "array" && writer.kind === "array") {
      return this.compare(reader.items, writer.items, [...path, "items"]);
    }
    if (reader.kind === "map" && writer.kind === "map") {
      return this.compare(reader.values, writer.values, [...path, "values"]);
    }
    if (!isNamed(reader) || !isNamed(writer)) return true;
    let sound = true;
    if (!namesMatch(reader, writer)) {
      const message = `${reader.fullName} is not ${writer.fullName}, and no alias says so`;
      sound = this.#report("NAME_MISMATCH", [...path, "name"], message);
    }
    if (reader.kind === "fixed" && writer.kind === "fixed" && reader.size !== writer.size) {
      sound = this.#report("FIXED_SIZE_MISMATCH", [...path, "size"], `${reader.size} bytes, written ${writer.size}`);
    }
    if (reader.kind === "enum" && writer.kind === "enum") sound = this.#symbols(reader, writer, path) && sound;
    if (reader.kind === "record" && writer.kind === "record") sound = this.#records(reader, writer, path) && sound;
    return sound;
  }

  #symbols(reader: EnumType, writer: EnumType, path: Path): boolean {
    if (reader.default !== undefined) return true;
    const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
    if (missing.length === 0) return true;
    const message = `${reader.fullName} lacks ${missing.slice(0, 20).join(", ")} and has no default`;
    return this.#report("MISSING_ENUM_SYMBOLS", [...path, "symbols"], message);
  }

  #records(reader: RecordType, writer: RecordType, path: Path): boolean {
    const known = this.#verdicts.get(reader, writer);
    if (known !== undefined) return known;
    this.#verdicts.set(reader, writer, true);
    this.#trialVerdicts.set(reader, writer, true);
    let sound = true;
    for (const [i, field] of reader.fields.entries()) {
      sound = this.#field(field, writer, [...path, "fields", i]) && sound;
    }
    this.#verdicts.set(reader, writer, sound);
    this.#trialVerdicts.set(reader, writer, sound);
    return sound;
  }

  #field(field: AvroField, writer: RecordType, path: Path): boolean {
    const [written, second] = writerFieldsFor(field, writer);
    if (written === undefined) {
      if (field.default !== undefined) return true;
      const message = `field ${field.name} is not written and has no default`;
      return this.#report("READER_FIELD_MISSING_DEFAULT_VALUE", path, message);
    }
    if (second !== undefined) {
      const message = `field ${field.name} matches both ${written.name} and ${second.name} of the writer`;
      return this.#report("NAME_MISMATCH", path, message);
    }
    return this.compare(field.type, written.type, [...path, "type"]);
  }

  #report(type: IncompatibilityKind, path: Path, message: string): false {
    this.#found.push({ type, path: `/${path.join("/")}`, message });
    return false;
  }
}

function nameOf(type: AvroType): string {
  return isNamed(type) ? type.fullName : type.kind;
}
