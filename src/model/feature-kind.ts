import type { FieldKind } from "../schema/index.ts";
import type { InputKind } from "./scorer.ts";

const inputKinds: Readonly<Record<FieldKind, InputKind | undefined>> = {
  boolean: "boolean",
  int: "number",
  long: "number",
  float: "number",
  double: "number",
  string: "category",
  enum: "category",
  // A moment says little by itself: its hour, or the time since another, is what a step derives.
  timestamp: undefined,
  bytes: undefined,
  record: undefined,
  list: undefined,
  map: undefined,
  other: undefined,
};

/** As what a model takes a field of this kind; undefined when a field of the kind is no feature. */
export function inputKindOf(kind: FieldKind): InputKind | undefined {
  return inputKinds[kind];
}
