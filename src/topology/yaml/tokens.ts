import { type CST, type LineCounter, Parser } from "yaml";

/** A token of the file that stands for itself: a directive, a tag. */
export interface Mark {
  readonly offset: number;
  readonly source: string;
}

/** The file as the parser's tokens, with those sorted out that the composed tree no longer shows. */
export interface Tokens {
  readonly all: readonly CST.Token[];
  /** `%YAML 1.2` and the like. */
  readonly directives: readonly Mark[];
  /** `!`, `!name`, `!!str`, wherever they stand. */
  readonly tags: readonly Mark[];
  /** Where each document after the first begins. */
  readonly laterDocuments: readonly number[];
}

/** Splits the text into tokens; `lines` is told of every line. */
export function tokensOf(text: string, lines: LineCounter): Tokens {
  const all = [...new Parser(lines.addNewLine).parse(text)];
  const tags: Mark[] = [];
  for (const token of all) collectTags(token, tags);
  return {
    all,
    directives: all.filter((token) => token.type === "directive").map(({ offset, source }) => ({ offset, source })),
    tags: tags.sort((a, b) => a.offset - b.offset),
    laterDocuments: all
      .filter((token) => token.type === "document")
      .slice(1)
      .map(({ offset }) => offset),
  };
}

/** The limits on nesting hold before tokens are made, so that walking them by recursion is safe. */
function collectTags(token: unknown, tags: Mark[]): void {
  if (typeof token !== "object" || token === null) return;
  if (Array.isArray(token)) {
    for (const part of token) collectTags(part, tags);
    return;
  }
  const { type, offset, source } = token as { type?: unknown; offset?: unknown; source?: unknown };
  if (type === "tag" && typeof offset === "number" && typeof source === "string") tags.push({ offset, source });
  for (const part of Object.values(token)) collectTags(part, tags);
}
