import { closest, type Problem } from "../kernel/index.ts";
import {
  type Attributes,
  type AvroField,
  type AvroType,
  type EnumType,
  type FixedType,
  isNamed,
  type NamedType,
  primitiveKinds,
  type RecordType,
} from "./avro-type.ts";
import { defaultHint, defaultProblem } from "./default-value.ts";

type Path = readonly (string | number)[];
type JsonObject = Readonly<Record<string, unknown>>;

/** Nesting of types inside types; deeper schemas exist only to overflow a stack. */
const depthMax = 64;
/** Types in one schema, references not counted. */
const typesMax = 10_000;
/** Symbols of one enum. */
const symbolsMax = 10_000;

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const fullNamePattern = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const primitives: ReadonlySet<string> = new Set(primitiveKinds);
const complexKinds = ["record", "enum", "fixed", "array", "map"] as const;

/** What belongs to Avro's grammar and is not kept as an attribute. */
const grammarKeys: ReadonlySet<string> = new Set([
  "type",
  "name",
  "namespace",
  "aliases",
  "fields",
  "symbols",
  "size",
  "items",
  "values",
]);

export interface ParseOptions {
  /**
   * False loads schemas whose defaults do not fit their type, or that have an alias at two fields: old registries hold
   * such. The default then counts as absent where it would be used, and so does the field that comes first.
   */
  readonly strictDefaults: boolean;
}

/**
 * Reads an Avro type from its JSON. All problems are collected; the type is undefined exactly when there are some.
 * Names are checked, so that they can stand in generated code and in messages.
 */
export function parseType(json: unknown, options: ParseOptions): { type: AvroType | undefined; problems: Problem[] } {
  const parser = new TypeParser(options.strictDefaults);
  const type = parser.parse(json, "", [], 0);
  parser.checkDefaults();
  return { type: parser.problems.length === 0 ? type : undefined, problems: parser.problems };
}

class TypeParser {
  readonly problems: Problem[] = [];
  readonly #strictDefaults: boolean;
  readonly #named = new Map<string, NamedType>();
  readonly #defaults: { readonly field: AvroField; readonly path: Path }[] = [];
  #typeCount = 0;

  constructor(strictDefaults: boolean) {
    this.#strictDefaults = strictDefaults;
  }

  /** Defaults wait until every named type is complete. */
  checkDefaults(): void {
    if (!this.#strictDefaults || this.problems.length > 0) return;
    for (const { field, path } of this.#defaults) {
      const problem = defaultProblem(field.type, field.default);
      if (problem !== undefined) {
        const message = `the default does not fit: ${problem}`;
        this.#report([...path, "default"], message, defaultHint(field.type, field.default));
      }
    }
  }

  parse(json: unknown, namespace: string, path: Path, depth: number): AvroType | undefined {
    this.#typeCount += 1;
    if (depth > depthMax) return this.#report(path, `types nest deeper than ${depthMax}`);
    if (this.#typeCount > typesMax) {
      return this.#typeCount === typesMax + 1 ? this.#report(path, `more than ${typesMax} types`) : undefined;
    }
    if (typeof json === "string") return this.#reference(json, namespace, path);
    if (Array.isArray(json)) return this.#union(json, namespace, path, depth);
    if (!isObject(json)) return this.#report(path, `a type is text, a list or an object, not ${wordFor(json)}`);
    const type = json["type"];
    switch (type) {
      case "record":
        return this.#record(json, namespace, path, depth);
      case "enum":
        return this.#enum(json, namespace, path);
      case "fixed":
        return this.#fixed(json, namespace, path);
      case "array": {
        const items = this.#part(json, "items", namespace, path, depth);
        return items && { kind: "array", items, attributes: attributesOf(json) };
      }
      case "map": {
        const values = this.#part(json, "values", namespace, path, depth);
        return values && { kind: "map", values, attributes: attributesOf(json) };
      }
      default:
        return this.#annotated(json, namespace, path, depth);
    }
  }

  /** `{"type": T, ...}` around a primitive, a reference or (as some writers have it) a whole type. */
  #annotated(json: JsonObject, namespace: string, path: Path, depth: number): AvroType | undefined {
    const inner = json["type"];
    if (inner === undefined) return this.#report(path, 'a type object needs "type"');
    if (typeof inner === "string" && primitives.has(inner)) {
      return { kind: inner as (typeof primitiveKinds)[number], attributes: attributesOf(json) };
    }
    return this.parse(inner, namespace, [...path, "type"], depth + 1);
  }

