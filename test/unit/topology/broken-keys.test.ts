import { expect, test } from "vitest";
import { isCollection, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { ErrorCode } from "../../../src/kernel/index.ts";
import type { LocatedProblem } from "../../../src/topology/index.ts";
import { exampleNames, exampleText, planText } from "./fixture.ts";

/** One way to break a key: what is put in its place, and what must be said about it. */
interface Way {
  readonly name: "misspelt" | "wrong type" | "out of range" | "dangling reference" | "not an expression";
  /** Text put in place of the value, or of the key when the way is about the key. */
  readonly text: (old: string) => string;
  readonly of: "key" | "value";
  readonly code: ErrorCode | readonly ErrorCode[];
  /** The problem stands inside the value (an expression), not at its first character. */
  readonly inside?: true;
  /** The reference breaks where the name is used, not where it is defined. */
  readonly elsewhere?: true;
}

const misspelt: Way = { name: "misspelt", of: "key", text: (key) => `${key}q`, code: "MR_UNKNOWN_KEY" };
const wrongType = (text: string): Way => ({ name: "wrong type", of: "value", text: () => text, code: "MR_WRONG_TYPE" });
const range = (text: string, code: Way["code"] = "MR_OUT_OF_RANGE"): Way => ({
  name: "out of range",
  of: "value",
  text: () => text,
  code,
});
const dangling: Way = { name: "dangling reference", of: "value", text: (old) => `${old}x`, code: "MR_REFERENCE" };
const syntax: Way = {
  name: "not an expression",
  of: "value",
  text: () => '"1 +"',
  code: "MR_EXPRESSION_SYNTAX",
  inside: true,
};
const unknownField: Way = {
  name: "dangling reference",
  of: "value",
  text: () => '"nobodys + 1"',
  code: "MR_REFERENCE",
  inside: true,
};
const renamed: Way = { ...misspelt, name: "dangling reference", code: "MR_REFERENCE", elsewhere: true };
const unknownName: Way = { ...misspelt, name: "dangling reference", code: "MR_REFERENCE" };

const text = [misspelt, wrongType("[1]")];
const name = [...text, range('"Not a name"')];
const wholeNumber = (above: string): Way[] => [misspelt, wrongType("[1]"), range("0"), range(above), wrongType("1.5")];
const mapping = [misspelt, wrongType("5")];
const list = [misspelt, wrongType("5")];
const topicReference = [...text, dangling];
const fieldReference = [...text, dangling];
const entry = [wrongType("[1]"), dangling];
const expression = [wrongType("[1]"), syntax, unknownField];

/** Every kind of key of both examples, `*` for names and indices, and all ways in which it is broken here. */
const ways: Readonly<Record<string, readonly Way[]>> = {
  apiVersion: [...text, range("millrace/v9")],
  kind: [...text, range("Pipeline")],
  name,
  description: text,
  owner: text,
  namespace: [...text, range('"a b"')],
  delivery: [...text, range("at-most-once")],
  commit: mapping,
  "commit.everyMs": wholeNumber("60001"),
  "commit.records": wholeNumber("1000001"),
  limits: mapping,
  "limits.recordBytes": wholeNumber("100000001"),
  sample: mapping,
  "sample.generator": [...text, dangling],
  "sample.seed": [misspelt, wrongType("[1]"), wrongType("1.5")],
  "sample.perSecond": [misspelt, wrongType("[1]"), range("0"), range("1000001")],
  topics: mapping,
  "topics.*": [wrongType("5"), renamed],
  "topics.*.name": [...text, range('"a b"')],
  "topics.*.schema": [...text, dangling],
  "topics.*.format": [...text, range("xml"), range("csv", "MR_UNSUPPORTED")],
  "topics.*.external": [misspelt, wrongType("[1]"), wrongType("perhaps")],
  "topics.*.key": fieldReference,
  "topics.*.time": fieldReference,
  "topics.*.partitions": wholeNumber("10001"),
  "topics.*.retention": [...text, range("7weeks"), range("0d"), range("99999d")],
  stages: list,
  "stages.*": [wrongType("5")],
  "stages.*.name": name,
  "stages.*.from": [...text, { ...dangling, text: () => "nowhere" }],
  "stages.*.from.topic": topicReference,
  "stages.*.from.format": [...text, range("xml"), range("csv", "MR_UNSUPPORTED")],
  "stages.*.from.start": [...text, range("yesterday")],
  "stages.*.from.ahead": [...text, range("soon")],
  "stages.*.to": [...text, dangling],
  "stages.*.late": mapping,
  "stages.*.late.within": [...text, range("soon")],
  "stages.*.late.then": [...text, range("forget")],
  "stages.*.steps": list,
  "stages.*.steps.*": [wrongType("5")],
  "stages.*.steps.*.cast": mapping,
  "stages.*.steps.*.cast.*": [unknownName, wrongType("[1]"), range("decimal")],
  "stages.*.steps.*.require": list,
  "stages.*.steps.*.require.*": entry,
  "stages.*.steps.*.dedupe": mapping,
  "stages.*.steps.*.dedupe.by": fieldReference,
  "stages.*.steps.*.dedupe.within": [...text, range("soon")],
  "stages.*.steps.*.filter": [misspelt, ...expression],
  "stages.*.steps.*.impute": mapping,
  "stages.*.steps.*.impute.field": fieldReference,
  "stages.*.steps.*.impute.with": [...text, wrongType("many"), range("median", "MR_UNSUPPORTED")],
  "stages.*.steps.*.clamp": mapping,
  "stages.*.steps.*.clamp.field": fieldReference,
  "stages.*.steps.*.clamp.min": [misspelt, wrongType("[1]"), range("1000000")],
  "stages.*.steps.*.clamp.max": [misspelt, wrongType("[1]")],
  "stages.*.steps.*.derive": mapping,
  "stages.*.steps.*.derive.*": expression,
  "stages.*.steps.*.rolling": mapping,
  "stages.*.steps.*.rolling.by": fieldReference,
  "stages.*.steps.*.rolling.over": list,
  "stages.*.steps.*.rolling.over.*": [wrongType("[1]"), range("soon")],
  "stages.*.steps.*.rolling.where": [misspelt, ...expression],
  "stages.*.steps.*.rolling.features": mapping,
  "stages.*.steps.*.rolling.features.*": [
    wrongType("[1]"),
    syntax,
    { ...unknownField, text: () => "mean(nobodys)" },
    { ...unknownField, text: () => "median(amount)", code: "MR_EXPRESSION_TYPE" },
  ],
  "stages.*.steps.*.infer": mapping,
  "stages.*.steps.*.infer.model": [...text, range("nameless"), { ...dangling, text: (old) => old.replace("@", "x@") }],
  "stages.*.steps.*.infer.keep": list,
  "stages.*.steps.*.infer.keep.*": entry,
  "stages.*.steps.*.infer.decide": mapping,
  "stages.*.steps.*.infer.decide.*": expression,
  models: mapping,
  "models.*": [wrongType("5"), renamed],
  "models.*.task": [...text, range("guess"), range("regression", "MR_UNSUPPORTED")],
  "models.*.features": mapping,
  "models.*.features.from": topicReference,
  "models.*.features.except": list,
  "models.*.features.except.*": entry,
  "models.*.features.only": list,
  "models.*.features.only.*": entry,
  "models.*.label": mapping,
  "models.*.label.topic": topicReference,
  "models.*.label.on": fieldReference,
  "models.*.label.field": fieldReference,
  "models.*.candidates": list,
  "models.*.candidates.*": [wrongType("[1]"), range("tree"), range("gbdt", "MR_UNSUPPORTED")],
  tests: list,
  "tests.*": [wrongType("5")],
  "tests.*.name": text,
  "tests.*.stage": [...text, dangling],
  "tests.*.with": mapping,
  "tests.*.with.models": mapping,
  "tests.*.with.models.*": [wrongType("[1]"), unknownName],
  "tests.*.given": list,
  "tests.*.given.*": [wrongType("5")],
  "tests.*.expect": mapping,
  "tests.*.expect.records": list,
  "tests.*.expect.records.*": [wrongType("5")],
  "tests.*.expect.records.*.*": [wrongType("[1]"), unknownName],
  "tests.*.expect.filtered": [misspelt, wrongType("[1]"), range("-1")],
  "tests.*.expect.deadLetters": list,
  "tests.*.expect.deadLetters.*": entry,
};

interface Place {
  readonly path: readonly (string | number)[];
  readonly kind: string;
  readonly key: Node | undefined;
  readonly value: Node;
}

/** Mappings whose keys are the user's: names of topics, models and fields. */
const named =
  /^(?:topics|models|stages\.\*\.steps\.\*\.(?:cast|derive|rolling\.features|infer\.decide)|tests\.\*\.(?:with\.models|given\.\*|expect\.records\.\*))$/;

function placesOf(text: string): Place[] {
  return placesIn(parseDocument(text).contents, [], "");
}

function placesIn(node: unknown, path: readonly (string | number)[], kind: string): Place[] {
  const below = (part: string | number, name: string, key: Node | undefined, value: unknown): Place[] => {
    if (!isScalar(value) && !isCollection(value)) return [];
    const place = { path: [...path, part], kind: kind === "" ? name : `${kind}.${name}`, key, value };
    return [place, ...placesIn(value, place.path, place.kind)];
  };
  if (isSeq(node)) return node.items.flatMap((item, index) => below(index, "*", undefined, item));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    return below(String(key.value), named.test(kind) ? "*" : String(key.value), key, value);
  });
}

