import type { RowOp } from "../../expression/index.ts";
import { errorCodes, parseIsoTimeMs } from "../../kernel/index.ts";
import { type Field, isLong, kindText, type RowShape } from "../../schema/index.ts";
import type { PlannedStage } from "../plan/plan.ts";
import type { GivenRecord, ModelStub, PlannedTest } from "../plan/planned-test.ts";
import { flowText } from "../spec/flow-text.ts";
import { foundName } from "../spec/messages.ts";
import type { Outline, Part } from "../spec/shape.ts";
import type { TestSpec } from "../spec/test-spec.ts";
import { danglingHint, type Findings, quoted } from "./findings.ts";
import { typedExpression } from "./lowering.ts";

type Path = readonly (string | number)[];
type Place = Pick<PlannedTest, "file" | "line" | "column">;

/** Codes that a record in a test can end with; lateness is counted on its own. */
const recordCodes = Object.entries(errorCodes)
  .filter(([code, { kind }]) => kind === "record" && code !== "MR_LATE")
  .map(([code]) => code);

/**
 * Checks the cases under `tests:` against the stages: names, stubs, fields and the kinds of their values. A stage
 * that could not be planned is undefined in `stages`, and its cases are then checked for nothing but their shape.
 */
export function planTests(
  outline: Outline,
  stages: ReadonlyMap<string, PlannedStage | undefined>,
  placeOf: (path: Path) => Place,
  findings: Findings,
): PlannedTest[] {
  const allNamed = outline.stages.every((stage) => stage.name !== undefined);
  const tests: PlannedTest[] = [];
  const names = new Set<string>();
  for (const part of outline.tests) {
    const test = planTest(part, { stages, allNamed }, placeOf(part.path), findings);
    if (part.spec !== undefined && names.has(part.spec.name))
      findings.problem(
        "MR_CONFLICT",
        [...part.path, "name"],
        `two tests are named ${quoted(part.spec.name)}`,
        "rename one",
      );
    names.add(part.spec?.name ?? "");
    if (test !== undefined) tests.push(test);
  }
  return tests;
}

function planTest(
  { path, spec }: Part<TestSpec>,
  { stages, allNamed }: { readonly stages: ReadonlyMap<string, PlannedStage | undefined>; readonly allNamed: boolean },
  place: Place,
  findings: Findings,
): PlannedTest | undefined {
  if (spec === undefined) return undefined;
  for (const [index, code] of (spec.expect.deadLetters ?? []).entries()) {
    if (recordCodes.includes(code)) continue;
    const hint = code === "MR_LATE" ? "write late: 1" : danglingHint("code", code, recordCodes);
    const message = `no dead letter carries ${quoted(code)}`;
    findings.problem("MR_REFERENCE", [...path, "expect", "deadLetters", index], message, hint);
  }
  if (!stages.has(spec.stage)) {
    if (allNamed) findings.dangling([...path, "stage"], "stage", spec.stage, stages.keys());
    return undefined;
  }
  const stage = stages.get(spec.stage);
  if (stage === undefined) return undefined;
  const { expect } = spec;
  return {
    name: spec.name,
    stage: spec.stage,
    path,
    ...place,
    stubs: stubsOf(spec, stage, path, findings),
    given: spec.given
      .map((record, index) => givenOf(record, stage, [...path, "given", index], findings))
      .filter(isGiven),
    expect: {
      records: expect.records?.map((record, index) => {
        checkRow(record, stage.to.schema?.shape ?? [], [...path, "expect", "records", index], findings);
        return record;
      }),
      filtered: expect.filtered,
      late: expect.late,
      deadLetters: expect.deadLetters,
    },
  };
}

function isGiven(record: GivenRecord | undefined): record is GivenRecord {
  return record !== undefined;
}

function givenOf(
  record: string | Record<string, unknown>,
  stage: PlannedStage,
  path: Path,
  findings: Findings,
): GivenRecord | undefined {
  if (stage.ingest !== undefined)
    return typeof record === "string" ? { kind: "text", text: record } : { kind: "row", value: record };
  if (typeof record === "string") {
    const message = `stage ${stage.name} reads Avro, so a record is a mapping, found text`;
    findings.problem("MR_WRONG_TYPE", path, message, "write the fields, such as { amount: 5 }");
    return undefined;
  }
  checkRow(record, stage.reader.shape, path, findings);
  return { kind: "row", value: record };
}

