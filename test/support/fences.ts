import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A fenced block of a document. */
export interface Fence {
  /** What stands behind the opening mark: the language, then whatever the document adds to it. */
  readonly info: string;
  readonly text: string;
}

/** The fenced blocks of a document of this repository, in their order, as they stand there. */
export function fencesOf(document: string): readonly Fence[] {
  const text = readFileSync(join(import.meta.dirname, "../..", document), "utf8");
  return [...text.matchAll(/^```(\S[^\n]*)\n([\s\S]*?)^```$/gm)].map(([, info = "", body = ""]) => ({
    info: info.trim(),
    text: body,
  }));
}
