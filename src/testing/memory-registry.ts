import { jsonText, normalSchemaText, type RegisteredSchema, type SchemaRegistry } from "../schema/index.ts";

/** A schema registry in memory: the same text has the same id under every subject, and nothing is refused. */
export class MemoryRegistry implements SchemaRegistry {
  readonly #ids = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  readonly #versions = new Map<string, RegisteredSchema[]>();

  /** Adds a version, or answers the one that has this schema already. */
  add(subject: string, schemaJson: unknown): RegisteredSchema {
    const normal = normalSchemaText(schemaJson);
    const id = this.#ids.get(normal) ?? this.#ids.size + 1;
    this.#ids.set(normal, id);
    const versions = this.#versions.get(subject) ?? [];
    this.#versions.set(subject, versions);
    const known = versions.find((version) => version.id === id);
    if (known !== undefined) return known;
    const text = this.#texts.get(id) ?? jsonText(schemaJson);
    this.#texts.set(id, text);
    const added: RegisteredSchema = { id, version: versions.length + 1, subject, text };
    versions.push(added);
    return added;
  }

  async byId(id: number): Promise<RegisteredSchema | undefined> {
    const text = this.#texts.get(id);
    return text === undefined ? undefined : { id, version: 0, subject: "", text };
  }

  async latest(subject: string): Promise<RegisteredSchema | undefined> {
    return this.#versions.get(subject)?.at(-1);
  }

  async versions(subject: string): Promise<readonly RegisteredSchema[]> {
    return [...(this.#versions.get(subject) ?? [])];
  }

  async lookUp(subject: string, schemaJson: unknown): Promise<RegisteredSchema | undefined> {
    const id = this.#ids.get(normalSchemaText(schemaJson));
    return this.#versions.get(subject)?.find((version) => version.id === id);
  }

  async register(subject: string, schemaJson: unknown): Promise<RegisteredSchema> {
    return this.add(subject, schemaJson);
  }
}
