import { expect } from "vitest";
import { atOnce } from "../../../src/kernel/index.ts";
import {
  avroIngestRules,
  type CastType,
  createEncoder,
  type NeverFits,
  type RecordSchema,
  type Row,
  type RowReads,
  transcoderParts,
} from "../../../src/schema/index.ts";

export interface Ingested {
  readonly out: Row;
  readonly never: readonly NeverFits[];
  readonly unknown: number;
}

/** Takes one record of `writer` into `to`; answers what a reader of `to` then sees. */
export function ingested(
  writer: RecordSchema,
  to: RecordSchema,
  row: Row,
  options: {
    readonly casts?: Readonly<Record<string, CastType>>;
    readonly key?: string;
    readonly extract?: Readonly<Record<string, string>>;
    /** What steps read; nothing when left out. */
    readonly reads?: RowReads;
  } = {},
): Ingested {
  const never: NeverFits[] = [];
  const unknown = { count: 0 };
  const ingest = avroIngestRules(
    {
      type: to.type,
      casts: options.casts ?? {},
      key: options.key,
      supplied: [],
      extract: options.extract ?? {},
      timesFromMs: 100_000_000_000,
    },
    unknown,
    never,
  );
  const common = { writer: writer.type, reader: to.type, checksText: true, keepsRows: false, later: [], ingest };
  const coder = atOnce(
    transcoderParts({ ...common, reads: options.reads ?? new Map(), output: to.type, values: new Set(), copies: true }),
  );
  const whole = atOnce(
    transcoderParts({ ...common, reads: "whole", output: undefined, values: new Set(), copies: false }),
  );
  const body = Buffer.alloc(1_000);
  const end = createEncoder(writer).encode(row, body, 0);
  const into = Buffer.alloc(1_000);
  const to2 = coder.encode({ "#source": coder.decode(body, 0, end) }, into, 0);
  const out = atOnce(
    transcoderParts({
      ...common,
      writer: to.type,
      ingest: undefined,
      reads: "whole",
      output: undefined,
      values: new Set(),
      copies: false,
    }),
  ).decode(into, 0, to2);
  const clean = (each: Row): Row => Object.fromEntries(Object.entries(each).filter(([name]) => !name.startsWith("#")));
  // Copied or decoded, it is one value.
  expect(clean(whole.decode(body, 0, end))).toEqual(clean(out));
  return { out: clean(out), never, unknown: unknown.count / 2 + coder.unknownFields };
}
