import type { SendOutcome } from "../../monitoring/index.ts";

const timeoutMsDefault = 5_000;

export interface PostOptions {
  /** Credentials in it become a header. */
  readonly url: string;
  readonly contentType: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/**
 * Posts JSON once. Redirects are not followed: whoever may answer them decides where an alert goes.
 *
 * Reasons are statuses and codes alone: addresses of webhooks are secrets, and servers repeat what they are sent.
 */
export async function post(options: PostOptions, signal: AbortSignal): Promise<SendOutcome> {
  const { contentType, body, headers, timeoutMs = timeoutMsDefault } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const { url, authorization } = apart(options.url);
    const response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout]),
      headers: {
        "content-type": contentType,
        ...(authorization === undefined ? {} : { authorization }),
        ...headers,
      },
      body: JSON.stringify(body),
    });
    await response.body?.cancel();
    return outcomeOf(response);
  } catch (thrown) {
    signal.throwIfAborted();
    if (timeout.aborted) return { kind: "failed", reason: `no answer within ${timeoutMs / 1_000} s` };
    return { kind: "failed", reason: `no connection${codeText(thrown)}` };
  }
}

function outcomeOf({ status, ok, headers }: Response): SendOutcome {
  if (ok) return { kind: "sent" };
  const reason = `status ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    return Number.isFinite(seconds) ? { kind: "failed", reason, afterMs: seconds * 1_000 } : { kind: "failed", reason };
  }
  const isRedirect = status >= 300 && status < 400;
  return { kind: "refused", reason: isRedirect ? `${reason}, a redirect, and none is followed` : reason };
}

/** `fetch` takes no credentials in an address. */
function apart(address: string): { readonly url: URL; readonly authorization: string | undefined } {
  const url = new URL(address);
  const { username, password } = url;
  if (username === "" && password === "") return { url, authorization: undefined };
  url.username = "";
  url.password = "";
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url, authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** The system's code, such as `ECONNREFUSED`, which names nothing secret. */
function codeText(thrown: unknown): string {
  for (let at = thrown, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === "string" && /^[A-Z_0-9]+$/.test(code)) return ` (${code})`;
  }
  return "";
}
