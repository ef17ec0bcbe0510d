import { setEntry } from "./map-entry.ts";

/** A number whose double may not be all of it, or does not print as it was written. */
export class JsonNumber {
  /** As it stands in the JSON text. */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

const wholeNumber = /^-?\d+$/;

/**
 * Reads JSON like JSON.parse, but keeps the source text of every number that a JavaScript number does not show as it
 * was written. (JSON.parse's own access to the source begins with Node 21.) Nesting costs no stack.
 *
 * @param text what JSON.parse has taken: it is not checked again
 */
export function parseExactJson(text: string): unknown {
  return new ExactParser(text).run();
}

type Container = unknown[] | Record<string, unknown>;

class ExactParser {
  readonly #text: string;
  #at = 0;
  /** Containers that are open, the innermost last, and for objects the key whose value comes next. */
  readonly #open: Container[] = [];
  readonly #keys: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): unknown {
    let top: unknown;
    for (;;) {
      const from = skipBlanks(this.#text, this.#at);
      const mark = this.#text[from];
      if (mark === undefined) return top;
      this.#at = from + 1;
      if (mark === "," || mark === ":") continue;
      if (mark === "}" || mark === "]") this.#end(mark);
      else {
        const value = this.#value(mark, from);
        if (value === awaited) continue;
        if (!this.#put(value)) top = value;
        if (mark === "{" || mark === "[") this.#begin(value as Container);
      }
    }
  }

  /** Puts a value into the container that is open; false when none is. */
  #put(value: unknown): boolean {
    const holder = this.#open.at(-1);
    if (Array.isArray(holder)) holder.push(value);
    else if (holder !== undefined) setEntry(holder, this.#keys.at(-1) ?? "", value);
    return holder !== undefined;
  }

  #end(mark: string): void {
    this.#open.pop();
    if (mark === "}") this.#keys.pop();
  }

  #begin(container: Container): void {
    this.#open.push(container);
    if (!Array.isArray(container)) this.#keys.push("");
  }

  /** The value that begins at `from`, or `awaited` for a key, whose value comes next. */
  #value(mark: string, from: number): unknown {
    if (mark === "{") return {};
    if (mark === "[") return [];
    this.#at = endOfScalar(this.#text, from);
    const source = this.#text.slice(from, this.#at);
    if (mark !== '"') return scalarOf(source);
    const text = source.includes("\\") ? (JSON.parse(source) as string) : source.slice(1, -1);
    const holder = this.#open.at(-1);
    if (holder === undefined || Array.isArray(holder)) return text;
    const after = skipBlanks(this.#text, this.#at);
    if (this.#text[after] !== ":") return text;
    this.#keys[this.#keys.length - 1] = text;
    this.#at = after + 1;
    return awaited;
  }
}

const awaited = Symbol("a key");

function scalarOf(source: string): unknown {
  if (source === "true") return true;
  if (source === "false") return false;
  if (source === "null") return null;
  const number = Number(source);
  if (Math.abs(number) > Number.MAX_SAFE_INTEGER) return new JsonNumber(source);
  const isShown = String(number) === source || (Number.isSafeInteger(number) && wholeNumber.test(source));
  return isShown ? number : new JsonNumber(source);
}

/** The first character from `from` on that is no white space of JSON. */
export function skipBlanks(text: string, from: number): number {
  let at = from;
  for (;;) {
    const unit = text.charCodeAt(at);
    if (unit !== 32 && unit !== 10 && unit !== 13 && unit !== 9) return at;
    at++;
  }
}

/** The end of the text, number or word that begins at `from`. */
export function endOfScalar(text: string, from: number): number {
  let at = from + 1;
  if (text[from] === '"') {
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === 34 || Number.isNaN(unit)) return at + 1;
      at += unit === 92 ? 2 : 1;
    }
  }
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit === 44 || unit === 93 || unit === 125 || unit <= 32) break;
    at++;
  }
  return at;
}
