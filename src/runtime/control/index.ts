/** What stands on the control topic, for folders after this one. */
export {
  type Alias,
  AliasReader,
  championAlias,
  followAliases,
  promotionRecords,
} from "./aliases.ts";
export { changeAliases } from "./change-aliases.ts";
