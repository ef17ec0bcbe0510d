import { parseIsoTimeMs, RecordError } from "../kernel/index.ts";
import { type AvroType, isNamed, isTimestamp, type RecordType, splitNullable, type UnionType } from "./avro-type.ts";
import { typeWord } from "./byte-sink.ts";
import { toDouble, toInt, toLong } from "./cast.ts";
import { JsonNumber } from "./exact-json.ts";
import { isObject, type ReadingRules, sourceWanted, unfit, type ValueReading } from "./reading-rules.ts";
import { isBase64, ownNumbers } from "./scalar-from-json.ts";
import { UnionValue } from "./union-value.ts";

/** A branch of a union as JSON sees it. */
interface Branch {
  readonly index: number;
  readonly type: AvroType;
  /** As Avro's JSON form names it. */
  readonly name: string;
  readonly read: ValueReading;
}

/** How Avro's JSON form names a branch: a named type by its full name, any other by its kind. */
export function branchName(type: AvroType): string {
  return isNamed(type) ? type.fullName : type.kind;
}

/**
 * The reading of a union with two or more branches beside null: a value is the only branch that fits it, or the one
 * that Avro's JSON form names (`{"ns.Card": {...}}`), else MR_CAST with the names of the branches. Nothing is guessed:
 * an object that fits two records is refused.
 */
export function unionReading(
  union: UnionType,
  make: (type: AvroType) => ValueReading,
  rules: ReadingRules,
): ValueReading {
  const branches = union.branches.map((type, index) => ({ index, type, name: branchName(type), read: make(type) }));
  const isNullable = branches.some(({ type }) => type.kind === "null");
  const values = branches.filter(({ type }) => type.kind !== "null");
  const byName = new Map(values.map((branch) => [branch.name, branch]));
  const objects = new ObjectChoice(values, rules);
  const fail = (value: unknown, path: string, fitting: readonly Branch[]): never => {
    const word = typeWord(value instanceof JsonNumber ? Number(value.source) : value);
    const [first] = fitting;
    const what = first === undefined ? "no branch" : fitting.map(({ name }) => name).join(" and ");
    const hint = first === undefined ? "" : `; name one, as {${JSON.stringify(first.name)}: ...}`;
    const names = branches.map(({ name }) => name).join(", ");
    throw new RecordError("MR_CAST", `field ${path}: ${word} fits ${what} of its union [${names}]${hint}`);
  };
  return (written, path) => {
    // A value decoded from Avro names its writer's branch, which says nothing about the branches here.
    const value = written instanceof UnionValue ? written.value : written;
    if (value === null) return isNullable ? null : unfit(path, "value of its union", value);
    const fitting = wrapped(value, byName) ?? scalarBranches(value, values, rules) ?? objects.fitting(value, path);
    if (fitting instanceof UnionValue) return fitting;
    const [only, other] = fitting;
    if (only === undefined || other !== undefined) return fail(value, path, fitting);
    const isNamedHere = only.isWrapped === true;
    const inner = isNamedHere ? (value as Record<string, unknown>)[only.name] : value;
    return new UnionValue(only.index, only.read(inner, path));
  };
}

type Chosen = Branch & { readonly isWrapped?: boolean };

/** The branch that an object of exactly one key names. */
function wrapped(value: unknown, byName: ReadonlyMap<string, Branch>): readonly Chosen[] | undefined {
  if (!isObject(value)) return undefined;
  const [key, ...rest] = Object.keys(value);
  const branch = key === undefined || rest.length > 0 ? undefined : byName.get(key);
  return branch && [{ ...branch, isWrapped: true }];
}

/** Branches for anything but an object; undefined for an object. */
function scalarBranches(
  value: unknown,
  branches: readonly Branch[],
  rules: ReadingRules,
): readonly Chosen[] | undefined {
  if (isObject(value)) return undefined;
  const ofKind = (...kinds: AvroType["kind"][]): Branch[] => branches.filter(({ type }) => kinds.includes(type.kind));
  if (Array.isArray(value)) return ofKind("array");
  if (typeof value === "boolean") return ofKind("boolean");
  if (typeof value === "string") return textBranches(value, branches, rules);
  if (Buffer.isBuffer(value)) {
    const bytes = ofKind("bytes");
    return bytes.length > 0
      ? bytes
      : branches.filter(({ type }) => type.kind === "fixed" && type.size === value.length);
  }
  return numberBranches(value, branches, rules);
}

/** `string` first, then the enum that has it, then bytes, fixed; last what only our own form writes as text. */
function textBranches(text: string, branches: readonly Branch[], { ownForm }: ReadingRules): readonly Branch[] {
  const isBytes = isBase64(text);
  const size = isBytes ? Buffer.byteLength(text, "base64") : -1;
  const isTime = ownForm && parseIsoTimeMs(text) !== undefined;
  const isWord = ownForm && Object.hasOwn(ownNumbers, text);
  const takes: readonly ((type: AvroType) => boolean)[] = [
    (type) => type.kind === "string",
    (type) => type.kind === "enum" && type.symbols.includes(text),
    (type) => isBytes && type.kind === "bytes",
    (type) => isBytes && type.kind === "fixed" && type.size === size,
    (type) => isTime && isTimestamp(type),
    (type) => isWord && type.kind === "float",
    (type) => isWord && type.kind === "double",
  ];
  for (const take of takes) {
    const fitting = branches.filter(({ type }) => take(type));
    // NaN and infinities are every float's and every double's: the wider one, as a number that needs it.
    if (fitting.length > 0) return fitting;
  }
  return [];
}