function broken(text: string, place: Place, way: Way): string {
  const node = way.of === "key" ? place.key! : place.value;
  const [start, end] = node.range!;
  const old = text.slice(start, end);
  const fresh = way.text(isScalar(node) ? String(node.value) : old);
  return `${text.slice(0, start)}${fresh}${old.endsWith("\n") ? "\n" : ""}${text.slice(end)}`;
}

function isAt(problem: LocatedProblem, place: Place, way: Way, lines: LineCounter): boolean {
  if (way.elsewhere) return true;
  const node = way.of === "key" ? place.key! : place.value;
  const { line, col } = lines.linePos(node.range![0]);
  if (way.inside) return problem.line === line && problem.column >= col;
  return problem.line === line && problem.column === col;
}

function hasAllParts(problem: LocatedProblem): boolean {
  return problem.line >= 1 && problem.column >= 1 && problem.message !== "" && (problem.hint ?? "") !== "";
}

/** Says what is wrong with the problems of one broken key; undefined when all is as it should be. */
function verdict(text: string, place: Place, way: Way): string | undefined {
  const lines = new LineCounter();
  const file = broken(text, place, way);
  parseDocument(file, { lineCounter: lines });
  const { problems } = planText(file);
  const codes = typeof way.code === "string" ? [way.code] : way.code;
  const found = problems.some((problem) => codes.includes(problem.code) && isAt(problem, place, way, lines));
  const isAlone = problems.length === 1 || way.elsewhere === true;
  if (found && isAlone && problems.every(hasAllParts)) return undefined;
  const listed = problems.map((p) => `${p.line}:${p.column} ${p.code} ${p.message}; ${p.hint}`).join(" | ");
  return `${place.path.join(".")} ${way.name} (${way.text("OLD")}), expected ${codes.join("/")}: ${listed || "no problem"}`;
}

