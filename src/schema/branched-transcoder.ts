import { atOnce, RecordError } from "../kernel/index.ts";
import type { RecordType, UnionType } from "./avro-type.ts";
import { ByteCursor, damaged } from "./byte-cursor.ts";
import type { Row } from "./row-shape.ts";
import type { Transcoder } from "./transcoder.ts";

/**
 * Takes records through a stage whose writer wrote a union of record types: several event types in one topic. Each
 * body begins with its branch; that branch's own transcoder is made when the first such record comes.
 *
 * @param make throws a RecordError for a branch that the stage cannot read, and its records end with that
 */
export function branchedTranscoder(
  writer: UnionType,
  make: (branch: RecordType) => Generator<void, Transcoder>,
): Pick<Transcoder, "decode" | "unknownFields"> {
  const made = new Map<number, Transcoder | RecordError>();
  const cursor = new ByteCursor();
  let last: Transcoder | undefined;
  const transcoderAt = (index: number): Transcoder => {
    const known = made.get(index) ?? makeAt(index);
    made.set(index, known);
    if (known instanceof RecordError) throw known;
    return known;
  };
  const makeAt = (index: number): Transcoder | RecordError => {
    const branch = writer.branches[index];
    if (branch === undefined) return damaged("a union has no such branch");
    if (branch.kind !== "record") {
      return new RecordError(
        "MR_DECODE_BODY",
        `reading the Avro body: a topic holds records, and this is ${branch.kind}`,
      );
    }
    try {
      return atOnce(make(branch));
    } catch (thrown) {
      if (thrown instanceof RecordError) return thrown;
      throw thrown;
    }
  };
  return {
    get unknownFields() {
      return last?.unknownFields ?? 0;
    },
    decode: (bytes, from, to): Row => {
      cursor.reset(bytes, from, to);
      last = transcoderAt(cursor.index());
      return last.decode(bytes, cursor.at, to);
    },
  };
}