/** Every field must exist and hold a value of its kind; fields may be left out. */
function checkRow(record: Record<string, unknown>, shape: RowShape, path: Path, findings: Findings): void {
  for (const [name, value] of Object.entries(record)) {
    const field = shape.find((candidate) => candidate.name === name);
    const at = [...path, name];
    if (field === undefined) {
      const hint = danglingHint(
        "field",
        name,
        shape.map((f) => f.name),
      );
      findings.problems.push({
        code: "MR_REFERENCE",
        path: at,
        message: `there is no field ${quoted(name)} here`,
        hint,
        on: "key",
      });
    } else if (!holds(field, value)) {
      const message = `field ${name} is ${kindText(field.type)}, found ${foundName(value)}`;
      findings.problem("MR_WRONG_TYPE", at, message, `write for example ${name}: ${flowText(zeroOf(field))}`);
    }
  }
}

function holds({ type }: Field, value: unknown): boolean {
  if (value === null) return type.nullable;
  switch (type.kind) {
    case "boolean":
      return typeof value === "boolean";
    case "int":
      return Number.isInteger(value);
    case "long":
      return Number.isInteger(value) || isLong(value);
    case "float":
    case "double":
      return (
        typeof value === "bigint" ||
        typeof value === "number" ||
        value === "NaN" ||
        value === "Infinity" ||
        value === "-Infinity"
      );
    case "timestamp":
      return typeof value === "number" || (typeof value === "string" && parseIsoTimeMs(value) !== undefined);
    case "string":
    case "enum":
    case "bytes":
      return typeof value === "string";
    default:
      return true;
  }
}

function zeroOf({ type }: Field): unknown {
  switch (type.kind) {
    case "boolean":
      return true;
    case "int":
    case "long":
      return 1;
    case "float":
    case "double":
      return 0.5;
    case "timestamp":
      return "2026-01-01T00:00:00Z";
    default:
      return "text";
  }
}

function stubsOf(spec: TestSpec, stage: PlannedStage, path: Path, findings: Findings): Record<string, ModelStub> {
  const given = spec.with?.models ?? {};
  const model = stage.infer?.model;
  const stubs: Record<string, ModelStub> = {};
  for (const [name, stub] of Object.entries(given)) {
    const at = [...path, "with", "models", name];
    if (name !== model) {
      const known = model === undefined ? [] : [model];
      const hint = danglingHint("model in this stage", name, known);
      const message = `stage ${stage.name} has no model ${quoted(name)}`;
      findings.problems.push({ code: "MR_REFERENCE", path: at, message, hint, on: "key" });
      continue;
    }
    const made = stubOf(stub, stage, at, findings);
    if (made !== undefined) stubs[name] = made;
  }
  if (model !== undefined && !Object.hasOwn(given, model) && !findings.isAbout([...path, "with"])) {
    const message = `stage ${stage.name} asks model ${model}, and a test needs a stub for it`;
    const hint = `paste this line into the test:\nwith: { models: { ${model}: 0.93 } }`;
    findings.problem("MR_MISSING_KEY", [...path, "with"], message, hint);
  }
  return stubs;
}

function stubOf(stub: number | string, stage: PlannedStage, path: Path, findings: Findings): ModelStub | undefined {
  if (typeof stub === "number") return { kind: "score", score: stub };
  // A model sees its features and nothing else, and so does what stands in for it.
  const input = stage.program.output.filter(({ name }) => stage.infer?.features.includes(name) === true);
  const value = typedExpression(stub, input, (problem) => findings.problems.push({ ...problem, path }));
  if (value === undefined) return undefined;
  if (!["int", "long", "float", "double"].includes(value.type.kind) || value.type.nullable) {
    const message = `a stub answers a number that is never null, and this is ${kindText(value.type)}`;
    findings.problem("MR_EXPRESSION_TYPE", path, message, "write for example coalesce(amount, 0.0) / 1000.0");
    return undefined;
  }
  const field: Field = { name: "score", type: { kind: "double", nullable: false, avro: "double" } };
  const ops: RowOp[] = [{ op: "assign", field, value }];
  return { kind: "program", program: { input, ops, output: [field] } };
}
