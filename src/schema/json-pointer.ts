import { isObject } from "./reading-rules.ts";
import { UnionValue } from "./union-value.ts";

const listIndex = /^(?:0|[1-9]\d*)$/;

/**
 * The keys of a JSON Pointer (RFC 6901), `~1` and `~0` replaced; undefined when the text is none: it begins with a
 * slash, and a tilde stands only before 0 and 1. The empty pointer, which is the whole event, names no part.
 */
export function pointerKeys(text: string): readonly string[] | undefined {
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/**
 * What stands at a pointer in JSON or in a row: undefined when nothing does, or when a null stands on the way. Keys
 * of records and maps, indexes of lists; the branch of a union is passed through.
 */
export function findAt(root: unknown, keys: readonly string[]): unknown {
  let value = root;
  for (const key of keys) {
    if (value instanceof UnionValue) value = value.value;
    if (Array.isArray(value)) value = listIndex.test(key) ? value[Number(key)] : undefined;
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value instanceof UnionValue ? value.value : value;
}
