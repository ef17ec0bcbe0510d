import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  Scalar,
} from "yaml";

type Path = readonly (string | number)[];

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A key that was read under another name than it is written with, because that is what was meant. */
export interface MovedKey {
  readonly parent: Path;
  readonly written: string;
  readonly meant: string;
}

/** A scalar in its file: `text` is the whole file, `start` and `end` bound the scalar's source in it. */
export interface WrittenScalar {
  readonly isPlain: boolean;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly isInFlow: boolean;
}

interface Found {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
  /** Whether it stands between `{ }` or `[ ]`, where commas and brackets end an unquoted text. */
  readonly isInFlow: boolean;
}

/** Finds the places of paths in one parsed file. */
export class Positions {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #text: string;
  readonly #moved: readonly MovedKey[];

  constructor(document: Document, lines: LineCounter, text: string, moved: readonly MovedKey[]) {
    this.#document = document;
    this.#lines = lines;
    this.#text = text;
    this.#moved = moved;
  }

  /** The same file with more keys known to be misspelt. */
  withMoved(moved: readonly MovedKey[]): Positions {
    return new Positions(this.#document, this.#lines, this.#text, [...this.#moved, ...moved]);
  }

  /**
   * Where a problem at `path` is shown: at the key (`on` is `key`), at the value, `at` characters inside the
   * value's text, or, when there is nothing at `path`, at the nearest parent that is there.
   */
  of(path: Path, options: { readonly on?: "key" | undefined; readonly at?: number | undefined } = {}): Position {
    for (let length = path.length; length > 0; length--) {
      const found = this.#find(path.slice(0, length));
      if (found === undefined) continue;
      const exact = length === path.length;
      const node = exact && options.on === "key" ? (found.key ?? found.value) : (found.value ?? found.key);
      if (node?.range == null) continue;
      const offset = exact && options.at !== undefined ? this.#inside(node, options.at) : node.range[0];
      return this.#position(offset);
    }
    const root = this.#document.contents;
    return this.#position(root?.range?.[0] ?? 0);
  }

  /** Line and column of a character of the file. */
  at(offset: number): Position {
    return this.#position(offset);
  }

  /** The scalar at a path as it stands in the file, an alias followed; undefined when there is none. */
  scalarAt(path: Path): WrittenScalar | undefined {
    const found = this.#find(path);
    const node = this.#resolved(found?.value);
    if (found === undefined || !isScalar(node) || node.range == null) return undefined;
    return {
      isPlain: node.type === Scalar.PLAIN,
      text: this.#text,
      start: node.range[0],
      end: node.range[1],
      isInFlow: found.isInFlow,
    };
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #find(path: Path): Found | undefined {
    let found: Found = { key: undefined, value: asNode(this.#document.contents), isInFlow: false };
    for (const [index, part] of path.entries()) {
      const parent = this.#resolved(found.value);
      const isInFlow = found.isInFlow || (isCollection(parent) && parent.flow === true);
      if (isMap(parent)) {
        const name = this.#written(path.slice(0, index), String(part));
        const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && keyText(item.key) === name);
        if (pair === undefined) return undefined;
        found = { key: asNode(pair.key), value: asNode(pair.value), isInFlow };
      } else if (isSeq(parent) && typeof part === "number") {
        const item = asNode(parent.items[part]);
        if (item === undefined) return undefined;
        found = { key: undefined, value: item, isInFlow };
      } else return undefined;
    }
    return found;
  }

  #written(parent: Path, name: string): string {
    const moved = this.#moved.find((m) => m.meant === name && samePath(m.parent, parent));
    return moved?.written ?? name;
  }

  #resolved(node: Node | undefined): Node | undefined {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  /** Offset of character `at` of a scalar's value in the file; its start when quoting or folding hides the place. */
  #inside(node: Node, at: number): number {
    const [start, end] = node.range ?? [0, 0];
    if (!isScalar(node) || typeof node.value !== "string") return start;
    const raw = this.#text.slice(start, end);
    if (raw.startsWith(node.value)) return start + at;
    if (raw.slice(1).startsWith(node.value)) return start + 1 + at;
    if (node.type !== Scalar.BLOCK_LITERAL && node.type !== Scalar.BLOCK_FOLDED) return start;
    const before = node.value.slice(0, at);
    const lineStart = before.lastIndexOf("\n") + 1;
    const line = node.value.slice(lineStart).split("\n", 1)[0] ?? "";
    const found = line === "" ? -1 : raw.indexOf(line, raw.indexOf("\n") + 1);
    return found < 0 ? start : start + found + (at - lineStart);
  }
}

/** The text a key stands for: its source for plain ones, so that `1:` and `"1":` are the same name. */
export function keyText(key: Scalar): string {
  return typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
}

function asNode(value: unknown): Node | undefined {
  return isScalar(value) || isCollection(value) || isAlias(value) ? value : undefined;
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}
