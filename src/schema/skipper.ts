import { type AvroType, bytesMin, isTimestamp, type RecordType } from "./avro-type.ts";
import { type ByteCursor, damaged } from "./byte-cursor.ts";
import type { Long } from "./long.ts";
import { branchesPerPart } from "./same-type.ts";
import { isUtf8 } from "./utf8.ts";

/** Steps over one value at the cursor. Refuses what a decoder refuses, and allocates nothing. */
export type Skipper = (cursor: ByteCursor) => void;

export interface SkipChecks {
  /** Text must be UTF-8. Not looked at where only Millrace has written. */
  readonly text: boolean;
  /** Looks at every time, and throws for one that is out of range. */
  readonly time?: (time: Long) => void;
}

/** Makes skippers; each record type's once. */
export class Skippers {
  readonly #checks: SkipChecks;
  readonly #records = new Map<RecordType, Skipper>();

  constructor(checks: SkipChecks) {
    this.#checks = checks;
  }

  /** {@link make}, yielding between the branches of unions that have very many. */
  *parts(type: AvroType): Generator<void, Skipper> {
    if (type.kind === "union") {
      for (const [i, branch] of type.branches.entries()) {
        // Records are kept, and so the union's own skipper is soon made.
        if (branch.kind === "record") this.make(branch);
        if (i % branchesPerPart === branchesPerPart - 1) yield;
      }
    }
    return this.make(type);
  }

  make(type: AvroType): Skipper {
    switch (type.kind) {
      case "union": {
        const branches = type.branches.map((branch) => this.make(branch));
        return (cursor) => {
          const skip = branches[cursor.index()];
          if (skip === undefined) damaged("a union has no such branch");
          skip(cursor);
        };
      }
      case "record":
        return this.#record(type);
      case "array":
        return blocks(this.make(type.items), bytesMin(type.items));
      case "map": {
        const [key, value] = [this.#text(), this.make(type.values)];
        return blocks((cursor) => {
          key(cursor);
          value(cursor);
        }, 1 + bytesMin(type.values));
      }
      default:
        return this.#scalar(type);
    }
  }

  #record(type: RecordType): Skipper {
    const made = this.#records.get(type);
    if (made !== undefined) return made;
    const fields: Skipper[] = [];
    const skipper: Skipper = (cursor) => {
      cursor.enter();
      for (const skip of fields) skip(cursor);
      cursor.leave();
    };
    this.#records.set(type, skipper);
    for (const field of type.fields) fields.push(this.make(field.type));
    return skipper;
  }

  #scalar(type: AvroType): Skipper {
    switch (type.kind) {
      case "null":
        return () => undefined;
      case "boolean":
        return (cursor) => void cursor.boolean();
      case "int":
        return (cursor) => void cursor.int();
      case "long": {
        const { time } = this.#checks;
        if (time !== undefined && isTimestamp(type)) return (cursor) => time(cursor.long());
        return (cursor) => cursor.skipLong();
      }
      case "float":
        return (cursor) => void cursor.take(4);
      case "double":
        return (cursor) => void cursor.take(8);
      case "fixed":
        return (cursor) => void cursor.take(type.size);
      case "enum": {
        const { length } = type.symbols;
        return (cursor) => {
          const index = cursor.index();
          if (index < 0 || index >= length) damaged("an enum has no such symbol");
        };
      }
      case "string":
        return this.#text();
      default:
        return (cursor) => void cursor.take(cursor.length());
    }
  }

  #text(): Skipper {
    if (!this.#checks.text) return (cursor) => void cursor.take(cursor.length());
    return (cursor) => {
      const from = cursor.take(cursor.length());
      checkText(cursor.bytes, from, cursor.at);
    };
  }
}

/** Throws MR_DECODE_BODY for bytes that are no UTF-8. */
export function checkText(bytes: Buffer, from: number, to: number): void {
  if (!isUtf8(bytes, from, to)) damaged("a string is not UTF-8");
}

function blocks(item: Skipper, itemBytesMin: number): Skipper {
  return (cursor) => {
    for (let count = cursor.blockCount(itemBytesMin); count !== 0; count = cursor.blockCount(itemBytesMin)) {
      for (let i = 0; i < count; i++) item(cursor);
    }
  };
}
