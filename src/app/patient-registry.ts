import type { Clock, Facts } from "../kernel/index.ts";
import { waitOutRegistry } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";

/** A registry whose readers wait while it is down, as a worker does; what it refuses is thrown as ever. */
export function patientRegistry(
  registry: SchemaRegistry,
  by: { readonly clock: Clock; readonly facts: Facts },
): SchemaRegistry {
  const wait = <T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> => waitOutRegistry(ask, by, signal);
  return {
    byId: (id, signal) => wait(signal, () => registry.byId(id, signal)),
    latest: (subject, signal) => wait(signal, () => registry.latest(subject, signal)),
    versions: (subject, signal) => wait(signal, () => registry.versions(subject, signal)),
    lookUp: (subject, json, signal) => wait(signal, () => registry.lookUp(subject, json, signal)),
    register: (subject, json, signal) => registry.register(subject, json, signal),
  };
}
