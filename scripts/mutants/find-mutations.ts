import { parseSync } from "@swc/core";

/** One change of one place of a source file: the text between two positions becomes another. */
export interface Mutation {
  readonly operator: MutationOperator;
  /** 0-based positions in the file's text, end exclusive. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The operators are fixed, so that the share that survives can be compared between runs. */
export const mutationOperators = [
  "comparison",
  "boundary",
  "off by one",
  "condition",
  "removed call",
  "swapped arms",
  "returned constant",
] as const;

export type MutationOperator = (typeof mutationOperators)[number];

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly type: string;
  readonly span?: Span;
  readonly [key: string]: unknown;
}

const comparisons: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": ">=",
  ">": "<=",
  "<=": ">",
  ">=": "<",
  "&&": "||",
  "||": "&&",
};
const boundaries: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const offByOne: Readonly<Record<string, string>> = { "+": "-", "-": "+" };

/** Text put before a file so that the parser's positions, which begin at its first token, begin at a known place. */
const anchor = ";";

/**
 * All mutations of a TypeScript file that the operators know, in the order of their places. Types, imports and
 * messages of errors are left alone: what no test should hold is not asked for.
 *
 * @throws Error when the text is not TypeScript
 */
export function findMutations(source: string): readonly Mutation[] {
  const bytes = Buffer.from(anchor + source);
  const module = parseSync(anchor + source, { syntax: "typescript", target: "es2022" }) as unknown as Node;
  const base = module.span?.start ?? 1;
  const found: Mutation[] = [];
  const characters = new Positions(bytes);
  const at = (position: number): number => characters.of(position - base) - anchor.length;
  const textOf = (span: Span): string => source.slice(at(span.start), at(span.end));
  const add = (operator: MutationOperator, span: Span, text: string): void => {
    found.push({ operator, from: at(span.start), to: at(span.end), text });
  };
  visit(module, (node) => {
    for (const [operator, span, text] of mutationsOf(node, textOf)) add(operator, span, text);
  });
  return found.sort((a, b) => a.from - b.from || a.to - b.to);
}

/** The text of a file with one mutation made. */
export function mutate(source: string, mutation: Mutation): string {
  return source.slice(0, mutation.from) + mutation.text + source.slice(mutation.to);
}

type Change = readonly [MutationOperator, Span, string];

function mutationsOf(node: Node, textOf: (span: Span) => string): readonly Change[] {
  switch (node.type) {
    case "BinaryExpression":
      return binary(node, textOf);
    case "IfStatement":
    case "ConditionalExpression":
      return [...condition(node), ...swappedArms(node, textOf)];
    case "WhileStatement":
      return [["condition", spanOf(node["test"]), "false"]];
    case "UpdateExpression":
      return [["off by one", spanOf(node), `${textOf(spanOf(node["argument"]))}`]];
    case "ExpressionStatement":
      return isRemovable(node["expression"] as Node) ? [["removed call", spanOf(node), ";"]] : [];
    case "ReturnStatement":
      return returned(node);
    default:
      return [];
  }
}

function binary(node: Node, textOf: (span: Span) => string): readonly Change[] {
  const operator = node["operator"] as string;
  const left = spanOf(node["left"]);
  const right = spanOf(node["right"]);
  const changes: Change[] = [];
  const swap = (kind: MutationOperator, table: Readonly<Record<string, string>>): void => {
    const other = Object.hasOwn(table, operator) ? table[operator] : undefined;
    if (other === undefined) return;
    changes.push([kind, spanOf(node), `${textOf(left)} ${other} ${textOf(right)}`]);
  };
  swap("comparison", comparisons);
  swap("boundary", boundaries);
  // A plus may join texts, where a minus would only crash.
  const isText = [node["left"], node["right"]].some((side) =>
    /StringLiteral|TemplateLiteral/.test((side as Node).type),
  );
  if (!isText) swap("off by one", offByOne);
  return changes;
}

function condition(node: Node): readonly Change[] {
  const test = spanOf(node["test"]);
  return [
    ["condition", test, node.type === "IfStatement" ? "(true)" : "true"],
    ["condition", test, node.type === "IfStatement" ? "(false)" : "false"],
  ];
}

function swappedArms(node: Node, textOf: (span: Span) => string): readonly Change[] {
  const [first, second] = [node["consequent"] as Node, node["alternate"] as Node | null];
  if (node.type !== "ConditionalExpression" || second === null) return [];
  const test = textOf(spanOf(node["test"]));
  const text = `${test} ? ${textOf(spanOf(second))} : ${textOf(spanOf(first))}`;
  return [["swapped arms", spanOf(node), text]];
}

/** A call whose answer nobody takes. */
function isRemovable(expression: Node): boolean {
  const inner = expression.type === "AwaitExpression" ? (expression["argument"] as Node) : expression;
  return inner.type === "CallExpression" && (inner["callee"] as Node).type !== "Super";
}

function returned(node: Node): readonly Change[] {
  const argument = node["argument"] as Node | null | undefined;
  if (argument === null || argument === undefined) return [];
  const span = spanOf(argument);
  if (argument.type === "BooleanLiteral")
    return [["returned constant", span, argument["value"] === true ? "false" : "true"]];
  if (argument.type === "NumericLiteral")
    return [["returned constant", span, String((argument["value"] as number) + 1)]];
  const isComparison =
    argument.type === "BinaryExpression" && Object.hasOwn(comparisons, argument["operator"] as string);
  return isComparison
    ? [
        ["returned constant", span, "true"],
        ["returned constant", span, "false"],
      ]
    : [];
}

/** Nodes that hold nothing a test should notice: types, and what is said when something is thrown. */
const passedOver = /^(Ts|Import|ThrowStatement|ExportAll|ExportNamed)/;

function visit(node: Node, see: (node: Node) => void): void {
  // `a as T` and the like are Ts nodes around ordinary expressions.
  const isWrapper = /^Ts(As|Satisfies|NonNull|Const)/.test(node.type ?? "");
  if (passedOver.test(node.type ?? "") && !isWrapper) return;
  if (typeof node.type === "string") see(node);
  for (const [key, part] of Object.entries(node)) {
    if (key === "span" || key === "typeAnnotation") continue;
    if (Array.isArray(part)) for (const item of part) visitPart(item, see);
    else visitPart(part, see);
  }
}

function visitPart(part: unknown, see: (node: Node) => void): void {
  if (typeof part === "object" && part !== null) visit(part as Node, see);
}

function spanOf(node: unknown): Span {
  const { span } = node as Node;
  if (span === undefined) throw new Error(`a node of type ${(node as Node).type} has no place`);
  return span;
}

/** Byte positions of the parser as positions in the text. */
class Positions {
  readonly #bytes: Buffer;
  readonly #isAscii: boolean;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#isAscii = bytes.every((byte) => byte < 128);
  }

  of(byte: number): number {
    return this.#isAscii ? byte : this.#bytes.toString("utf8", 0, byte).length;
  }
}
