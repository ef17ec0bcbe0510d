import type { RowShape } from "../../schema/index.ts";
import type { Findings } from "./findings.ts";
import { kafkaTimeField } from "./topics.ts";
import type { WiredStage } from "./wiring.ts";

/** Key and partitions of the output, where it names none; a difference is a re-key, which only an ingest may do. */
export function inheritFromInput(wired: WiredStage, findings: Findings): void {
  const { from, to, isIngest } = wired;
  const keysAreKnown = !from.isBroken && !from.keyIsWrong && !to.keyIsWrong;
  if (!isIngest && keysAreKnown && to.spec.key !== undefined && to.spec.key !== from.key) {
    const before = from.key === undefined ? "has no key field" : `is keyed by ${from.key}`;
    const message = `topic ${to.name} is keyed by ${to.spec.key}, and topic ${from.name}, which stage ${wired.head.name} reads, ${before}; only an ingest stage changes the key`;
    const hint = from.key === undefined ? `key topic ${from.name} at ingest` : `write key: ${from.key}`;
    findings.problem("MR_KEY", [...to.path, "key"], message, hint);
  }
  const differs =
    to.spec.partitions !== undefined && from.partitions !== undefined && to.partitions !== from.partitions;
  if (!isIngest && !from.isBroken && differs) {
    const message = `topic ${to.name} has ${to.partitions} partitions, and topic ${from.name}, which stage ${wired.head.name} reads, has ${from.partitions}; only an ingest stage changes the number`;
    const hint = `write partitions: ${from.partitions}, or leave it out`;
    findings.problem("MR_KEY", [...to.path, "partitions"], message, hint);
  }
  to.partitions ??= from.partitions;
  if (to.partitionsAreWrong || from.partitionsAreWrong) return;
  if (to.partitions === undefined && wired.isIngest && !from.isBroken && !to.isBroken) {
    const message = `nothing says how many partitions topic ${to.name} has, and the input does not say either`;
    findings.problem("MR_MISSING_KEY", [...to.path, "partitions"], message, "write for example partitions: 4");
  }
}

/** Key and time that the output takes over, once its fields are known: what the rows no longer have cannot be named. */
export function settleKeyAndTime(wired: WiredStage, isInfer: boolean): void {
  const { from, to } = wired;
  if (to.spec.key === undefined) to.keyIsWrong ||= from.keyIsWrong;
  if (to.spec.time === undefined) to.timeIsWrong ||= from.timeIsWrong;
  const has = (name: string | undefined): boolean => to.schema?.shape.some((field) => field.name === name) ?? false;
  // What the rows no longer have cannot be named; the key's bytes stay all the same.
  if (to.spec.key === undefined) to.key = has(from.key) ? from.key : undefined;
  if (to.spec.time !== undefined || to.schema === undefined) return;
  to.time = timestampIn(to.schema.shape, isInfer ? kafkaTimeField : from.time);
}

/** The name, where the rows have a time of that name. */
export function timestampIn(shape: RowShape, name: string | undefined): string | undefined {
  return shape.find((field) => field.name === name && field.type.kind === "timestamp")?.name;
}
