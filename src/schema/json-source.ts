import { doubleOf, parseDecimal, wholeOf } from "./decimal.ts";
import { isWellFormed } from "./json-text.ts";
import { isLong } from "./long.ts";
import { setEntry } from "./map-entry.ts";

type Path = readonly (string | number)[];

/** JSON text as values, with a place for every path. */
export interface JsonSource {
  /** Whole numbers beyond 2^53 - 1 are bigints: every number is the one that is written. */
  readonly value: unknown;
  /** Offset in the text of what stands at a path, or of the nearest thing around it. */
  offsetOf(path: Path): number;
}

/** Why a text is no JSON, and where. */
export interface JsonFault {
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

/**
 * Reads JSON as people write schemas: comments as in Java (which Avro's own tools take) are passed over, and a fault
 * has its place and its true reason. Beyond `JSON.parse` it refuses what would change a value without a word: a key
 * that is there twice, a number that no double holds, text that has no UTF-8.
 */
export function readJsonSource(text: string): { readonly source: JsonSource } | { readonly fault: JsonFault } {
  try {
    const root = new JsonReader(text).document();
    return { source: { value: root.value, offsetOf: (path) => offsetOf(root, path) } };
  } catch (thrown) {
    if (thrown instanceof Fault)
      return { fault: { offset: thrown.offset, message: thrown.message, hint: thrown.hint } };
    throw thrown;
  }
}

/** A value with its place and those of its parts. */
interface Placed {
  readonly value: unknown;
  readonly offset: number;
  readonly parts?: ReadonlyMap<string | number, Placed>;
}

function offsetOf(root: Placed, path: Path): number {
  let at = root;
  for (const part of path) {
    const next = at.parts?.get(part);
    if (next === undefined) break;
    at = next;
  }
  return at.offset;
}

/** Thrown and caught inside this file. */
class Fault extends Error {
  readonly offset: number;
  readonly hint: string;

  constructor(offset: number, message: string, hint: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

/** Deeper than any schema may nest; the reader recurses. */
const depthMax = 512;

const blank = /(?:[ \t\r\n]+|\/\/[^\r\n]*|\/\*[\s\S]*?\*\/)*/y;
const word = /[A-Za-z_$][\w$.-]*/y;
const numeral = /[-+]?Infinity|[-+.]?[0-9.][0-9a-zA-Z_.+-]*/y;
const jsonNumber = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these may not stand in a text of JSON.
const plainText = /[^"\\\u0000-\u001f]*/y;

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Placed {
    this.#skipBlanks();
    if (this.#at === this.#text.length) throw this.#fault("the file is empty", "write the schema of a record");
    const value = this.#value(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#fault("something stands behind the end of the value", "remove it");
    return value;
  }

  #value(depth: number): Placed {
    if (depth > depthMax) throw this.#fault(`values are nested more than ${depthMax} deep`, "nest less deep");
    const offset = this.#at;
    const char = this.#text.charAt(offset);
    if (char === "{") return this.#object(offset, depth);
    if (char === "[") return this.#list(offset, depth);
    if (char === '"') return { value: this.#string(), offset };
    if (/[-+.0-9]/.test(char)) return { value: this.#number(), offset };
    return { value: this.#word(), offset };
  }

  #object(offset: number, depth: number): Placed {
    const value: Record<string, unknown> = {};
    const parts = new Map<string | number, Placed>();
    this.#each("}", "key", () => {
      const keyAt = this.#at;
      if (this.#text.charAt(keyAt) !== '"') throw this.#notQuoted("a key");
      const key = this.#string();
      if (parts.has(key))
        throw this.#fault(`the key ${JSON.stringify(key)} is there twice`, "remove one of the two", keyAt);
      this.#skipBlanks();
      if (this.#text.charAt(this.#at) !== ":")
        throw this.#fault("a colon is missing behind the key", 'write "key": value');
      this.#at += 1;
      this.#skipBlanks();
      const part = this.#value(depth + 1);
      parts.set(key, part);
      setEntry(value, key, part.value);
    });
    return { value, offset, parts };
  }

  #list(offset: number, depth: number): Placed {
    const value: unknown[] = [];
    const parts = new Map<string | number, Placed>();
    this.#each("]", "value", () => {
      const part = this.#value(depth + 1);
      parts.set(value.length, part);
      value.push(part.value);
    });
    return { value, offset, parts };
  }

  /** Reads entries with commas between them up to `close`. */
  #each(close: string, entry: "key" | "value", read: () => void): void {
    const open = this.#at;
    this.#at += 1;
    let comma = -1;
    for (;;) {
      this.#skipBlanks();
      const char = this.#text.charAt(this.#at);
      if (char === close) {
        if (comma >= 0) throw this.#fault(`a comma stands before ${close}`, "remove the comma", comma);
        this.#at += 1;
        return;
      }
      if (char === "") throw this.#fault(`the bracket is not closed`, `write ${close} where it ends`, open);
      if (char === ",") throw this.#fault(`a ${entry} is missing before the comma`, "remove the comma");
      read();
      this.#skipBlanks();
      comma = this.#text.charAt(this.#at) === "," ? this.#at : -1;
      if (comma >= 0) this.#at += 1;
      else this.#closes(close);
    }
  }

