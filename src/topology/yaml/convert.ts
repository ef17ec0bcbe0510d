import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, Scalar } from "yaml";
import type { SpecProblem } from "../problems.ts";
import { hasReference, type Outside, type PlainValue, substitute, typedScalar } from "./environment.ts";
import { aliasCountMax, depthMax, nodeCountMax } from "./limits.ts";
import { keyText } from "./positions.ts";
import { entryLine } from "./written.ts";

type Path = readonly (string | number)[];

/** Plain values of a YAML document, with the environment put in. */
export interface Converted {
  readonly value: unknown;
  readonly problems: readonly SpecProblem[];
  readonly warnings: readonly SpecProblem[];
  /** Scalars whose value is not known because a variable is missing: nothing else is said about them. */
  readonly unknown: readonly Path[];
  /** True when a limit cut the values short: the rest is not known, and what is known means little. */
  readonly isCut: boolean;
}

/**
 * Turns the node tree into plain objects, lists and scalars. Own code instead of `toJS`, because variables
 * are put in before typing, growth by aliases is bounded, and every refusal has a place.
 */
export function convert(document: Document, outside: Outside): Converted {
  const walker = new Walker(document, outside);
  const value = walker.value(document.contents, []);
  walker.warnOfUnusedAnchors();
  const { problems, warnings, unknown, isCut } = walker;
  return { value, problems, warnings, unknown, isCut };
}

class Walker {
  readonly problems: SpecProblem[] = [];
  readonly warnings: SpecProblem[] = [];
  readonly unknown: Path[] = [];
  isCut = false;
  readonly #document: Document;
  readonly #outside: Outside;
  readonly #anchors = new Map<string, Path>();
  readonly #used = new Set<string>();
  #aliases = 0;
  #nodes = 0;

  constructor(document: Document, outside: Outside) {
    this.#document = document;
    this.#outside = outside;
  }

  value(node: unknown, path: Path): unknown {
    if (this.isCut) return null;
    if (++this.#nodes > nodeCountMax) return this.#stop(path, `the file grows to more than ${nodeCountMax} values`);
    if (path.length > depthMax) return this.#stop(path, `values are nested more than ${depthMax} deep`);
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, path);
    if (isScalar(node)) return this.#scalar(node, path);
    if (isMap(node)) return this.#mapping(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => this.value(item, [...path, index]));
    if (isAlias(node)) return this.#alias(node.resolve(this.#document), node.source, path);
    return null;
  }

  /** An anchor that nothing refers to is most often the `&` of an expression. */
  warnOfUnusedAnchors(): void {
    for (const [anchor, path] of this.#anchors) {
      if (this.#used.has(anchor)) continue;
      const message = `YAML takes &${anchor} for an anchor, and nothing refers to it`;
      this.warnings.push({
        code: "MR_YAML_READING",
        path,
        message,
        hint: `remove &${anchor}, or quote the text it belongs to`,
      });
    }
  }

  #mapping(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const { key, value } of items) {
      if (!isScalar(key)) {
        const message = "a key is text, not a list or a mapping";
        this.problems.push({ code: "MR_WRONG_TYPE", path, message, hint: "put the value after the key and a colon" });
        continue;
      }
      const name = keyText(key);
      if (key.type === Scalar.PLAIN && this.#isNoKey(name, value, [...path, name])) continue;
      // Set as a property it would vanish, and zod strips it even where it is an own one: it has to be refused here.
      if (name === "__proto__") this.#refuseProto([...path, name]);
      else object[name] = this.value(value, [...path, name]);
    }
    // What is empty only because its one key was refused is not also told to be empty.
    if (path.length > 0 && items.length > 0 && Object.keys(object).length === 0) this.unknown.push(path);
    return object;
  }

