/** What tasks have adopted, for folders after this one. */
export { AdoptionLog, type AdoptionLogOptions } from "./adoption-log.ts";
