import { type Document, isAlias, isMap, isScalar, isSeq, type Node, Scalar } from "yaml";
import type { SpecProblem } from "../problems.ts";
import { type Environment, hasReference, substitute, typedScalar } from "./environment.ts";
import { aliasCountMax, depthMax, nodeCountMax } from "./limits.ts";
import { keyText } from "./positions.ts";

type Path = readonly (string | number)[];

/** Plain values of a YAML document, with the environment put in. */
export interface Converted {
  readonly value: unknown;
  readonly problems: readonly SpecProblem[];
  /** Scalars whose value is not known because a variable is missing: nothing else is said about them. */
  readonly unknown: readonly Path[];
  /** True when a limit cut the values short: the rest is not known, and what is known means little. */
  readonly isCut: boolean;
}

/**
 * Turns the node tree into plain objects, lists and scalars. Own code instead of `toJS`, because variables
 * are put in before typing, growth by aliases is bounded, and every refusal has a place.
 */
export function convert(document: Document, environment: Environment): Converted {
  const walker = new Walker(document, environment);
  const value = walker.value(document.contents, []);
  return { value, problems: walker.problems, unknown: walker.unknown, isCut: walker.isCut };
}

class Walker {
  readonly problems: SpecProblem[] = [];
  readonly unknown: Path[] = [];
  isCut = false;
  readonly #document: Document;
  readonly #environment: Environment;
  #aliases = 0;
  #nodes = 0;

  constructor(document: Document, environment: Environment) {
    this.#document = document;
    this.#environment = environment;
  }

  value(node: unknown, path: Path): unknown {
    if (this.isCut) return null;
    if (++this.#nodes > nodeCountMax) return this.#stop(path, `the file grows to more than ${nodeCountMax} values`);
    if (path.length > depthMax) return this.#stop(path, `values are nested more than ${depthMax} deep`);
    if (isScalar(node)) return this.#scalar(node, path);
    if (isMap(node)) return this.#mapping(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => this.value(item, [...path, index]));
    if (isAlias(node)) return this.#alias(node.resolve(this.#document), node.source, path);
    return null;
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
      // Set as a property it would vanish, and zod strips it even where it is an own one: it has to be refused here.
      if (name === "__proto__") this.#refuseProto([...path, name]);
      else object[name] = this.value(value, [...path, name]);
    }
    // What is empty only because its one key was refused is not also told to be empty.
    if (path.length > 0 && items.length > 0 && Object.keys(object).length === 0) this.unknown.push(path);
    return object;
  }

  #refuseProto(path: Path): void {
    const hint = "choose another name";
    this.problems.push({ code: "MR_UNKNOWN_KEY", path, message: "nothing can be called __proto__", hint, on: "key" });
  }

  #alias(target: Node | undefined, source: string, path: Path): unknown {
    if (++this.#aliases > aliasCountMax) return this.#stop(path, `the file has more than ${aliasCountMax} aliases`);
    if (target !== undefined) return this.value(target, path);
    const hint = "define the anchor before its first use";
    this.problems.push({ code: "MR_YAML", path, message: `the anchor &${source} is not defined`, hint });
    this.unknown.push(path);
    return null;
  }

  #scalar(node: Scalar, path: Path): unknown {
    const value = node.value;
    if (typeof value === "string" && hasReference(value)) return this.#substituted(node, value, path);
    if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
    const message = "the tag gives a value that a topology cannot hold";
    this.problems.push({ code: "MR_WRONG_TYPE", path, message, hint: "remove the tag" });
    this.unknown.push(path);
    return null;
  }

  #substituted(node: Scalar, value: string, path: Path): unknown {
    const result = substitute(value, this.#environment);
    if ("text" in result) return node.type === Scalar.PLAIN ? typedScalar(result.text) : result.text;
    this.problems.push({ path, ...result.problem });
    this.unknown.push(path);
    return "";
  }

  #stop(path: Path, message: string): null {
    this.isCut = true;
    this.problems.push({ code: "MR_YAML", path: path.slice(0, 8), message, hint: "write the topology more plainly" });
    return null;
  }
}
