import type { Program } from "../../expression/index.ts";

/** What a model answers in a test: the same score for every row, or a program whose output field is `score`. */
export type ModelStub =
  | { readonly kind: "score"; readonly score: number }
  /** Input is the model's features; the output row holds `score` alone. */
  | { readonly kind: "program"; readonly program: Program };

/** A record to send through the stage: bytes as they are, or one record in the one JSON form. */
export type GivenRecord =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "row"; readonly value: Readonly<Record<string, unknown>> };

/** A case under `tests:`, checked; `millrace test` runs it. */
export interface PlannedTest {
  readonly name: string;
  readonly stage: string;
  /** Path of the case in the file, for messages about it. */
  readonly path: readonly (string | number)[];
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Stubs by model name; every model of the stage has one. */
  readonly stubs: Readonly<Record<string, ModelStub>>;
  readonly given: readonly GivenRecord[];
  readonly expect: {
    /** Number and order exact, fields a subset, doubles within 1e-9 relative. */
    readonly records: readonly Readonly<Record<string, unknown>>[] | undefined;
    readonly filtered: number | undefined;
    readonly late: number | undefined;
    /** Codes in their order; late records are not among them. */
    readonly deadLetters: readonly string[] | undefined;
  };
}
