/** What stands on the control topic, for folders after this one. */
export {
  type Alias,
  AliasReader,
  aliasedVersion,
  aliasGone,
  aliasRecord,
  challengerAlias,
  championAlias,
  followAliases,
  type Promotion,
  previousAlias,
  promotionRecords,
} from "./aliases.ts";
export { approvalRecord } from "./approvals.ts";
export { changeAliases } from "./change-aliases.ts";
export { proveVersion } from "./prove-version.ts";
export { type PruneDecision, pruneDecisions, type VersionInUse } from "./pruning.ts";
