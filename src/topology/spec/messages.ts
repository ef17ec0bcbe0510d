import type { z } from "zod";
import { closest, type ErrorCode } from "../../kernel/index.ts";
import type { SpecProblem } from "../problems.ts";
import { flowText } from "./flow-text.ts";
import { laterHints, laterValues } from "./later.ts";
import { definitionAt, type JsonSchema, optionsOf } from "./levels.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

/** An issue of zod with its whole path, unions already decided; unknown keys are treated elsewhere. */
export interface FlatIssue {
  readonly issue: Issue;
  readonly path: Path;
}

/**
 * Issues with their paths from the root. Of a union, the option that the value's kind shows to be meant stands for
 * it: text for the short form, a mapping for the long one.
 */
export function flatten(issues: readonly Issue[], base: Path = []): FlatIssue[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
    if (issue.code !== "invalid_union") return [{ issue, path }];
    const meant = issue.errors.filter((option) => !option.some(isOtherKind));
    const [first] = meant;
    return first === undefined ? [{ issue, path }] : flatten(first, path);
  });
}

/** The option is not even of the value's kind. */
function isOtherKind(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

/** Reason and hint of an issue, in our sentences. `root` is the JSON Schema of the whole file, `file` its values. */
export function explain({ issue, path }: FlatIssue, root: JsonSchema, file: unknown): SpecProblem {
  const definition = definitionAt(root, path);
  const found = valueAt(file, path);
  const hint = exampleHint(path, definition?.schema, root);
  if (found === undefined) return missing(path, definition?.schema, missingHints[definition?.level ?? ""] ?? hint);
  const later = laterValue(definition?.level, found, path);
  if (later !== undefined) return later;
  if (typeof found === "bigint") return tooLarge(path, definition?.schema, found, hint);
  switch (issue.code) {
    case "invalid_value":
      return outsideSet(path, issue.values, found, hint);
    case "invalid_type":
      return wrongType(path, expectedTypes(definition?.schema, issue.expected), found, hint, definition?.schema);
    case "invalid_union":
      if (isSeveralTopics(definition?.level, found)) return severalTopics(path);
      return wrongType(path, unionName(definition?.schema), found, hint, definition?.schema);
    case "too_small":
    case "too_big":
      return { code: "MR_OUT_OF_RANGE", path, message: rangeMessage(issue, found), hint };
    case "invalid_key": {
      const inner = issue.issues[0]?.message ?? "the name is not allowed";
      return { code: "MR_OUT_OF_RANGE", path, message: inner, hint: keyHint(path, found), on: "key" };
    }
    default:
      return { code: codeOf(issue), path, message: lowerFirst(issue.message), hint };
  }
}

/** `{ a: x > 0,5 }` is an entry `a`, cut short, and an entry `5` without a value. */
function keyHint(path: Path, found: unknown): string {
  const isDigits = /^\d+$/.test(String(path.at(-1)));
  if (!isDigits || found !== null) return "choose another name";
  return "inside { } a comma ends the text before it: write a fraction with a point, as in 0.5, or quote the text";
}

/** Checks of our own say with `params.code` when they mean something else than "out of range". */
function codeOf(issue: Issue): ErrorCode {
  const code = issue.code === "custom" ? issue.params?.["code"] : undefined;
  return typeof code === "string" && code.startsWith("MR_") ? (code as ErrorCode) : "MR_OUT_OF_RANGE";
}

function missing(path: Path, schema: JsonSchema | undefined, hint: string): SpecProblem {
  const about = schema?.description === undefined ? "" : ` (${lowerFirst(schema.description).replace(/\.$/, "")})`;
  return { code: "MR_MISSING_KEY", path, message: `the key is missing${about}`, hint };
}

/** Where one of the values that a missing key may have is the one to begin with. */
const missingHints: Readonly<Record<string, string>> = {
  delivery:
    "paste the line delivery: exactly-once (or at-least-once, which is seen sooner, and of which a crash repeats some)",
};

function expectedTypes(schema: JsonSchema | undefined, otherwise: string): string {
  return schema?.type === undefined ? expectedName(otherwise) : unionName(schema);
}

function wrongType(path: Path, expected: string, found: unknown, example: string, schema?: JsonSchema): SpecProblem {
  const hint = sameInType(path, expected, found, schema) ?? example;
  return { code: "MR_WRONG_TYPE", path, message: `expected ${expected}, found ${foundName(found)}`, hint };
}

/** The allowed word that was meant: the closest, one that begins or ends like it, or what other languages call it. */
function meantOf(found: string, allowed: readonly string[]): string | undefined {
  const word = found.toLowerCase();
  const synonym = synonyms[word];
  if (synonym !== undefined && allowed.includes(synonym)) return synonym;
  const near = closest(word, allowed);
  if (near !== undefined || word.length < 3) return near;
  return allowed.find((name) => name.startsWith(word) || (name.length >= 3 && word.startsWith(name)));
}

const synonyms: Readonly<Record<string, string>> = {
  timestamp: "timestamp-millis",
  datetime: "timestamp-millis",
  date: "timestamp-millis",
  time: "timestamp-millis",
  text: "string",
  varchar: "string",
  number: "double",
  numeric: "double",
  real: "double",
  bigint: "long",
  int64: "long",
  int32: "int",
  seconds: "epoch-seconds",
  unix: "epoch-seconds",
  millis: "epoch-millis",
  milliseconds: "epoch-millis",
  micros: "epoch-micros",
  microseconds: "epoch-micros",
  nanos: "epoch-nanos",
  nanoseconds: "epoch-nanos",
};

/** A whole number beyond 2^53 - 1, which YAML's reader keeps exactly and no key takes. */
function tooLarge(path: Path, schema: JsonSchema | undefined, found: bigint, hint: string): SpecProblem {
  const types = schema === undefined ? [] : optionsOf(schema).flatMap(({ type }) => typesOf(type));
  if (!types.includes("integer") && !types.includes("number"))
    return wrongType(path, unionName(schema), found, hint, schema);
  const limit = found > 0n ? schema?.maximum : schema?.minimum;
  const bound = `${found > 0n ? "at most" : "at least"} ${limit ?? (found > 0n ? "2^53 - 1" : "-2^53 + 1")}`;
  return { code: "MR_OUT_OF_RANGE", path, message: `expected ${bound}, found ${found}`, hint };
}

/** The line with what stands there as the type that is expected, where that can be told. */
function sameInType(path: Path, expected: string, found: unknown, schema?: JsonSchema): string | undefined {
  const name = path.at(-1);
  // Addresses and keys of those who are told are secrets.
  if (path[0] === "alerts" && path[1] === "notify") return undefined;
  if (schema?.pattern !== undefined && !new RegExp(schema.pattern).test(String(found))) return undefined;
  const isPlain = typeof found === "number" || typeof found === "boolean" || typeof found === "bigint";
  if (isPlain && /(?:^| )text(?: |$)/.test(expected) && (typeof found !== "number" || Number.isFinite(found)))
    return written(name, JSON.stringify(String(found)));
  if (typeof found !== "string") return undefined;
  const word = found.toLowerCase();
  if (expected.includes("true or false") && ["yes", "on", "y"].includes(word)) return written(name, "true");
  if (expected.includes("true or false") && ["no", "off", "n"].includes(word)) return written(name, "false");
  const number = Number(found.replaceAll("_", ""));
  const fits = expected === "a whole number" ? Number.isSafeInteger(number) : Number.isFinite(number);
  return /number/.test(expected) && /\d/.test(found) && fits ? written(name, String(number)) : undefined;
}

function written(name: string | number | undefined, value: string): string {
  return typeof name === "string" ? `write ${flowText(name)}: ${value}` : `write ${value}`;
}

function outsideSet(path: Path, values: readonly unknown[], found: unknown, hint: string): SpecProblem {
  const allowed = values.map(String);
  const expected = allowed.length === 1 ? String(allowed[0]) : `one of ${allowed.join(", ")}`;
  if (typeof found !== typeof values[0]) return wrongType(path, expected, found, hint);
  const meant = meantOf(String(found), allowed);
  const message = `expected ${expected}, found ${flowText(found).slice(0, 60)}`;
  return { code: "MR_OUT_OF_RANGE", path, message, hint: meant === undefined ? hint : `did you mean "${meant}"?` };
}

function laterValue(level: string | undefined, found: unknown, path: Path): SpecProblem | undefined {
  if (level === undefined || typeof found !== "string") return undefined;
  if (!(laterValues[level] ?? []).includes(found)) return undefined;
  const hint = laterHints[`${level}=${found}`] ?? "write a constant";
  return { code: "MR_UNSUPPORTED", path, message: `this version does not have ${found} yet`, hint };
}

/** Several inputs or outputs are part of the language, and not of this version. */
function isSeveralTopics(level: string | undefined, found: unknown): boolean {
  const isEnd = level === "stages.*.from" || level === "stages.*.to";
  return isEnd && Array.isArray(found) && found.length > 0 && found.every((name) => typeof name === "string");
}

function severalTopics(path: Path): SpecProblem {
  const message = "this version reads and writes one topic per stage";
  return { code: "MR_UNSUPPORTED", path, message, hint: "give each topic a stage of its own" };
}

function rangeMessage(issue: Extract<Issue, { code: "too_small" | "too_big" }>, found: unknown): string {
  const limit = issue.code === "too_small" ? issue.minimum : issue.maximum;
  const side = issue.code === "too_small" ? "at least" : "at most";
  const bound = issue.inclusive === false ? (issue.code === "too_small" ? "more than" : "less than") : side;
  if (issue.origin === "string") return ownMessage(issue.message) ?? `expected ${side} ${limit} characters`;
  if (issue.origin === "array") return `expected ${side} ${limit} ${Number(limit) === 1 ? "entry" : "entries"}`;
  return `expected ${bound} ${limit}, found ${String(found)}`;
}

function ownMessage(message: string): string | undefined {
  return message.startsWith("Too ") ? undefined : lowerFirst(message);
}

function expectedName(expected: string): string {
  return typeNames[expected] ?? expected;
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function unionName(schema: JsonSchema | undefined): string {
  const options = schema === undefined ? [] : optionsOf(schema);
  const names = options.flatMap(({ const: only, type }) =>
    only === undefined ? typesOf(type).map(expectedName) : [String(only)],
  );
  return names.length === 0 ? "another value" : [...new Set(names)].join(" or ");
}

/** JSON Schema writes a union of plain types as a list. */
function typesOf(type: JsonSchema["type"]): readonly string[] {
  return type === undefined ? [] : typeof type === "string" ? [type] : type;
}

/** What a value is, in the words of the messages. */
export function foundName(found: unknown): string {
  if (found === null) return "nothing";
  if (Array.isArray(found)) return "a list";
  if (typeof found === "number" && !Number.isFinite(found)) return String(found);
  if (typeof found === "bigint") return "a whole number";
  if (typeof found === "number") return Number.isInteger(found) ? "a whole number" : "a number";
  if (typeof found === "boolean") return String(found);
  return typeof found === "string" ? "text" : "a mapping";
}

/** A line that would be right, from the example beside the definition, or of the nearest one around it. */
function exampleHint(path: Path, schema: JsonSchema | undefined, root: JsonSchema): string {
  const last = path.at(-1);
  const own = schema?.examples?.[0];
  if (own !== undefined && typeof last === "string") return `write for example ${flowText(last)}: ${flowText(own)}`;
  for (let length = path.length - 1; length > 0; length--) {
    const definition = definitionAt(root, path.slice(0, length))?.schema;
    const example = definition?.examples?.[0];
    const name = path[length - 1];
    if (example === undefined || typeof name !== "string") continue;
    const inside = exampleInside(example, path.slice(0, length), path.slice(length), root);
    if (inside === undefined) return `write for example ${flowText(name)}: ${flowText(example)}`;
    return `write for example ${typeof last === "string" ? `${flowText(last)}: ` : ""}${flowText(inside)}`;
  }
  return "see docs/reference/topology.md";
}

/** The part of an example below `base`. Of names and indices that are the user's, any entry shows what one is. */
function exampleInside(example: unknown, base: Path, path: Path, root: JsonSchema): unknown {
  let at = example;
  for (const [index, part] of path.entries()) {
    if (typeof at !== "object" || at === null) return undefined;
    const definition = definitionAt(root, [...base, ...path.slice(0, index)]);
    const isOpen = definition !== undefined && optionsOf(definition.schema).some(hasUserNames);
    at = valueAt(at, [part]) ?? (isOpen ? Object.values(at)[0] : undefined);
  }
  return at;
}

function hasUserNames({ items, additionalProperties }: JsonSchema): boolean {
  return items !== undefined || typeof additionalProperties === "object";
}

/** What stands at a path; undefined when nothing does. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