  /** Behind an entry without a comma only the end may come. */
  #closes(close: string): void {
    const char = this.#text.charAt(this.#at);
    if (char === "" || char === close) return;
    if ("/#'".includes(char)) throw this.#notQuoted("a comma");
    const hint = /[}\]]/.test(char) ? "check the brackets" : "write a comma between the two";
    throw this.#fault(`a comma or ${close} is missing here`, hint);
  }

  #string(): string {
    const open = this.#at;
    let out = "";
    this.#at += 1;
    for (;;) {
      out += this.#take(plainText);
      const char = this.#text.charAt(this.#at);
      if (char === '"') break;
      if (char !== "\\") {
        const isEnd = char === "" || char === "\n" || char === "\r";
        throw isEnd
          ? this.#fault("the text is not closed", 'write " where it ends', open)
          : this.#fault("a control character stands in a text", `write it as \\u${hex(char)}`);
      }
      out += this.#escape();
    }
    this.#at += 1;
    if (!isWellFormed(out))
      throw this.#fault("the text holds half a surrogate pair, which has no UTF-8", "write both halves", open);
    return out;
  }

  #escape(): string {
    const char = this.#text.charAt(this.#at + 1);
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (char === "u" && /^[0-9a-fA-F]{4}$/.test(digits)) {
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = escapes[char];
    if (plain === undefined) throw this.#fault(`\\${char} is no escape of JSON`, "write \\\\ for a backslash");
    this.#at += 2;
    return plain;
  }

  #number(): number | bigint {
    const offset = this.#at;
    const source = this.#take(numeral) || this.#text.charAt(offset);
    const match = jsonNumber.exec(source);
    if (match === null) throw this.#fault(`${source} is no number of JSON`, numberHint(source), offset);
    const number = Number(source);
    if (!Number.isFinite(number))
      throw this.#fault(`${source} is larger than any double`, "write a smaller number", offset);
    const isDigits = match[1] === undefined && match[2] === undefined;
    if (isDigits) return Number.isSafeInteger(number) ? number : BigInt(source);
    if (!Number.isInteger(number)) return number;
    const exact = parseDecimal(source);
    const whole = exact && wholeOf(exact);
    if (whole === undefined) {
      const message = `${source} has a fraction that a double does not show, and would be read as ${number}`;
      throw this.#fault(message, `write ${number}`, offset);
    }
    if (Number.isSafeInteger(number)) return number;
    return isLong(whole) || doubleOf(source) === undefined ? whole : number;
  }

  #word(): boolean | null {
    const offset = this.#at;
    const name = this.#take(word);
    if (name === "true") return true;
    if (name === "false") return false;
    if (name === "null") return null;
    this.#at = offset;
    const meant = wordsMeant[name];
    if (meant !== undefined) throw this.#fault(`${name} is no word of JSON`, `write ${meant}`);
    throw this.#notQuoted("a value");
  }

  #notQuoted(what: string): Fault {
    const char = this.#text.charAt(this.#at);
    const name = this.#take(word);
    this.#at -= name.length;
    if (char === "'") {
      const inside = /^'([^'"\\\r\n]*)'/.exec(this.#text.slice(this.#at, this.#at + 200))?.[1];
      return this.#fault(
        "a text of JSON stands in double quotes",
        inside === undefined ? "write double quotes" : `write "${inside}"`,
      );
    }
    if (name !== "") return this.#fault(`${what} of JSON stands in double quotes`, `write "${name.slice(0, 60)}"`);
    if (char === "/") return this.#fault("the comment is not closed", "write */ where it ends");
    if (char === "#") return this.#fault("this is no comment of JSON", "write // before a comment, or remove it");
    return this.#fault(
      char === "" ? `${what} is missing at the end` : `${what} is missing before ${char}`,
      "check commas and brackets",
    );
  }

  #skipBlanks(): void {
    this.#take(blank);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #fault(message: string, hint: string, offset = this.#at): Fault {
    return new Fault(offset, message, hint);
  }
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** What other languages write, and the JSON for it. Avro has the last three as text. */
const wordsMeant: Readonly<Record<string, string>> = {
  True: "true",
  False: "false",
  TRUE: "true",
  FALSE: "false",
  None: "null",
  NULL: "null",
  Null: "null",
  nil: "null",
  undefined: "null",
  NaN: '"NaN"',
  Infinity: '"Infinity"',
};

function numberHint(source: string): string {
  if (/^-Infinity/.test(source)) return 'write "-Infinity"';
  const digits = source.replaceAll("_", "");
  const number = Number(digits);
  return digits !== "" && Number.isFinite(number) ? `write ${number}` : "write digits, such as 10 or 0.5";
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, "0");
}
