export { createKafkaBroker, type KafkaBrokerOptions, type KafkaCluster } from "./broker.ts";
export type { SaslOptions, TlsOptions } from "./connection-options.ts";
export { type GroupTimings, sessionTimings } from "./group-member.ts";
export type { GroupMembership } from "./remove-members.ts";
