import { isScalar, Scalar } from "yaml";
import type { PlacedNode } from "./nodes.ts";
import type { Mark } from "./tokens.ts";
import { entryLine, inQuotes, meantText } from "./written.ts";

type Path = readonly (string | number)[];

/** The tags of YAML's core schema, short and in full. What they say of a value is checked where it is converted. */
const coreTag = /^!(?:!|<tag:yaml\.org,2002:)(?:str|int|float|bool|null|map|seq)>?$/;

/** A tag that is refused, the path of what it stands before, and what is wrong. */
export interface RefusedTag {
  readonly offset: number;
  /** Undefined where the text was too broken to tell. */
  readonly path: Path | undefined;
  readonly isKey: boolean;
  readonly message: string;
  readonly hint: string;
}

/**
 * The tags that are not of YAML's core. YAML takes every `!` at the start of a value for one and drops it, so that
 * `filter: ! big` would keep what it was to drop.
 */
export function refusedTags(tags: readonly Mark[], nodes: readonly PlacedNode[], text: string): RefusedTag[] {
  return tags.filter(({ source }) => !coreTag.test(source)).map((tag) => refusal(tag, nodes, text));
}

function refusal(tag: Mark, nodes: readonly PlacedNode[], text: string): RefusedTag {
  const end = tag.offset + tag.source.length;
  const target = nodes.find(({ node }) => (node.range?.[0] ?? -1) >= end);
  const message = `YAML takes ${tag.source.slice(0, 40)} for a tag, which means nothing here, and not for text`;
  const path = target?.path;
  const base = { offset: tag.offset, path, isKey: target?.isKey === true, message };
  const node = target?.node;
  if (target === undefined || !isScalar(node) || !isUnquoted(node, text))
    return { ...base, hint: `remove the tag ${tag.source}` };
  const scalarEnd = node.range?.[1] ?? end;
  if (target.isKey) return { ...base, hint: `quote the name: ${inQuotes(text.slice(tag.offset, scalarEnd))}` };
  const line = meantText(text, tag.offset, target.isInFlow);
  // A text of several lines is folded as YAML folds it.
  const meant =
    node.type === Scalar.PLAIN && scalarEnd > tag.offset + line.length
      ? text
          .slice(tag.offset, scalarEnd)
          .trim()
          .replaceAll(/\s*[\r\n]+\s*/g, " ")
      : line;
  return { ...base, hint: `quote the text: ${entryLine(target.path, meant)}` };
}

/** Plain, or no block scalar although it begins like one: `!(a || b)`. */
function isUnquoted(node: Scalar, text: string): boolean {
  if (node.type !== Scalar.BLOCK_LITERAL && node.type !== Scalar.BLOCK_FOLDED) return node.type === Scalar.PLAIN;
  const header = text.slice(node.range?.[0]).split(/[\r\n]/, 1)[0] ?? "";
  return !/^[|>][-+0-9]*\s*(?:#.*)?$/.test(header);
}