  #part(json: JsonObject, key: string, namespace: string, path: Path, depth: number): AvroType | undefined {
    const part = json[key];
    if (part === undefined) return this.#report(path, `${String(json["type"])} needs "${key}"`);
    return this.parse(part, namespace, [...path, key], depth + 1);
  }

  #reference(text: string, namespace: string, path: Path): AvroType | undefined {
    if (primitives.has(text)) return { kind: text as (typeof primitiveKinds)[number], attributes: {} };
    const type = this.#named.get(qualify(text, namespace)) ?? this.#named.get(text);
    if (type !== undefined) return type;
    const known = [...primitiveKinds, ...complexKinds, ...this.#named.keys()];
    const meant = closest(text, known);
    return this.#report(path, `unknown type "${shorten(text)}"`, meant && `did you mean "${meant}"?`);
  }

  #union(json: readonly unknown[], namespace: string, path: Path, depth: number): AvroType | undefined {
    if (json.length === 0) return this.#report(path, "a union needs at least one type");
    const parsed = json.map((branch, i) => this.parse(branch, namespace, [...path, i], depth + 1));
    const branches = parsed.filter((branch) => branch !== undefined);
    if (branches.length < parsed.length) return undefined;
    const seen = new Set<string>();
    let sound = true;
    for (const [i, branch] of branches.entries()) {
      const label = isNamed(branch) ? branch.fullName : branch.kind;
      if (branch.kind === "union") this.#report([...path, i], "a union cannot hold a union directly");
      else if (seen.has(label)) this.#report([...path, i], `the union holds ${label} twice`);
      else {
        seen.add(label);
        continue;
      }
      sound = false;
    }
    return sound ? { kind: "union", branches } : undefined;
  }

  #record(json: JsonObject, namespace: string, path: Path, depth: number): AvroType | undefined {
    const names = this.#names(json, namespace, path);
    const list = json["fields"];
    if (!Array.isArray(list)) return this.#report(path, 'record needs "fields", a list');
    if (names === undefined) return undefined;
    const fields: AvroField[] = [];
    const { inner, ...own } = names;
    const record: RecordType = { kind: "record", ...own, fields, attributes: attributesOf(json) };
    this.#define(record, path);
    const seen = new Set<string>();
    for (const [i, entry] of list.entries()) {
      const at = [...path, "fields", i];
      const field = this.#field(entry, inner, at, depth);
      if (field === undefined) continue;
      if (seen.has(field.name)) this.#report(at, "a field of this name is there twice");
      seen.add(field.name);
      fields.push(field);
      if (field.default !== undefined) this.#defaults.push({ field, path: at });
    }
    if (this.#strictDefaults) this.#checkSharedAliases(list, fields, path);
    return record;
  }

  /** A value of the alias's name would be two fields, or one of them and nothing. Old registries may hold such. */
  #checkSharedAliases(list: readonly unknown[], fields: readonly AvroField[], path: Path): void {
    const taken = new Map<string, string>();
    for (const field of fields) {
      for (const alias of new Set(field.aliases)) {
        const other = taken.get(alias);
        if (other === undefined) taken.set(alias, field.name);
        else {
          const index = list.findIndex((entry) => isObject(entry) && entry["name"] === field.name);
          const message = `alias ${alias} stands at ${other} and at ${field.name}, and a written ${alias} is one value`;
          this.#report([...path, "fields", index, "aliases"], message, "leave it at one of the two fields");
        }
      }
    }
  }

  #field(json: unknown, namespace: string, path: Path, depth: number): AvroField | undefined {
    if (!isObject(json)) return this.#report(path, `a field is an object, not ${wordFor(json)}`);
    const name = json["name"];
    if (typeof name !== "string" || !namePattern.test(name)) {
      return this.#report([...path, "name"], `a field needs a "name" of letters, digits and _`);
    }
    // It would set the prototype of a row instead of a field.
    if (name === "__proto__") return this.#report([...path, "name"], "a field cannot be called __proto__");
    if (json["type"] === undefined) return this.#report(path, 'a field needs a "type"');
    const type = this.parse(json["type"], namespace, [...path, "type"], depth + 1);
    const aliases = this.#aliases(json, path, namePattern);
    if (type === undefined) return undefined;
    const { default: fallback, ...attributes } = attributesOf(json);
    return {
      name,
      type,
      aliases,
      default: fallback,
      doc: typeof json["doc"] === "string" ? json["doc"] : undefined,
      sensitive: json["sensitive"] === true,
      attributes,
    };
  }

  #enum(json: JsonObject, namespace: string, path: Path): AvroType | undefined {
    const names = this.#names(json, namespace, path);
    const list = json["symbols"];
    if (!Array.isArray(list) || list.length === 0) return this.#report(path, 'enum needs "symbols", not empty');
    if (list.length > symbolsMax) return this.#report(path, `more than ${symbolsMax} symbols`);
    const symbols = new Set<string>();
    for (const [i, symbol] of list.entries()) {
      if (typeof symbol !== "string" || !namePattern.test(symbol)) {
        this.#report([...path, "symbols", i], "a symbol is made of letters, digits and _");
      } else if (symbols.has(symbol)) this.#report([...path, "symbols", i], `symbol ${symbol} is there twice`);
      else symbols.add(symbol);
    }
    const { default: fallback, ...attributes } = attributesOf(json);
    if (fallback !== undefined && !(typeof fallback === "string" && symbols.has(fallback)) && this.#strictDefaults) {
      return this.#report([...path, "default"], "the default of an enum is one of its symbols");
    }
    if (names === undefined) return undefined;
    const { inner: _, ...own } = names;
    const known = typeof fallback === "string" && symbols.has(fallback) ? fallback : undefined;
    const type: EnumType = { kind: "enum", ...own, symbols: [...symbols], default: known, attributes };
    return this.#define(type, path);
  }

  #fixed(json: JsonObject, namespace: string, path: Path): AvroType | undefined {
    const names = this.#names(json, namespace, path);
    const size = json["size"];
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || size > 0x7fffffff) {
      return this.#report(path, 'fixed needs "size", a number of bytes');
    }
    if (names === undefined) return undefined;
    const { inner: _, ...own } = names;
    const type: FixedType = { kind: "fixed", ...own, size, attributes: attributesOf(json) };
    return this.#define(type, path);
  }

  #define<T extends NamedType>(type: T, path: Path): T {
    if (this.#named.has(type.fullName)) this.#report([...path, "name"], `${type.fullName} is defined twice`);
    this.#named.set(type.fullName, type);
    return type;
  }

  /** `inner` is the namespace that names inside the type take. */
  #names(json: JsonObject, namespace: string, path: Path) {
    const name = json["name"];
    const own = json["namespace"];
    if (typeof name !== "string" || !fullNamePattern.test(name)) {
      return this.#report([...path, "name"], `${String(json["type"])} needs a "name" of letters, digits and _`);
    }
    if (own !== undefined && (typeof own !== "string" || (own !== "" && !fullNamePattern.test(own)))) {
      return this.#report([...path, "namespace"], "a namespace is made of names and dots");
    }
    const fullName = qualify(name, own ?? namespace);
    if (primitives.has(fullName)) return this.#report([...path, "name"], `${fullName} is a type of Avro's own`);
    const dot = fullName.lastIndexOf(".");
    const inner = dot < 0 ? "" : fullName.slice(0, dot);
    const aliases = this.#aliases(json, path, fullNamePattern).map((alias) => qualify(alias, inner));
    return { name: fullName.slice(dot + 1), fullName, aliases, inner };
  }

  #aliases(json: JsonObject, path: Path, pattern: RegExp): string[] {
    const list = json["aliases"] ?? [];
    if (Array.isArray(list) && list.every((alias) => typeof alias === "string" && pattern.test(alias))) return list;
    this.#report([...path, "aliases"], "aliases are a list of names");
    return [];
  }

  #report(path: Path, message: string, hint?: string): undefined {
    this.problems.push({ code: "MR_SCHEMA", path, message, ...(hint === undefined ? {} : { hint }) });
  }
}

function qualify(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

function attributesOf(json: JsonObject): Attributes {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !grammarKeys.has(key)));
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function wordFor(json: unknown): string {
  return json === null ? "null" : Array.isArray(json) ? "a list" : `a ${typeof json}`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
