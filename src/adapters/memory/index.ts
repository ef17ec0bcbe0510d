export { createMemoryBroker, type MemoryBrokerOptions } from "./broker.ts";