  /** Plain keys that YAML takes for names, and that say something else to whoever writes them. */
  #isNoKey(name: string, value: unknown, path: Path): boolean {
    const refuse = (message: string, hint: string): true => {
      this.problems.push({ code: "MR_YAML", path, message, hint, on: "key" });
      return true;
    };
    if (name === "<<") return refuse("YAML 1.2 has no merge keys", "write the keys out");
    const parts = /^([^:\s"'{}[\],]+):([^\s:].*)$/.exec(name);
    const isEmpty = value === null || (isScalar(value) && value.value === null && (value.source ?? "") === "");
    if (parts === null || !isEmpty) return false;
    return refuse("there is no blank behind the colon, so that all of it is one key", `write ${parts[1]}: ${parts[2]}`);
  }

  #refuseProto(path: Path): void {
    const hint = "choose another name";
    this.problems.push({ code: "MR_UNKNOWN_KEY", path, message: "nothing can be called __proto__", hint, on: "key" });
  }

  #alias(target: Node | undefined, source: string, path: Path): unknown {
    this.#used.add(source);
    if (++this.#aliases > aliasCountMax) return this.#stop(path, `the file has more than ${aliasCountMax} aliases`);
    if (target !== undefined) return this.value(target, path);
    const hint = `define the anchor before its first use, or quote the text: ${entryLine(path, `*${source}`)}`;
    this.problems.push({ code: "MR_YAML", path, message: `the anchor &${source} is not defined`, hint });
    this.unknown.push(path);
    return null;
  }

  #scalar(node: Scalar, path: Path): unknown {
    const value = node.value;
    const tag = coreTypeOf(node.tag);
    if (typeof value === "string") {
      const text = hasReference(value) ? this.#substituted(value, path) : value;
      if (text === undefined) return "";
      if (tag !== undefined) return this.#tagged(tag, text, path);
      return text === value || node.type !== Scalar.PLAIN ? text : this.#known(typedScalar(text), text, path);
    }
    if (typeof value === "number") return this.#known(typedScalar(node.source ?? String(value)), node.source, path);
    return value;
  }

  /** Notes numbers that are not what they look like. */
  #known(value: PlainValue, source: string | undefined, path: Path): PlainValue {
    // Everywhere else the language itself refuses them; a record of a test would become JSON, which has none.
    if (typeof value === "number" && !Number.isFinite(value) && path[0] === "tests") {
      const message = `${source ?? String(value)} is ${value}, which JSON has as text only`;
      this.problems.push({ code: "MR_OUT_OF_RANGE", path, message, hint: `write ${path.at(-1)}: "${value}"` });
      this.unknown.push(path);
    }
    if (source !== undefined && /^[-+]?0[0-9]/.test(source) && typeof value === "number" && Number.isInteger(value)) {
      const message = `${source} is read as the number ${value}: zeros in front say nothing in YAML 1.2`;
      const hint = `write ${value}, or "${source}" where text is meant`;
      this.warnings.push({ code: "MR_YAML_READING", path, message, hint });
    }
    return value;
  }

  /** `!!str 5` and the like: the value that the tag asks for, or a problem. */
  #tagged(tag: string, text: string, path: Path): unknown {
    if (tag === "str") return text;
    const value = this.#known(typedScalar(text), text, path);
    const isNumber = typeof value === "number" || typeof value === "bigint";
    const isWhole = typeof value === "bigint" || Number.isInteger(value);
    const fits =
      tag === "int"
        ? isWhole
        : tag === "float"
          ? isNumber
          : tag === "bool"
            ? typeof value === "boolean"
            : value === null && tag === "null";
    if (fits) return value;
    this.problems.push({
      code: "MR_YAML",
      path,
      message: `this is no ${tag}, as the tag !!${tag} says`,
      hint: "remove the tag",
    });
    this.unknown.push(path);
    return null;
  }

  #substituted(value: string, path: Path): string | undefined {
    const result = substitute(value, this.#outside);
    if ("text" in result) return result.text;
    this.problems.push({ path, ...result.problem });
    this.unknown.push(path);
    return undefined;
  }

  #stop(path: Path, message: string): null {
    this.isCut = true;
    this.problems.push({ code: "MR_YAML", path: path.slice(0, 8), message, hint: "write the topology more plainly" });
    return null;
  }
}

/** `str` of `tag:yaml.org,2002:str`; undefined for a scalar without a tag. */
function coreTypeOf(tag: string | undefined): string | undefined {
  return tag?.startsWith(coreTagStart) ? tag.slice(coreTagStart.length) : undefined;
}

const coreTagStart = "tag:yaml.org,2002:";
