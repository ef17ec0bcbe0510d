/** What tasks have adopted, for folders after this one. */
export { type InUseOptions, versionsInUse } from "./versions-in-use.ts";
