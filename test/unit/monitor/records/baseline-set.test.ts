import { expect, test } from "vitest";
import { type BaselineFieldRecord, type BaselineHeadRecord, BaselineSet } from "../../../../src/monitor/index.ts";

const field = (id: string, name: string, fields = 2): BaselineFieldRecord => ({
  monitor: "m",
  id,
  field: name,
  fields,
  cells: { kind: "numbers", edges: [0, 1] },
  windows: [],
});
const head = (id: string): BaselineHeadRecord => ({
  monitor: "m",
  version: `v-${id}`,
  id,
  origin: "first",
  asked: "",
  atMs: 0,
});

function given(...records: readonly (BaselineFieldRecord | BaselineHeadRecord)[]): BaselineSet {
  const set = new BaselineSet();
  for (const record of records) set.take(record);
  return set;
}

test("a baseline is in service once its head and all of its fields are there, in any order", () => {
  expect(given(field("a", "x"), field("a", "y")).current("m")).toBeUndefined();
  expect(given(field("a", "x"), head("a")).current("m")).toBeUndefined();
  const whole = { id: "a", version: "v-a", asked: "", fields: [field("a", "x"), field("a", "y")] };
  expect(given(field("a", "x"), field("a", "y"), head("a")).current("m")).toEqual(whole);
  expect(given(head("a"), field("a", "x"), field("a", "y")).current("m")).toEqual(whole);
});

test("the same field twice is one", () => {
  expect(given(field("a", "x"), field("a", "x"), head("a")).current("m")).toBeUndefined();
});

test("the one before stays in reach while the next is written and after it came into service", () => {
  const set = given(field("a", "x", 1), head("a"), field("b", "x", 1));
  expect(set.current("m")?.id).toBe("a");
  set.take(head("b"));
  expect(set.current("m")?.id).toBe("b");
  expect(set.fieldsOf("m", "a")).toHaveLength(1);
});

test("no more than three are held, and never without the one in service", () => {
  const set = given(field("a", "x", 1), head("a"), ...["b", "c", "d"].map((id) => field(id, "x", 1)));
  expect(set.current("m")?.id).toBe("a");
  expect(set.fieldsOf("m", "b")).toBeUndefined();
  expect(set.fieldsOf("m", "d")).toHaveLength(1);
});

test("monitors are apart", () => {
  const set = given(field("a", "x", 1), head("a"));
  expect(set.current("other")).toBeUndefined();
});
