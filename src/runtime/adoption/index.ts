/** What tasks have adopted, for folders after this one. */
export { AdoptionLog, type AdoptionLogOptions } from "./adoption-log.ts";
export { type ScoringTask, type ScoringTasks, scoringTasks } from "./scoring-tasks.ts";
export { versionsInUse } from "./versions-in-use.ts";
