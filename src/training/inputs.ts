import { assert } from "../kernel/index.ts";
import { type Encoder, type Signature, vocabularyOf } from "../model/index.ts";
import type { TrainingSet } from "./join-rows.ts";

/** One value that is so many times the next largest hides everything else of its column. */
const standOutFactor = 1e6;
/** What more rows than these hold is a part of the column and not an exception in it. */
const standOutShareMax = 0.1;

/**
 * Makes the vocabulary of each category out of the rows to learn from, and writes its codes into all rows in place of
 * the indices of texts: a second array of rows would be most of what a training takes. A boolean is a category of two
 * values whose codes are the 0 and 1 that stand there already.
 *
 * @param known the encoder of a model that is gone on from: its vocabularies stay, and what is new to it is "other"
 */
export function encodeCategories(set: TrainingSet, signature: Signature, known?: Encoder): Encoder {
  const { inputs, width } = set;
  assert(known === undefined || known.inputs.length === width, "an encoder of the same inputs");
  return {
    inputs: signature.inputs.map(({ kind }, input) => {
      if (kind !== "category") return known === undefined ? freshValues(kind) : (known.inputs[input] ?? null);
      const values = known?.inputs[input] ?? mostFrequent(set, input);
      const codes = new Map(values.map((value, code) => [value, code]));
      const codeOf = Float64Array.from(set.texts[input] ?? [], (text) => codes.get(text) ?? values.length);
      for (let i = input; i < inputs.length; i += width) {
        const text = inputs[i] as number;
        if (!Number.isNaN(text)) inputs[i] = codeOf[text] as number;
      }
      return values;
    }),
  };
}

function freshValues(kind: "number" | "boolean"): readonly string[] | null {
  return kind === "boolean" ? ["false", "true"] : null;
}

/** The vocabulary of a category, by the rows to learn from. */
function mostFrequent({ inputs, width, split, texts }: TrainingSet, input: number): readonly string[] {
  const words = texts[input] ?? [];
  const uses = new Float64Array(words.length);
  for (let i = input; i < split.trainCount * width; i += width) {
    const text = inputs[i] as number;
    if (!Number.isNaN(text)) uses[text] = (uses[text] as number) + 1;
  }
  return vocabularyOf(
    new Map(words.flatMap((text, i): [string, number][] => (uses[i] === 0 ? [] : [[text, uses[i] ?? 0]]))),
  );
}

/**
 * Sentences on categories that are rather names: more than half of their rows hold a value that is not among the most
 * frequent, so that the model tells few of them apart.
 *
 * @param rows row-major, with the codes of `encoder`
 */
export function mostlyOther(rows: Float64Array, signature: Signature, encoder: Encoder): readonly string[] {
  const width = signature.inputs.length;
  return signature.inputs.flatMap(({ name, kind }, input) => {
    const known = encoder.inputs[input]?.length ?? 0;
    if (kind !== "category") return [];
    let [given, other] = [0, 0];
    for (let i = input; i < rows.length; i += width) {
      if (!Number.isNaN(rows[i])) given++;
      if (rows[i] === known) other++;
    }
    const found = `feature ${name}: ${other} of ${given} rows to learn from hold none of its ${known} most frequent values, and all those look alike; if it is a name or an id, leave it out with except`;
    return other > given / 2 ? [found] : [];
  });
}

/**
 * Sentences on numbers that stand alone: one value a million times larger than any other of its column. The fit takes
 * it as it is, and beside it all other values look alike. No value is told: the field may be sensitive.
 *
 * @param rows row-major, NaN for null
 */
export function standOuts(rows: Float64Array, signature: Signature): readonly string[] {
  const width = signature.inputs.length;
  const rowCount = rows.length / width;
  const of = `of ${rowCount} rows to learn from`;
  return signature.inputs.flatMap(({ name, kind }, input) => {
    if (kind !== "number") return [];
    const { largest, second, count, infinite } = sizesOf(rows, input, width);
    const isAlone = largest >= standOutFactor * Math.max(second, 1) && count <= rowCount * standOutShareMax;
    const alone = `feature ${name}: in ${count} ${of} it is more than a million times as large as in any other, which hides the rest; if that stands for "unknown", make it null, or hold the field with clamp`;
    const held = `feature ${name}: in ${infinite} ${of} it is infinite, and was held to the range of the others`;
    return [...(isAlone ? [alone] : []), ...(infinite > 0 ? [held] : [])];
  });
}

/** The largest finite size in a column, in how many rows it stands, the next largest, and the rows that are infinite. */
function sizesOf(rows: Float64Array, column: number, width: number) {
  let [largest, second, count, infinite] = [0, 0, 0, 0];
  for (let i = column; i < rows.length; i += width) {
    const size = Math.abs(rows[i] as number);
    if (size === Number.POSITIVE_INFINITY) infinite++;
    else if (size > largest) [second, largest, count] = [largest, size, 1];
    else if (size === largest) count++;
    else if (size > second) second = size;
  }
  return { largest, second, count, infinite };
}
