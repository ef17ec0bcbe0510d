export { createFolderRegistry, type FolderRegistryOptions } from "./folder-registry.ts";
