/** A broken promise of our own code. Never caught: the process must not go on from a state nobody understands. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws when `condition` is false. For programmer errors only; bad input gets a {@link MillraceError}. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The compile-time proof that a union is exhausted; crashes if types were stepped around. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
