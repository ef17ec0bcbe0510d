/** What stands on the control topic, and how topics of one partition are read, for folders after this one. */
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
export { follow, readUpTo, readWholeLog } from "./one-partition.ts";
export { proveVersion } from "./prove-version.ts";
export { type PruneDecision, pruneDecisions, type VersionInUse } from "./pruning.ts";
