import { type AvroType, splitNullable } from "./avro-type.ts";

/** Where a generated statement finds what it cannot say itself. */
export interface ReadTarget {
  /** The variable that takes the value. */
  readonly into: string;
  /** The general reader of the field, a function of the cursor. */
  readonly reader: string;
  /** The table of the reader's symbols. */
  readonly symbols: string;
}

/**
 * Statements that read a value at `p` of `b`, move `p` behind it and rely on `c` (cursor), `to`, `k` and `view`, a
 * DataView of `b`.
 *
 * They are made of numbers and of the names in `target`, and of nothing else from the schema. Reading past the window
 * is harmless: bytes behind `to` are compared with it before a length is believed, and at the end.
 */
export function readStatement(written: AvroType, wanted: AvroType, target: ReadTarget): string {
  const { type, nullable } = splitNullable(written);
  const { type: goal, nullable: takesNull } = splitNullable(wanted);
  const general = `c.at = p; ${target.into} = ${target.reader}(c); p = c.at;`;
  const inline = type.kind === "union" || goal.kind === "union" ? undefined : readFlat(type, goal, target);
  if (inline === undefined || (nullable && !takesNull)) return general;
  if (!nullable) return written.kind === "union" ? general : inline;
  return nullableStatement(written, inline, `${target.into} = null; `, `${target.into} = ${target.reader}(c)`);
}

/** Statements that step over a value at `p`, checking it as reading would; text needs `view`, a DataView of `b`. */
export function skipStatement(written: AvroType, skipper: string, checksText: boolean): string {
  const { type, nullable } = splitNullable(written);
  const general = `c.at = p; ${skipper}(c); p = c.at;`;
  const inline = type.kind === "union" ? undefined : skipFlat(type, checksText);
  if (inline === undefined) return general;
  if (!nullable) return written.kind === "union" ? general : inline;
  return nullableStatement(written, inline, "", `${skipper}(c)`);
}

function nullableStatement(written: AvroType, inline: string, before: string, general: string): string {
  const [nullIndex, typeIndex] = written.kind === "union" && written.branches[0]?.kind === "null" ? [0, 2] : [2, 0];
  // A padded index is legal: the general way takes it.
  return `${before}k = b[p++]; if (k === ${typeIndex}) { ${inline} } else if (k !== ${nullIndex}) { c.at = p - 1; ${general}; p = c.at; }`;
}

const readLength =
  "k = b[p++]; if (k > 127 || (k & 1) === 1) { c.at = p - 1; k = c.length(); p = c.at; } else k >>>= 1;";
const checkLength = 'if (k > to - p) damaged("a length passes the end of the value");';

/** Undefined for a type that is not flat, and for promotions that change more than the type's name. */
function readFlat(written: AvroType, wanted: AvroType, { into, symbols }: ReadTarget): string | undefined {
  const plain = wanted.kind === written.kind || wanted.kind === "double" || wanted.kind === "long";
  switch (written.kind) {
    case "boolean":
      return `k = b[p++]; if (k > 1) damaged("a boolean is neither 0 nor 1"); ${into} = k === 1;`;
    case "int":
    case "long": {
      if (!plain) return undefined;
      const slow = written.kind === "long" && wanted.kind === "double" ? "doubleOf(c.long())" : `c.${written.kind}()`;
      return `k = b[p++]; if (k > 127) { c.at = p - 1; ${into} = ${slow}; p = c.at; } else ${into} = (k >>> 1) ^ -(k & 1);`;
    }
    case "float":
      return `if (p + 4 > to) damaged("the value ends too early"); ${into} = view.getFloat32(p, true); p += 4;`;
    case "double":
      return `if (p + 8 > to) damaged("the value ends too early"); ${into} = view.getFloat64(p, true); p += 8;`;
    case "string":
      if (wanted.kind !== "string") return undefined;
      return `${readLength} ${checkLength} ${into} = readText(b, p, p + k); p += k;`;
    case "enum":
      if (wanted.kind !== "enum") return undefined;
      return [
        "k = b[p++]; if (k > 127) { c.at = p - 1; k = c.index(); p = c.at; } else k = (k >>> 1) ^ -(k & 1);",
        `${into} = ${symbols}[k]; if (${into} === undefined) damaged("an enum has no such symbol");`,
      ].join(" ");
    default:
      return undefined;
  }
}

function skipFlat(written: AvroType, checksText: boolean): string | undefined {
  switch (written.kind) {
    case "boolean":
      return 'if (b[p++] > 1) damaged("a boolean is neither 0 nor 1");';
    case "int":
      return "if (b[p++] > 127) { c.at = p - 1; c.int(); p = c.at; }";
    case "long":
      return `if (${continued}) p = longEnd(b, p - ${inlineLongBytes});`;
    case "float":
      return "p += 4;";
    case "double":
      return "p += 8;";
    case "string":
      return checksText ? `${readLength} ${checkLength} ${skipText}` : `${readLength} ${checkLength} p += k;`;
    case "bytes":
      return `${readLength} ${checkLength} p += k;`;
    case "enum":
      return [
        "k = b[p++]; if (k > 127) { c.at = p - 1; k = c.index(); p = c.at; } else k = (k >>> 1) ^ -(k & 1);",
        `if (k < 0 || k >= ${written.symbols.length}) damaged("an enum has no such symbol");`,
      ].join(" ");
    default:
      return undefined;
  }
}

/** Longs of up to so many bytes are stepped over without a call: times and ids have six to eight. */
const inlineLongBytes = 8;
const continued = Array.from({ length: inlineLongBytes }, () => "b[p++] > 127").join(" && ");

/** Nearly all text is ASCII, which is UTF-8 as it stands; four bytes at a time (-2139062144 is 0x80808080). */
const skipText = [
  "k += p; while (p + 4 <= k && (view.getInt32(p) & -2139062144) === 0) p += 4;",
  "while (p < k && b[p] < 128) p++; if (p < k) { checkText(b, p, k); p = k; }",
].join(" ");
