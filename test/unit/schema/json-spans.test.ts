import { expect, test } from "vitest";
import { memberSpans } from "../../../src/schema/json-spans.ts";

function valuesOf(text: string): [string, string][] {
  return [...memberSpans(text)].map(([key, { from, to }]) => [key, text.slice(from, to)]);
}

test("the values of an object's keys are found whole, whatever stands in and around them", () => {
  expect(valuesOf(' { "a" : 1 , "b":"x,}\\"" ,"c": [ 1, {"d": "]"} ] , "e" :{ } }\n')).toEqual([
    ["a", " 1 "],
    ["b", '"x,}\\"" '],
    ["c", ' [ 1, {"d": "]"} ] '],
    ["e", "{ } "],
  ]);
  expect(valuesOf("{}")).toEqual([]);
  expect(valuesOf('{"a":{"b":{"c":[[]]}},"z":null}')).toEqual([
    ["a", '{"b":{"c":[[]]}}'],
    ["z", "null"],
  ]);
});

test("a key that comes twice counts the second time, and one that is escaped is read", () => {
  expect(valuesOf('{"a":1,"b":2,"\\u0061":3}')).toEqual([
    ["a", "3"],
    ["b", "2"],
  ]);
});
