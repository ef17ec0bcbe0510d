export type { Field, FieldKind, FieldType, Row, RowShape } from "./row-shape.ts";
/** Placeholder until the parser stands. */
export interface RecordSchema {
  readonly name: string;
  readonly fullName: string;
  readonly json: unknown;
  readonly shape: import("./row-shape.ts").RowShape;
  readonly canonical: string;
}
