import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, OperationError } from "../../kernel/index.ts";
import {
  jsonText,
  normalSchemaText,
  parseRecordSchema,
  parseRecordSchemaText,
  parseSchemaJson,
  type RegisteredSchema,
  readProblems,
  type SchemaRegistry,
} from "../../schema/index.ts";
import { codeOf, withFolderLock } from "./folder-lock.ts";

export interface FolderRegistryOptions {
  /** True refuses `register` and never creates or changes a file: what `run` opens. */
  readonly readOnly?: boolean;
}

/** Where an id stands: the same text may stand under several subjects. */
interface Holder {
  readonly subject: string;
  readonly version: number;
}

type Ids = ReadonlyMap<number, readonly Holder[]>;

/**
 * A registry in a folder: `<subject>/<version>.avsc` and `ids.json`, made to be read by people and kept in git.
 *
 * A file appears whole or not at all, versions are never overwritten, and several processes may register at once.
 * A folder that does not exist is an empty registry. Schemas are equal when they differ only in white space and in
 * the order of attributes. A version that cannot read its predecessor is refused.
 */
export function createFolderRegistry(dir: string, options: FolderRegistryOptions = {}): SchemaRegistry {
  const folder = new Folder(dir);
  return {
    byId: (id) => guarded(dir, () => folder.byId(id)),
    latest: (subject) => guarded(dir, () => folder.latest(subject)),
    versions: (subject) => guarded(dir, () => folder.versions(subject)),
    lookUp: (subject, schemaJson) => guarded(dir, () => folder.lookUp(subject, normalSchemaText(schemaJson))),
    register: async (subject, schemaJson, signal) => {
      if (options.readOnly === true) {
        throw new OperationError("MR_REGISTRY", `registering ${subject}: the folder ${dir} is open for reading only`);
      }
      const text = checkedText(subject, schemaJson);
      return guarded(dir, async () => {
        await mkdir(dir, { recursive: true });
        return withFolderLock(dir, signal, () => folder.register(subject, text));
      });
    },
  };
}

class Folder {
  readonly #dir: string;
  /** Ids never change their meaning, so what was found once is kept. */
  readonly #byId = new Map<number, RegisteredSchema>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  async byId(id: number): Promise<RegisteredSchema | undefined> {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const [holder] = (await this.#ids()).get(id) ?? [];
    const text = holder && (await this.#text(holder));
    if (holder === undefined || text === undefined) return undefined;
    const found = { id, ...holder, text };
    this.#byId.set(id, found);
    return found;
  }

  async latest(subject: string): Promise<RegisteredSchema | undefined> {
    return (await this.versions(subject)).at(-1);
  }

  /** A file without an id is not registered yet: its writer is at work, or crashed. */
  async versions(subject: string): Promise<RegisteredSchema[]> {
    const ids = await this.#ids();
    const found: RegisteredSchema[] = [];
    for (const version of await this.#versions(subject)) {
      const id = idOf(ids, { subject, version });
      const text = id === undefined ? undefined : await this.#text({ subject, version });
      if (id !== undefined && text !== undefined) found.push({ id, subject, version, text });
    }
    return found;
  }

  /** By the schema's meaning; likewise only what has its id. */
  async lookUp(subject: string, normal: string): Promise<RegisteredSchema | undefined> {
    const ids = await this.#ids();
    const found = await this.#versionOf(subject, normal);
    const id = found && idOf(ids, found.holder);
    return found === undefined || id === undefined ? undefined : { id, ...found.holder, text: found.text };
  }

