import type { Offset } from "../../src/kernel/index.ts";
import type { FollowerTurn, FollowerWork } from "../../src/runtime/index.ts";
import type { RawBatch } from "../../src/wire/index.ts";
import { outgoingOf, plainRecords, textOf, textRecord } from "./records.ts";

/** Writes every record of its topic to another one, and writes down what was asked of it. */
export class EchoWork implements FollowerWork {
  /** Offsets at which it was begun anew. */
  readonly restored: Offset[] = [];
  /** Texts in the order in which they were taken, repeats included. */
  readonly taken: string[] = [];
  turns = 0;
  releases = 0;
  #pending: string[] = [];
  readonly #output: string;

  constructor(output: string) {
    this.#output = output;
  }

  async restore(offsetNext: Offset): Promise<void> {
    this.restored.push(offsetNext);
    this.#pending = [];
  }

  async take(batch: RawBatch, from: number): Promise<void> {
    const texts = plainRecords(batch)
      .slice(from)
      .map((record) => textOf(record) ?? "");
    this.taken.push(...texts);
    this.#pending.push(...texts);
  }

  async turn(): Promise<FollowerTurn> {
    this.turns++;
    const records = this.#pending.map((text) => textRecord(this.#output, 0, text));
    this.#pending = [];
    return { outgoing: records.length === 0 ? [] : [outgoingOf(records)] };
  }

  async release(): Promise<void> {
    this.releases++;
  }
}
