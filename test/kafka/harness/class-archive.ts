import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * JVM flags by which a Java process takes Kafka's classes from an archive (class data sharing) instead of reading them
 * out of the jars, which is half of the processor time of a broker's start; none where no archive was made.
 *
 * @param jars the folder of jars that is the whole class path; an archive is good for that path alone
 */
export function sharedClasses(jars: string): string[] {
  const archive = archiveOf(jars);
  // A JVM that cannot use it says so on the output, which belongs to the tool that runs.
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, "-Xlog:disable"] : [];
}

/**
 * Makes the archive of a folder of jars, once.
 *
 * @param runs starts Java with these flags, has it do what its followers will do, and stops it as an operator does
 */
export async function archiveClasses(jars: string, runs: (flags: readonly string[]) => Promise<void>): Promise<void> {
  const archive = archiveOf(jars);
  if (existsSync(archive)) return;
  const staging = `${archive}.${process.pid}`;
  try {
    await runs([`-XX:ArchiveClassesAtExit=${staging}`, "-Xlog:disable"]);
    // A JVM that a slow machine cut off while it wrote leaves none: then Java starts as it does without.
    if (existsSync(staging)) await rename(staging, archive);
  } finally {
    await rm(staging, { force: true });
  }
}

/** A copied folder of jars is another class path: its archive has another name. */
function archiveOf(jars: string): string {
  return join(jars, `classes-${createHash("sha256").update(jars).digest("hex").slice(0, 12)}.jsa`);
}
