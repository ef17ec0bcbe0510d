import { OperationError } from "../kernel/index.ts";
import type { Encoder } from "./encoder.ts";
import type { Scaler } from "./scaler.ts";
import type { Signature } from "./scorer.ts";

/** Files of a model version by name: the form in which it is stored, hashed and read back. */
export type ArtefactFiles = ReadonlyMap<string, Uint8Array>;

/** What versions of all kinds share, as it was read back and verified. */
export interface VersionParts {
  readonly signature: Signature;
  readonly scaler: Scaler;
  readonly encoder: Encoder;
  readonly files: ArtefactFiles;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The object that a JSON file of a version holds. @throws OperationError MR_MODEL when it is missing or none */
export function jsonObject(files: ArtefactFiles, name: string, where: string): Readonly<Record<string, unknown>> {
  const bytes = files.get(name);
  if (bytes === undefined) throw damaged(where, `${name} is missing`);
  let value: unknown;
  try {
    value = JSON.parse(fileText(bytes, where, name));
  } catch (cause) {
    throw damaged(where, `${name} is not JSON`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw damaged(where, `${name} is no object`);
  return value as Record<string, unknown>;
}

/** A list of so many finite numbers. @throws OperationError MR_MODEL when it is none */
export function finiteNumbers(value: unknown, length: number, where: string, name: string): number[] {
  if (
    !Array.isArray(value) ||
    value.length !== length ||
    !value.every((x) => typeof x === "number" && Number.isFinite(x))
  ) {
    throw damaged(where, `${name} does not hold ${length} finite numbers where the signature asks for them`);
  }
  return value as number[];
}

/** @throws OperationError MR_MODEL when the bytes are not UTF-8 */
export function fileText(bytes: Uint8Array, where: string, name: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw damaged(where, `${name} is not UTF-8`, cause);
  }
}

/** A value as a JSON file, in lines. */
export function jsonFile(value: unknown): Uint8Array {
  return encoder.encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** @param where names the version, such as `card-fraud/3` */
export function damaged(where: string, what: string, cause?: unknown): OperationError {
  return new OperationError("MR_MODEL", `reading model ${where}: ${what}`, cause === undefined ? undefined : { cause });
}
