export { createKafkaBroker, type KafkaBrokerOptions } from "./broker.ts";
export type { SaslOptions, TlsOptions } from "./connections.ts";
export type { GroupTimings } from "./group-member.ts";
