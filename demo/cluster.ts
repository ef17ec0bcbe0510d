/** The broker under the demo: which one, how far its readers are, and how it is left. */
import { warnOfExposure } from "../src/app/exposure.ts";
import { connectionOf, type Environment } from "../src/app/settings.ts";
import { openBroker, openMemoryBroker } from "../src/app/wire.ts";
import type { Logger } from "../src/kernel/index.ts";
import type { Broker } from "../src/runtime/index.ts";
import { clusterNamesOf, type Plan, type PlannedStage } from "../src/topology/index.ts";

/** More than everything that is written, so that the in-process broker never drops what somebody still reads. */
const brokerBytesMax = 1_536 * 1024 * 1024;
const deleteTimeoutMs = 30_000;

/** @param brokers host:port with commas between; undefined takes the in-process broker */
export function connect(brokers: string | undefined, environment: Environment, logger: Logger): Promise<Broker> {
  if (brokers === undefined) return openMemoryBroker(brokerBytesMax, logger);
  const connection = connectionOf({ brokers }, environment);
  warnOfExposure(connection, logger);
  return openBroker(connection, connection.brokers ?? [], logger);
}

/** @param deletes the plan whose topics, the inbox among them, and groups are deleted before */
export async function closeBroker(broker: Broker, deletes: Plan | undefined): Promise<void> {
  try {
    if (deletes !== undefined) {
      const timeout = AbortSignal.timeout(deleteTimeoutMs);
      await broker.admin.deleteTopics(clusterNamesOf(deletes), timeout);
      await broker.admin.deleteGroups(
        deletes.stages.map((stage) => stage.group),
        timeout,
      );
    }
  } finally {
    await broker.close();
  }
}

/** Records that a stage has not committed yet. */
export async function lagOf(broker: Broker, { from, group }: PlannedStage, signal: AbortSignal): Promise<number> {
  const watermarks = await broker.admin.watermarks(from.clusterName, signal);
  const committed = await broker.admin.committed(group, from.clusterName, signal);
  const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
  return watermarks.reduce((sum, { partition, low, end }) => {
    return sum + Math.max(0, end - Math.max(low, offsets.get(partition) ?? -1));
  }, 0);
}

/** True when a stage has committed where it begins, in every partition. */
export async function hasStart(broker: Broker, { from, group }: PlannedStage, signal: AbortSignal): Promise<boolean> {
  const watermarks = await broker.admin.watermarks(from.clusterName, signal);
  const committed = await broker.admin.committed(group, from.clusterName, signal);
  return committed.filter(({ offset }) => offset >= 0).length === watermarks.length;
}

/** An error in the log means that data is lost or a human is needed: then the demo must not go on as if all was well. */
export function failingLogger(logger: Logger, failure: AbortController): Logger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => {
      logger.error(fields, message);
      const stage = fields["stage"] === undefined ? "" : `stage ${String(fields["stage"])}: `;
      failure.abort(new Error(`${stage}${message} ${String(fields["reason"] ?? "")}`.trim()));
    },
  };
}