  /** Called under the lock. The version's file comes before its id: a crash between leaves a file that is adopted. */
  async register(subject: string, text: string): Promise<RegisteredSchema> {
    const ids = await this.#ids();
    const normal = normalSchemaText(parseSchemaJson(text));
    const found = await this.#versionOf(subject, normal);
    if (found !== undefined) return this.#enter(found.holder, found.text, ids);
    const last = (await this.#versions(subject)).at(-1) ?? 0;
    const previous = await this.#text({ subject, version: last });
    if (previous !== undefined) refuseIncompatible(subject, text, previous);
    const holder = { subject, version: last + 1 };
    await mkdir(this.#subjectDir(subject), { recursive: true });
    await this.#create(this.#path(holder), text);
    return this.#enter(holder, text, ids);
  }

  async #versionOf(subject: string, normal: string): Promise<{ holder: Holder; text: string } | undefined> {
    for (const version of await this.#versions(subject)) {
      const text = await this.#text({ subject, version });
      if (text !== undefined && normalOf(text) === normal) return { holder: { subject, version }, text };
    }
    return undefined;
  }

  /** Gives the version its id, an old one when the same text has one under another subject. */
  async #enter(holder: Holder, text: string, ids: Ids): Promise<RegisteredSchema> {
    const known = idOf(ids, holder);
    if (known !== undefined) return { id: known, ...holder, text };
    const id = (await this.#idOfText(normalSchemaText(parseSchemaJson(text)), ids)) ?? Math.max(0, ...ids.keys()) + 1;
    const grown = new Map(ids).set(id, [...(ids.get(id) ?? []), holder]);
    const json = Object.fromEntries([...grown].sort(([a], [b]) => a - b));
    await this.#replace(join(this.#dir, "ids.json"), `${JSON.stringify(json, null, 2)}\n`);
    return { id, ...holder, text };
  }

  async #idOfText(normal: string, ids: Ids): Promise<number | undefined> {
    for (const [id, [holder]] of ids) {
      const text = holder && (await this.#text(holder));
      if (text !== undefined && normalOf(text) === normal) return id;
    }
    return undefined;
  }

  async #ids(): Promise<Ids> {
    const text = await readOrUndefined(join(this.#dir, "ids.json"));
    if (text === undefined) return new Map();
    const json: unknown = JSON.parse(text);
    const ids = new Map<number, Holder[]>();
    for (const [id, holders] of Object.entries(json ?? {})) {
      if (!/^[1-9]\d*$/.test(id) || !Array.isArray(holders) || !holders.every(isHolder)) {
        throw new OperationError("MR_REGISTRY", `reading ${join(this.#dir, "ids.json")}: entry ${id} is damaged`);
      }
      ids.set(Number(id), holders);
    }
    return ids;
  }

  async #versions(subject: string): Promise<number[]> {
    try {
      const names = await readdir(this.#subjectDir(subject));
      const versions = names.map((name) => /^([1-9]\d{0,8})\.avsc$/.exec(name)?.[1]).filter((v) => v !== undefined);
      return versions.map(Number).sort((a, b) => a - b);
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return [];
      throw thrown;
    }
  }

  #text(holder: Holder): Promise<string | undefined> {
    return readOrUndefined(this.#path(holder));
  }

  #path(holder: Holder): string {
    return join(this.#subjectDir(holder.subject), `${holder.version}.avsc`);
  }

  /** Subjects come from topic names; whatever else they hold cannot leave the folder. */
  #subjectDir(subject: string): string {
    const name = encodeURIComponent(subject);
    if (name === "" || name.startsWith(".")) {
      throw new OperationError("MR_REGISTRY", `"${subject}" cannot be a subject of a registry folder`);
    }
    return join(this.#dir, name);
  }

  /** Whole or not at all, and never over another file. */
  async #create(path: string, text: string): Promise<void> {
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeFile(temporary, text, { flag: "wx" });
    try {
      await link(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #replace(path: string, text: string): Promise<void> {
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeFile(temporary, text, { flag: "wx" });
    await rename(temporary, path);
  }
}

function checkedText(subject: string, schemaJson: unknown): string {
  const parsed = parseRecordSchema(schemaJson, subject);
  if ("problems" in parsed) {
    const message = `registering ${subject}: ${parsed.problems.map((problem) => problem.message).join("; ")}`;
    throw new OperationError("MR_SCHEMA", message);
  }
  return `${jsonText(schemaJson, 2)}\n`;
}

function refuseIncompatible(subject: string, text: string, previousText: string): void {
  const reader = parseRecordSchemaText(text, subject);
  const writer = parseRecordSchemaText(previousText, subject, { strictDefaults: false });
  // A damaged predecessor has nothing that could be read with it.
  if (!("schema" in reader && "schema" in writer)) return;
  const problems = readProblems(reader.schema, writer.schema);
  if (problems.length === 0) return;
  const message = `registering ${subject}: the schema cannot read its predecessor: ${problems.join("; ")}`;
  throw new OperationError("MR_SCHEMA_INCOMPATIBLE", message);
}

function idOf(ids: Ids, wanted: Holder): number | undefined {
  for (const [id, holders] of ids) {
    if (holders.some((holder) => holder.subject === wanted.subject && holder.version === wanted.version)) return id;
  }
  return undefined;
}

function isHolder(value: unknown): value is Holder {
  const { subject, version } = (value ?? {}) as Partial<Holder>;
  return typeof subject === "string" && Number.isSafeInteger(version);
}

function normalOf(text: string): string | undefined {
  try {
    return normalSchemaText(parseSchemaJson(text));
  } catch {
    return undefined;
  }
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

/** What the file system says becomes an error with a code; waiting would not help against any of it. */
async function guarded<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof SyntaxError || codeOf(thrown)?.startsWith("E") === true) {
      throw new OperationError("MR_REGISTRY", `reading the registry folder ${dir}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
    throw thrown;
  }
}