/** int, long, float (only when equal), double; the last never for a whole number that it changes. */
function numberBranches(value: unknown, branches: readonly Branch[], { numbers }: ReadingRules): readonly Branch[] {
  const isPlain = typeof value === "number";
  if (isPlain && !numbers.areExact && Math.abs(value) > Number.MAX_SAFE_INTEGER) throw sourceWanted;
  const double = toDouble(value);
  const hasFloats = branches.some(({ type }) => type.kind === "float" || type.kind === "double");
  const hasDouble = branches.some(({ type }) => type.kind === "double");
  // A whole number has no sign at zero: -0.0 would lose its own.
  const isWhole = !(hasFloats && Object.is(double, -0));
  const isEqualFloat = typeof double === "number" && Math.fround(double) === double;
  const takes: readonly ((type: AvroType) => boolean)[] = [
    (type) => type.kind === "int" && isWhole && typeof toInt(value) === "number",
    (type) => type.kind === "long" && isWhole && toLong(value) !== undefined,
    (type) => type.kind === "float" && (isEqualFloat || (isPlain && !Number.isFinite(value))),
    (type) => type.kind === "double" && (typeof double === "number" || (isPlain && !Number.isFinite(value))),
    (type) => type.kind === "float" && !hasDouble && typeof double === "number",
  ];
  for (const take of takes) {
    const fitting = branches.filter(({ type }) => take(type));
    if (fitting.length > 0) return fitting;
  }
  return [];
}

/** What trying an object came to. */
type Outcome =
  | { readonly kind: "fits"; readonly value: UnionValue; readonly unknown: number }
  | { readonly kind: "several"; readonly branches: readonly Branch[] }
  | { readonly kind: "refused" };

/** Finds the only record or map that an object fits. */
class ObjectChoice {
  readonly #takers: readonly Branch[];
  readonly #rules: ReadingRules;
  /**
   * Objects are tried once: in unions inside unions, each way to read the outer one would otherwise try the inner
   * ones again, twice as often at every level.
   */
  readonly #tried = new WeakMap<object, Outcome>();

  constructor(branches: readonly Branch[], rules: ReadingRules) {
    this.#takers = branches.filter(({ type }) => type.kind === "record" || type.kind === "map");
    this.#rules = rules;
  }

  /** The value itself when it had to be read to find out, else the branches that it could be. */
  fitting(value: unknown, path: string): UnionValue | readonly Chosen[] {
    // Nothing can be mixed up: what is wrong inside is then told of its place there.
    if (this.#takers.length < 2 || !isObject(value)) return this.#takers;
    const candidates = this.#takers.filter(({ type }) => type.kind !== "record" || hasItsKeys(type, value));
    if (candidates.length < 2) return candidates;
    const outcome = this.#tried.get(value) ?? this.#try(value, path, candidates);
    this.#tried.set(value, outcome);
    if (outcome.kind === "refused") return [];
    if (outcome.kind === "several") return outcome.branches;
    if (this.#rules.unknown !== undefined) this.#rules.unknown.count += outcome.unknown;
    return outcome.value;
  }

  #try(value: object, path: string, candidates: readonly Branch[]): Outcome {
    const { unknown } = this.#rules;
    const before = unknown?.count ?? 0;
    const fits: { readonly branch: Branch; readonly read: unknown; readonly unknown: number }[] = [];
    for (const branch of candidates) {
      try {
        fits.push({ branch, read: branch.read(value, path), unknown: (unknown?.count ?? 0) - before });
      } catch (thrown) {
        if (!(thrown instanceof RecordError)) throw thrown;
      }
      if (unknown !== undefined) unknown.count = before;
    }
    const [only, other] = fits;
    if (only === undefined) return { kind: "refused" };
    if (other !== undefined) return { kind: "several", branches: fits.map(({ branch }) => branch) };
    return { kind: "fits", value: new UnionValue(only.branch.index, only.read), unknown: only.unknown };
  }
}

/** Whether an object has all that a record needs, and nothing that it does not have. Looks at this level alone. */
function hasItsKeys(type: RecordType, value: Readonly<Record<string, unknown>>): boolean {
  const known = new Set<string>();
  for (const field of type.fields) {
    const names = [field.name, ...field.aliases];
    const isOptional = field.default !== undefined || field.type.kind === "null" || splitNullable(field.type).nullable;
    if (!isOptional && !names.some((name) => Object.hasOwn(value, name))) return false;
    for (const name of names) known.add(name);
  }
  return Object.keys(value).every((key) => known.has(key));
}
