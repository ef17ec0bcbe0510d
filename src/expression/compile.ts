import { assert } from "../kernel/index.ts";
import type { RowReads } from "../schema/index.ts";
import { generate, type RunRow } from "./generate.ts";
import { interpret } from "./interpret.ts";
import { type Layout, layOut } from "./layout.ts";
import type { CompiledProgram, Passing, Program, RowMemory } from "./program.ts";

export interface CompileOptions {
  /**
   * `auto` generates code, or builds closures where the process forbids it
   * (`--disallow-code-generation-from-strings`); the others force one of the two. Answers are the same.
   */
  readonly backEnd?: "auto" | "generated" | "closures";
  /** Left out, the output holds every field as a value. */
  readonly passing?: Passing;
}

/** What a program reads of its input rows. */
export function readsOf(program: Program, passing?: Passing): RowReads {
  return layOut(program, passing).reads;
}

/**
 * Compiles a stage's row operations into one function. A compiled program belongs to one task: it holds the
 * task's memories, and must not be entered again from inside a memory's `update`.
 *
 * @param memories by the index that `call` operations name; at least as many as they name
 */
export function compileProgram(
  program: Program,
  memories: readonly RowMemory[] = [],
  options: CompileOptions = {},
): CompiledProgram {
  const layout = layOut(program, options.passing);
  for (const op of layout.ops) {
    if (op.op !== "call") continue;
    const memory = memories[op.memory];
    assert(memory !== undefined, `no memory ${op.memory}, of ${memories.length}`);
    assert(
      memory.numbers.length >= op.numbers.length && memory.results.length >= op.results.length,
      `memory ${op.memory} has no room for its arguments or results`,
    );
  }
  return { fates: layout.fates, reads: layout.reads, run: backEndOf(layout, memories, options.backEnd ?? "auto") };
}

function backEndOf(layout: Layout, memories: readonly RowMemory[], backEnd: "auto" | "generated" | "closures"): RunRow {
  if (backEnd === "closures") return interpret(layout, memories);
  try {
    return generate(layout, memories);
  } catch (thrown) {
    if (backEnd === "auto" && thrown instanceof EvalError) return interpret(layout, memories);
    throw thrown;
  }
}
