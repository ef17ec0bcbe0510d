import { Column } from "./column.ts";

/**
 * Texts side by side in one array of bytes: as strings, an object each, many ids cost a multiple of this, and an array
 * crosses to another thread without a copy.
 *
 * A text is a byte that says how wide it is, 0 or 1, and then its code units in one byte each, or in two, the lower
 * first, where one is above 255. So equal texts are equal bytes.
 */
export interface Texts {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each text ends; the next one begins there. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** What room is made for: memory that is not written to costs nothing. */
const textBytesUsual = 32;

/** A list of texts that grows. Its places are whole numbers from 0. */
export class TextList implements Texts {
  readonly #bytes = new Column(new Uint8Array(1024));
  readonly #ends = new Column(new Uint32Array(64));

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.values;
  }

  get ends(): Uint32Array<ArrayBuffer> {
    return this.#ends.values;
  }

  get count(): number {
    return this.#ends.length;
  }

  /** Makes room for so many texts more, of about {@link textBytesUsual} each. */
  reserve(count: number): void {
    this.#ends.reserve(count);
    this.#bytes.reserve(count * textBytesUsual);
  }

  /** Adds a text, and answers its place. */
  add(text: string): number {
    let isWide = 0;
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) isWide = 1;
    this.#bytes.reserve(1 + 2 * text.length);
    this.#bytes.push(isWide);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      this.#bytes.push(unit);
      if (isWide === 1) this.#bytes.push(unit >>> 8);
    }
    return this.#end();
  }

  /** Adds text `index` of others, and answers its place here. */
  addFrom({ bytes, ends }: Texts, index: number): number {
    for (let at = beginOf(ends, index); at < (ends[index] as number); at++) this.#bytes.push(bytes[at] as number);
    return this.#end();
  }

  /** Below 0, 0 or above, as their strings compare: by code unit. */
  compare(a: number, b: number): number {
    const [lengthA, lengthB] = [lengthOf(this, a), lengthOf(this, b)];
    for (let i = 0; i < lengthA && i < lengthB; i++) {
      const difference = unitOf(this, a, i) - unitOf(this, b, i);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  /** All texts, in arrays of their own; the list is empty afterwards. */
  taken(): Texts {
    return { bytes: this.#bytes.taken(), ends: this.#ends.taken() };
  }

  #end(): number {
    this.#ends.push(this.#bytes.length);
    return this.#ends.length - 1;
  }
}

/** Numbers distinct texts from 0 on, in the order in which they come. */
export class TextNumbers {
  readonly texts = new TextList();
  /** The number of a text plus one, at the first free place from that of its hash on. A power of two long. */
  #slots = new Uint32Array(1024);

  /** Makes room for so many distinct texts more. */
  reserve(count: number): void {
    this.texts.reserve(count);
    while (3 * this.#slots.length < 4 * (this.texts.count + count)) this.#grow();
  }

  /** The number of text `index` of others: `texts.count` before, when it had none yet. */
  numberOf(others: Texts, index: number): number {
    const slot = this.#slotOf(others, index);
    const held = this.#slots[slot] as number;
    if (held > 0) return held - 1;
    const number = this.texts.addFrom(others, index);
    this.#slots[slot] = number + 1;
    if (4 * this.texts.count > 3 * this.#slots.length) this.#grow();
    return number;
  }

  #slotOf(others: Texts, index: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(others, index) & mask;
    for (;;) {
      const held = this.#slots[slot] as number;
      if (held === 0 || isSame(this.texts, held - 1, others, index)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let number = 0; number < this.texts.count; number++) {
      this.#slots[this.#slotOf(this.texts, number)] = number + 1;
    }
  }
}

/** Text `index` as a string. */
export function textAt(texts: Texts, index: number): string {
  let text = "";
  for (let i = 0; i < lengthOf(texts, index); i++) text += String.fromCharCode(unitOf(texts, index, i));
  return text;
}

function beginOf(ends: Uint32Array, index: number): number {
  return index === 0 ? 0 : (ends[index - 1] as number);
}

function lengthOf({ bytes, ends }: Texts, index: number): number {
  const begin = beginOf(ends, index);
  const length = (ends[index] as number) - begin - 1;
  return bytes[begin] === 1 ? length / 2 : length;
}

function unitOf({ bytes, ends }: Texts, index: number, i: number): number {
  const begin = beginOf(ends, index);
  if (bytes[begin] === 0) return bytes[begin + 1 + i] as number;
  return (bytes[begin + 1 + 2 * i] as number) | ((bytes[begin + 2 + 2 * i] as number) << 8);
}

function isSame(a: Texts, indexA: number, b: Texts, indexB: number): boolean {
  const [beginA, beginB] = [beginOf(a.ends, indexA), beginOf(b.ends, indexB)];
  const length = (a.ends[indexA] as number) - beginA;
  if ((b.ends[indexB] as number) - beginB !== length) return false;
  for (let i = 0; i < length; i++) if (a.bytes[beginA + i] !== b.bytes[beginB + i]) return false;
  return true;
}

/** FNV-1a (G. Fowler, L. Noll, P. Vo), its bits mixed once more, since only the lower ones are used. */
function hashOf({ bytes, ends }: Texts, index: number): number {
  let hash = 0x811c9dc5;
  for (let at = beginOf(ends, index); at < (ends[index] as number); at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
