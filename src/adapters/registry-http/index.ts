export { createHttpRegistry, type HttpRegistryOptions } from "./http-registry.ts";
