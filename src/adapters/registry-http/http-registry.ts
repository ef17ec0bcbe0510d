import { OperationError } from "../../kernel/index.ts";
import { normalSchemaText, type RegisteredSchema, type SchemaRegistry } from "../../schema/index.ts";
import { type Answer, HttpClient, type HttpClientOptions } from "./http-client.ts";

/** How long "not found" of an id is believed: each undecodable record would ask again. */
const unknownMsDefault = 5_000;
/** Unknown ids remembered at most; random bytes make four billion of them. */
const unknownIdsMax = 10_000;

export interface HttpRegistryOptions extends HttpClientOptions {
  readonly unknownMs?: number;
}

/**
 * A registry that speaks Confluent's REST protocol: Confluent, Karapace, Apicurio (ccompat) and others.
 * Judges by HTTP status and not by error_code, which differ between them. Neither logs nor quotes credentials.
 * @throws OperationError MR_REGISTRY at once when the address is no http(s) URL
 */
export function createHttpRegistry(options: HttpRegistryOptions): SchemaRegistry {
  const client = new HttpClient(options);
  const unknownUntilMs = new Map<number, number>();
  const unknownMs = options.unknownMs ?? unknownMsDefault;

  const latest: SchemaRegistry["latest"] = async (subject, signal) => {
    const answer = await client.request("GET", `/subjects/${encodeURIComponent(subject)}/versions/latest`, signal);
    return isMissing(answer) ? undefined : readSchema(client, `reading subject ${subject}`, answer, { subject });
  };

  return {
    byId: async (id, signal) => {
      if ((unknownUntilMs.get(id) ?? Number.NEGATIVE_INFINITY) > options.clock.monotonicMs()) return undefined;
      unknownUntilMs.delete(id);
      const answer = await client.request("GET", `/schemas/ids/${id}`, signal);
      const found = isMissing(answer) ? undefined : readSchema(client, `reading schema ${id}`, answer, { id });
      if (found === undefined) {
        if (unknownUntilMs.size >= unknownIdsMax) unknownUntilMs.clear();
        unknownUntilMs.set(id, options.clock.monotonicMs() + unknownMs);
      }
      return found;
    },

    latest,

    versions: async (subject, signal) => {
      const path = `/subjects/${encodeURIComponent(subject)}/versions`;
      const answer = await client.request("GET", path, signal);
      // Some servers of the protocol have no such list; what is newest they all tell.
      if (isMissing(answer)) {
        const newest = await latest(subject, signal);
        return newest === undefined ? [] : [newest];
      }
      if (answer.status !== 200) throw client.refusal(`reading the versions of ${subject}`, answer);
      if (!Array.isArray(answer.body) || !answer.body.every(Number.isSafeInteger))
        throw new OperationError("MR_REGISTRY", `reading the versions of ${subject}: the answer is no list of numbers`);
      const found: RegisteredSchema[] = [];
      for (const version of answer.body.map(Number).sort((a, b) => a - b)) {
        const one = await client.request("GET", `${path}/${version}`, signal);
        // Deleted in between.
        const read = isMissing(one)
          ? undefined
          : readSchema(client, `reading version ${version} of ${subject}`, one, { subject });
        if (read !== undefined) found.push(read);
      }
      return found;
    },

    lookUp: async (subject, schemaJson, signal) => {
      const text = normalSchemaText(schemaJson);
      const answer = await client.request("POST", `/subjects/${encodeURIComponent(subject)}`, signal, { schema: text });
      if (isMissing(answer)) return undefined;
      if (answer.status === 422) throw refusedSchema(client, subject, answer);
      return readSchema(client, `looking a schema up under ${subject}`, answer, { subject, text });
    },

    register: async (subject, schemaJson, signal) => {
      const text = normalSchemaText(schemaJson);
      const path = `/subjects/${encodeURIComponent(subject)}`;
      const answer = await client.request("POST", `${path}/versions`, signal, { schema: text });
      if (answer.status !== 200) throw refusedSchema(client, subject, answer);
      const given = fieldsOf(answer);
      const found = { subject, ...(typeof given.id === "number" ? { id: given.id } : {}) };
      // Older servers answer only the id; the version is theirs to tell.
      const full = given.version === undefined ? await client.request("POST", path, signal, { schema: text }) : answer;
      const registered = readSchema(client, `registering ${subject}`, full, { ...found, text });
      if (registered === undefined) throw client.refusal(`registering ${subject}`, full);
      // An id that was unknown may be this one.
      unknownUntilMs.clear();
      return registered;
    },
  };
}

interface SchemaAnswer {
  readonly id?: unknown;
  readonly version?: unknown;
  readonly subject?: unknown;
  readonly schema?: unknown;
  readonly schemaType?: unknown;
}

function isMissing(answer: Answer): boolean {
  return answer.status === 404;
}

function fieldsOf(answer: Answer): SchemaAnswer {
  return typeof answer.body === "object" && answer.body !== null ? answer.body : {};
}

/** Undefined for JSON Schema and Protobuf: there is no Avro schema of that id or subject. */
function readSchema(
  client: HttpClient,
  doing: string,
  answer: Answer,
  known: { readonly id?: number; readonly subject?: string; readonly text?: string },
): RegisteredSchema | undefined {
  if (answer.status !== 200) throw client.refusal(doing, answer);
  const given = fieldsOf(answer);
  if (given.schemaType !== undefined && given.schemaType !== "AVRO") return undefined;
  const id = known.id ?? given.id;
  const text = typeof given.schema === "string" ? given.schema : known.text;
  if (typeof id !== "number" || text === undefined) {
    throw new OperationError("MR_REGISTRY", `${doing}: the answer has no id or no schema`);
  }
  return {
    id,
    version: typeof given.version === "number" ? given.version : 0,
    subject: known.subject ?? (typeof given.subject === "string" ? given.subject : ""),
    text,
  };
}

function refusedSchema(client: HttpClient, subject: string, answer: Answer): OperationError {
  if (answer.status === 409) {
    return new OperationError("MR_SCHEMA_INCOMPATIBLE", `registering ${subject}: incompatible${client.said(answer)}`);
  }
  if (answer.status === 422) {
    return new OperationError(
      "MR_SCHEMA",
      `asking for a schema of ${subject}: the registry refuses it${client.said(answer)}`,
    );
  }
  return client.refusal(`registering ${subject}`, answer);
}
