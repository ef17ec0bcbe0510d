import { type Clock, cutOff, OperationError, silentAfterMs } from "../kernel/index.ts";

/** A schema as a registry holds it. */
export interface RegisteredSchema {
  /** Global: the same text has the same id under every subject. */
  readonly id: number;
  /** Within its subject, from 1; 0 when the registry did not say (a look-up by id). */
  readonly version: number;
  /** Empty when the registry did not say. */
  readonly subject: string;
  /** The schema's JSON as the registry gives it back: compare parsed, never as text. */
  readonly text: string;
}

/**
 * Where writer schemas are kept. `undefined` means that the registry said "not found"; a registry that cannot be
 * asked throws OperationError MR_REGISTRY with disposition "retry", and is waited for.
 */
export interface SchemaRegistry {
  /** The schema with this global id. */
  byId(id: number, signal: AbortSignal): Promise<RegisteredSchema | undefined>;
  /** The newest version of a subject. */
  latest(subject: string, signal: AbortSignal): Promise<RegisteredSchema | undefined>;
  /** Every version of a subject that has not been deleted, oldest first; none when there is no such subject. */
  versions(subject: string, signal: AbortSignal): Promise<readonly RegisteredSchema[]>;
  /**
   * The version of a subject that has this schema, be it the newest or not. Schemas are equal when they differ only in
   * white space and in the order of attributes.
   */
  lookUp(subject: string, schemaJson: unknown, signal: AbortSignal): Promise<RegisteredSchema | undefined>;
  /**
   * Adds a version, or answers the one that has this schema already.
   * @throws OperationError MR_SCHEMA or MR_SCHEMA_INCOMPATIBLE when the registry refuses it
   */
  register(subject: string, schemaJson: unknown, signal: AbortSignal): Promise<RegisteredSchema>;
}

/**
 * A registry that does not keep anybody waiting: one that has not answered after 30 s counts as one that cannot be asked
 * (MR_REGISTRY, "retry"), and an aborted signal ends the wait whatever the registry does with it. A registration that
 * is cut off may have been made.
 */
export function punctualRegistry(registry: SchemaRegistry, clock: Clock): SchemaRegistry {
  const limit = {
    clock,
    afterMs: silentAfterMs,
    late: () =>
      new OperationError("MR_REGISTRY", `asking the schema registry: no answer for ${silentAfterMs / 1_000} s`, {
        disposition: "retry",
      }),
  };
  return {
    byId: (id, signal) => cutOff(registry.byId(id, signal), limit, signal),
    latest: (subject, signal) => cutOff(registry.latest(subject, signal), limit, signal),
    versions: (subject, signal) => cutOff(registry.versions(subject, signal), limit, signal),
    lookUp: (subject, json, signal) => cutOff(registry.lookUp(subject, json, signal), limit, signal),
    register: (subject, json, signal) => cutOff(registry.register(subject, json, signal), limit, signal),
  };
}

/** Ids kept by {@link cachedRegistry} unless it is told otherwise. */
const idsMaxDefault = 1_000;

/**
 * Remembers what ids mean, which never changes; everything else is asked anew. "Not found" is not remembered.
 * At most `idsMax` ids; the one not used for longest goes first.
 */
export function cachedRegistry(registry: SchemaRegistry, idsMax = idsMaxDefault): SchemaRegistry {
  const byId = new Map<number, RegisteredSchema>();
  const keep = (schema: RegisteredSchema): RegisteredSchema => {
    byId.delete(schema.id);
    byId.set(schema.id, schema);
    const [oldest] = byId.keys();
    if (byId.size > idsMax && oldest !== undefined) byId.delete(oldest);
    return schema;
  };
  return {
    byId: async (id, signal) => {
      const found = byId.get(id) ?? (await registry.byId(id, signal));
      return found && keep(found);
    },
    latest: async (subject, signal) => {
      const found = await registry.latest(subject, signal);
      return found && keep(found);
    },
    versions: async (subject, signal) => (await registry.versions(subject, signal)).map(keep),
    lookUp: async (subject, schemaJson, signal) => {
      const found = await registry.lookUp(subject, schemaJson, signal);
      return found && keep(found);
    },
    register: async (subject, schemaJson, signal) => keep(await registry.register(subject, schemaJson, signal)),
  };
}
