/** What `${...}` in one scalar came to: its text, or what is wrong with a reference in it. */
export type Substitution =
  | { readonly text: string }
  | { readonly problem: { readonly code: "MR_ENVIRONMENT" | "MR_UNSUPPORTED"; message: string; hint: string } };

/** Variables by name, as the caller's process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of a file by its absolute path, without the line end that closes it; or why it cannot be had. */
export type FileText = (path: string) => { readonly text: string } | { readonly reason: string };

/** What references in a file are resolved with. */
export interface Outside {
  readonly environment: Environment;
  /** Left out where no file may be read. */
  readonly fileText?: FileText | undefined;
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;
const variable = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([\s\S]*))?$/;

/** True when the text holds something to substitute; cheap, for the many scalars that do not. */
export function hasReference(text: string): boolean {
  return text.includes("${");
}

/**
 * Replaces `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `${file:/path}`; `$${` stands for a literal `${`.
 *
 * What comes in is text and stays text: it is not looked at for references again. A variable that is set
 * but empty takes the default too, as in the shell. The first thing wrong is reported.
 */
export function substitute(text: string, outside: Outside): Substitution {
  let out = "";
  let end = 0;
  for (const match of text.matchAll(reference)) {
    out += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === "$${") {
      out += "${";
      continue;
    }
    const value = resolve(match[1] ?? "", match[2] === "}", outside);
    if (typeof value !== "string") return { problem: value };
    out += value;
  }
  return { text: out + text.slice(end) };
}

type ReferenceProblem = Extract<Substitution, { problem: unknown }>["problem"];

function resolve(inside: string, closed: boolean, { environment, fileText }: Outside): string | ReferenceProblem {
  const unreadable = `\${...} names no environment variable`;
  if (inside.includes("${"))
    return {
      code: "MR_ENVIRONMENT",
      message: `a variable stands inside another, and a default is text as it is`,
      hint: nestedHint(inside),
    };
  if (!closed)
    return { code: "MR_ENVIRONMENT", message: `${unreadable}: the brace is not closed`, hint: `write \${NAME}` };
  if (inside.startsWith(fileStart)) return fromFile(inside.slice(fileStart.length), fileText);
  const parts = variable.exec(inside);
  const name = parts?.[1];
  if (name === undefined)
    return {
      code: "MR_ENVIRONMENT",
      message: unreadable,
      hint: `write \${NAME}, \${NAME:-default} or \${NAME:?message}; $\${ stands for a literal \${`,
    };
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  const operator = parts?.[2];
  if (value !== undefined && (value !== "" || operator === undefined)) return value;
  if (operator === ":-") return parts?.[3] ?? "";
  const reason = operator === ":?" && parts?.[3] ? parts[3] : `the environment variable ${name} is not set`;
  return { code: "MR_ENVIRONMENT", message: reason, hint: `set ${name}, or give a default: \${${name}:-value}` };
}

const fileStart = "file:";

function fromFile(path: string, fileText: FileText | undefined): string | ReferenceProblem {
  const hint = `put the value into an environment variable and write \${NAME}`;
  if (fileText === undefined) return { code: "MR_UNSUPPORTED", message: "values from files are not read here", hint };
  if (!path.startsWith("/")) {
    const message = "a file is named by its whole path, which begins with /";
    return { code: "MR_ENVIRONMENT", message, hint: `write \${file:/run/secrets/NAME}` };
  }
  const found = fileText(path);
  if ("text" in found) return found.text;
  const message = `the file ${path} cannot be read: ${found.reason}`;
  return { code: "MR_ENVIRONMENT", message, hint: `create it, or ${hint}` };
}

function nestedHint(inside: string): string {
  const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(inside)?.[0] ?? "NAME";
  return `write \${${name}:-value}, or give ${name} its value where the process is started`;
}

/** What a plain scalar can be. A whole number beyond 2^53 - 1 is a bigint, so that it is the one that is written. */
export type PlainValue = string | number | bigint | boolean | null;

/**
 * What a plain scalar means in YAML's core schema: `${N}` with N=4 is the number 4, too.
 * Empty text stays text, so that `namespace: ${NAME:-}` is an empty name and not a missing value.
 */
export function typedScalar(text: string): PlainValue {
  if (/^(?:null|Null|NULL|~)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?[0-9]+$/.test(text)) return wholeNumber(text);
  if (/^0o[0-7]+$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text)) return wholeNumber(text);
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN;
  return text;
}

function wholeNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text.startsWith("+") ? text.slice(1) : text);
}
