import { normalSchemaText, parseRecordSchemaText, readProblems } from "../../src/schema/index.ts";

interface Stored {
  readonly id: number;
  readonly subject: string;
  readonly version: number;
  readonly schema: string;
}

/**
 * As much of Confluent's protocol as the HTTP adapter uses, as a function in place of `fetch`: statuses, bodies and
 * codes as Confluent 7.9 answers them (level BACKWARD). `failures` are answered first, one per request; an Error
 * among them is a broken connection, a number a status.
 */
export class FakeSchemaRegistry {
  readonly requests: { method: string; path: string; headers: Headers; url: string }[] = [];
  readonly failures: (number | Error | Response)[] = [];
  readonly #stored: Stored[] = [];
  readonly #answersVersion: boolean;

  constructor(options: { answersVersion?: boolean } = {}) {
    this.#answersVersion = options.answersVersion ?? false;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    const method = init?.method ?? "GET";
    this.requests.push({ method, path: url.pathname, headers: new Headers(init?.headers), url: url.href });
    init?.signal?.throwIfAborted();
    const failure = this.failures.shift();
    if (failure instanceof Error) throw failure;
    if (failure instanceof Response) return failure;
    if (failure !== undefined) return json(failure, { error_code: failure, message: "as told" });
    return this.#route(method, url.pathname, init?.body);
  };

  #route(method: string, path: string, body: unknown): Response {
    const byId = /^\/schemas\/ids\/(\d+)$/.exec(path)?.[1];
    if (method === "GET" && byId !== undefined) {
      const found = this.#stored.find((entry) => entry.id === Number(byId));
      return found
        ? json(200, { schema: found.schema })
        : json(404, { error_code: 40403, message: "Schema not found" });
    }
    const [, subject, rest] = /^\/subjects\/([^/]+)(\/versions|\/versions\/latest|\/versions\/\d+)?$/.exec(path) ?? [];
    if (subject === undefined) return json(404, { error_code: 404, message: "HTTP 404 Not Found" });
    const name = decodeURIComponent(subject);
    if (method === "GET" && rest === "/versions/latest") return this.#latest(name);
    if (method === "GET" && rest === "/versions") return this.#versions(name);
    if (method === "GET" && rest !== undefined) return this.#version(name, Number(rest.split("/").at(-1)));
    const schema = String((JSON.parse(String(body)) as { schema: unknown }).schema);
    return rest === undefined ? this.#lookUp(name, schema) : this.#register(name, schema);
  }

  #latest(subject: string): Response {
    const found = this.#stored.findLast((entry) => entry.subject === subject);
    return found ? json(200, found) : json(404, { error_code: 40401, message: `Subject '${subject}' not found.` });
  }

  #versions(subject: string): Response {
    const own = this.#stored.filter((entry) => entry.subject === subject).map((entry) => entry.version);
    return own.length > 0
      ? json(200, own)
      : json(404, { error_code: 40401, message: `Subject '${subject}' not found.` });
  }

  #version(subject: string, version: number): Response {
    const found = this.#stored.find((entry) => entry.subject === subject && entry.version === version);
    return found ? json(200, found) : json(404, { error_code: 40402, message: `Version ${version} not found.` });
  }

  #lookUp(subject: string, schema: string): Response {
    const found = this.#stored.find((entry) => entry.subject === subject && same(entry.schema, schema));
    return found ? json(200, found) : json(404, { error_code: 40403, message: "Schema not found" });
  }

  #register(subject: string, schema: string): Response {
    const parsed = parseRecordSchemaText(schema, subject);
    if ("problems" in parsed) return json(422, { error_code: 42201, message: "Invalid schema" });
    const own = this.#stored.filter((entry) => entry.subject === subject);
    const found = own.find((entry) => same(entry.schema, schema));
    if (found !== undefined) return this.#registered(found);
    const previous = own.at(-1);
    const writer = previous && parseRecordSchemaText(previous.schema, subject);
    if (writer !== undefined && "schema" in writer && readProblems(parsed.schema, writer.schema).length > 0) {
      return json(409, { error_code: 409, message: "Schema being registered is incompatible with an earlier schema" });
    }
    const id = this.#stored.find((entry) => same(entry.schema, schema))?.id ?? this.#nextId();
    const entry = { id, subject, version: own.length + 1, schema };
    this.#stored.push(entry);
    return this.#registered(entry);
  }

  #registered(entry: Stored): Response {
    return json(200, this.#answersVersion ? entry : { id: entry.id });
  }

  #nextId(): number {
    return Math.max(0, ...this.#stored.map((entry) => entry.id)) + 1;
  }
}

function same(a: string, b: string): boolean {
  return normalSchemaText(JSON.parse(a)) === normalSchemaText(JSON.parse(b));
}

function json(status: number, body: unknown): Response {
  const headers = { "content-type": "application/vnd.schemaregistry.v1+json" };
  return new Response(JSON.stringify(body), { status, headers });
}
