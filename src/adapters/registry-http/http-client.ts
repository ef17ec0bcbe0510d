import { BackOff, type Clock, messageOf, OperationError } from "../../kernel/index.ts";

/** Largest answer read; schemas are kilobytes. */
const answerBytesMax = 8 * 1024 * 1024;
const attemptsMaxDefault = 4;
const timeoutMsDefault = 5_000;
const pauses = { firstMs: 100, lastMs: 2_000 };

export interface HttpClientOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Basic authentication. Credentials inside `url` are used when this is absent. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Per attempt. */
  readonly timeoutMs?: number;
  readonly attemptsMax?: number;
  /** Stands in for the platform's `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A status that was answered, with its body when that was JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Requests to a registry with timeout and back-off. Answers every status that asking again would not change;
 * 408, 429, 5xx and broken connections are tried again, then OperationError MR_REGISTRY "retry".
 * Messages name the address without credentials.
 */
export class HttpClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: HttpClientOptions;
  /** What stands in the header and in no message, in each form in which it could come back. */
  readonly #secrets: readonly string[];

  constructor(options: HttpClientOptions) {
    const url = parseUrl(options.url);
    const auth = options.auth ?? credentialsIn(url);
    this.#options = options;
    this.#secrets = auth === undefined ? [] : secretsOf(auth);
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
    this.#headers = {
      accept: "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json",
      ...(auth === undefined ? {} : { authorization: `Basic ${basicOf(auth)}` }),
    };
  }

  async request(method: "GET" | "POST", path: string, signal: AbortSignal, body?: unknown): Promise<Answer> {
    const attemptsMax = this.#options.attemptsMax ?? attemptsMaxDefault;
    const backOff = new BackOff(pauses);
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(method, path, signal, body);
      if ("answer" in outcome) return outcome.answer;
      signal.throwIfAborted();
      if (attempt >= attemptsMax) {
        const message = `asking the registry, ${method} ${this.#base}${path}: ${this.#redacted(outcome.reason)}`;
        throw new OperationError("MR_REGISTRY", message, { disposition: "retry", cause: outcome.cause });
      }
      await this.#options.clock.sleep(backOff.next(), signal);
    }
  }

  /** An error of the registry's that waiting does not mend. */
  refusal(doing: string, answer: Answer): OperationError {
    const hint = answer.status === 401 || answer.status === 403 ? " (check user and password)" : "";
    return new OperationError(
      "MR_REGISTRY",
      `${doing}: ${this.#base} answered ${answer.status}${hint}${this.said(answer)}`,
    );
  }

  /** What the registry said beside the status, cut short; it may be of any type or missing. */
  said(answer: Answer): string {
    const message = (answer.body as { message?: unknown } | undefined | null)?.message;
    if (message === undefined) return "";
    const text = typeof message === "string" ? message : JSON.stringify(message);
    // Cut last: half a secret is one too.
    return `: ${this.#redacted(text).slice(0, 1_000)}`;
  }

  /** Servers and proxies quote headers and addresses of a request that they refuse. */
  #redacted(text: string): string {
    // A word behind the scheme that no sentence has: "Basic authentication is required" stays.
    let clean = text.replace(/\b([Bb]asic|[Bb]earer)(\s+|%20)(?=\S*[A-Z0-9=])[\w+/=~.-]{4,}/g, "$1 ***");
    clean = clean.replace(/(\w:\/\/)[^\s/@]*@/g, "$1***@");
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, "***");
    return clean;
  }

  async #attempt(
    method: string,
    path: string,
    signal: AbortSignal,
    body: unknown,
  ): Promise<{ answer: Answer } | { reason: string; cause?: unknown }> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? timeoutMsDefault);
    const send = this.#options.fetch ?? fetch;
    try {
      const response = await send(`${this.#base}${path}`, {
        method,
        signal: AbortSignal.any([signal, timeout]),
        headers: {
          ...this.#headers,
          ...(body === undefined ? {} : { "content-type": "application/vnd.schemaregistry.v1+json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const json = parseJson(await textOf(response));
      const { status } = response;
      if (status === 408 || status === 429 || status >= 500) return { reason: `status ${status}` };
      // A proxy's page with status 200 is no answer of a registry.
      if (response.ok && json === undefined) return { reason: "the answer is not JSON" };
      return { answer: { status, body: json } };
    } catch (thrown) {
      if (timeout.aborted) return { reason: "no answer in time", cause: thrown };
      return { reason: reasonOf(thrown), cause: thrown };
    }
  }
}

function basicOf({ username, password }: { username: string; password: string }): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

/** Longest first, so that none is left over in a part. */
function secretsOf(auth: { username: string; password: string }): readonly string[] {
  const { password } = auth;
  const basic = basicOf(auth);
  const json = JSON.stringify(password).slice(1, -1);
  const forms = [
    basic,
    basic.replace(/=+$/, ""),
    encodeURIComponent(basic),
    password,
    encodeURIComponent(password),
    json,
  ];
  return [...new Set(forms)].filter((form) => form !== "").sort((a, b) => b.length - a.length);
}

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch failed` hides the reason in its cause. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && cause.message !== "" ? cause.message : messageOf(thrown);
}

/** The text itself stays out of the message: it may hold a password. */
function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new OperationError("MR_REGISTRY", "the registry's address is no URL");
  const url = new URL(text);
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new OperationError("MR_REGISTRY", `the registry's address begins with ${url.protocol}, not http: or https:`);
}

function credentialsIn(url: URL): { username: string; password: string } | undefined {
  if (url.username === "") return undefined;
  try {
    return { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    throw new OperationError("MR_REGISTRY", "the registry's address holds a user or password with a stray % in it");
  }
}
