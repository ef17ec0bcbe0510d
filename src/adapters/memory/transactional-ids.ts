import { OperationError } from "../../kernel/index.ts";

/** A transactional id as one of its holders has it. */
export interface TakenId {
  /** @throws OperationError MR_FENCED when another has taken it since */
  check(): void;
}

/** Who has which transactional id: the last who has taken it. */
export class TransactionalIds {
  readonly #takings = new Map<string, number>();

  take(id: string): TakenId {
    const taking = (this.#takings.get(id) ?? 0) + 1;
    this.#takings.set(id, taking);
    return {
      check: () => {
        if (this.#takings.get(id) === taking) return;
        throw new OperationError("MR_FENCED", `committing under the transactional id ${id}: another has taken it`, {
          disposition: "retry",
        });
      },
    };
  }
}