test("every kind of key of the examples has its ways of breaking listed", () => {
  const kinds = new Set(exampleNames.flatMap((example) => placesOf(exampleText(example)).map(({ kind }) => kind)));
  const free = [...kinds].filter((kind) => /^tests\.\*\.given\.\*\.\*/.test(kind));
  expect([...kinds].filter((kind) => ways[kind] === undefined && !free.includes(kind))).toEqual([]);
  expect(Object.keys(ways).filter((kind) => !kinds.has(kind))).toEqual([]);
});

for (const example of exampleNames) {
  test(`each key of ${example} broken in each way of its kind is reported at its place, with reason and hint`, () => {
    const file = exampleText(example);
    const broken = placesOf(file).flatMap((place) => (ways[place.kind] ?? []).map((way) => ({ place, way })));
    expect(broken.length).toBeGreaterThan(200);
    expect(broken.map(({ place, way }) => verdict(file, place, way)).filter((line) => line !== undefined)).toEqual([]);
  }, 60_000);

  test(`all keys of ${example} misspelt at once are all reported, each at its place`, () => {
    const file = exampleText(example);
    const keys = placesOf(file).filter(({ kind }) => ways[kind]?.includes(misspelt));
    const text = keys.reduceRight((t, place) => broken(t, place, misspelt), file);
    const lines = new LineCounter();
    const expected = parsedKeys(text, lines);
    const found = planText(text).problems.map((p) => `${p.line}:${p.column} ${p.code} ${p.hint}`);
    expect(found).toEqual(expected);
  });
}

/** What must be said of a file in which every key that ends in q is misspelt. */
function parsedKeys(text: string, lines: LineCounter): string[] {
  const found: { at: number; line: string }[] = [];
  const visit = (node: unknown): void => {
    if (isSeq(node)) for (const item of node.items) visit(item);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (isScalar(key) && String(key.value).endsWith("q")) {
        const { line, col } = lines.linePos(key.range![0]);
        const meant = String(key.value).slice(0, -1);
        found.push({ at: key.range![0], line: `${line}:${col} MR_UNKNOWN_KEY did you mean "${meant}"?` });
      }
      visit(value);
    }
  };
  visit(parseDocument(text, { lineCounter: lines }).contents);
  return found.sort((a, b) => a.at - b.at).map(({ line }) => line);
}
