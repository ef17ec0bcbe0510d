export { createKafkaBroker, type KafkaBrokerOptions } from "./broker.ts";
export type { SaslOptions, TlsOptions } from "./connection-options.ts";
export { type GroupTimings, sessionTimings } from "./group-member.ts";
