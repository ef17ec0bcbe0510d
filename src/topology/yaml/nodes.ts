import { type Document, isCollection, isMap, isPair, isScalar, isSeq, type Node } from "yaml";
import { keyText } from "./positions.ts";

type Path = readonly (string | number)[];

/** A node of the tree with its path; a key has the path of its value. */
export interface PlacedNode {
  readonly path: Path;
  readonly node: Node;
  readonly isKey: boolean;
  readonly isInFlow: boolean;
}

/** Every scalar, list and mapping of a document in the order of the file, aliases not followed. */
export function nodesOf(document: Document): PlacedNode[] {
  const nodes: PlacedNode[] = [];
  const visit = (node: unknown, path: Path, isKey: boolean, isInFlow: boolean): void => {
    if (!isScalar(node) && !isCollection(node)) return;
    nodes.push({ path, node, isKey, isInFlow });
    const isFlow = isInFlow || (isCollection(node) && node.flow === true);
    if (isSeq(node)) for (const [index, item] of node.items.entries()) visit(item, [...path, index], false, isFlow);
    if (!isMap(node)) return;
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const at = isScalar(pair.key) ? [...path, keyText(pair.key)] : path;
      visit(pair.key, at, true, isFlow);
      visit(pair.value, at, false, isFlow);
    }
  };
  visit(document.contents, [], false, false);
  return nodes;
}
