/** The broker under the demo: which one, how far its readers are, and how it is left. */
import { warnOfExposure } from "../src/app/exposure.ts";
import { connectionOf, type Environment } from "../src/app/settings.ts";
import { openBroker, openMemoryBroker } from "../src/app/wire.ts";
import type { LogFields, Logger } from "../src/kernel/index.ts";
import type { Broker } from "../src/runtime/index.ts";
import { clusterNamesOf, type Plan, type PlannedStage } from "../src/topology/index.ts";

/**
 * More than everything that is written: 217 MB, and 790 MB with all airports. The demo reads its topics from their
 * beginnings, so that a broker which drops anything ends it.
 */
const brokerBytesMaxDefault = 1_024 * 1024 * 1024;
const deleteTimeoutMs = 30_000;

export interface Place {
  /** host:port with commas between; undefined takes the in-process broker. */
  readonly brokers: string | undefined;
  /** What the in-process broker holds at most; undefined for what the demo needs. */
  readonly brokerBytesMax?: number | undefined;
  readonly environment: Environment;
}

export function connect({ brokers, brokerBytesMax, environment }: Place, logger: Logger): Promise<Broker> {
  if (brokers === undefined) return openMemoryBroker(brokerBytesMax ?? brokerBytesMaxDefault, logger);
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

/** Who reads a topic. */
export interface Reader {
  readonly from: { readonly clusterName: string };
  readonly group: string;
}

/** Records that a reader has not committed yet, those among them whose transaction's marker is still on its way. */
export async function lagOf(broker: Broker, { from, group }: Reader, signal: AbortSignal): Promise<number> {
  const extents = await extentsOf(broker, from.clusterName, signal);
  const committed = await broker.admin.committed(group, from.clusterName, signal);
  const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
  return extents.reduce((sum, { partition, low, end }) => {
    return sum + Math.max(0, end - Math.max(low, offsets.get(partition) ?? -1));
  }, 0);
}

/** True when a reader sees all that a topic holds: no transaction is open, and each that has ended has its marker. */
export async function isSettled(broker: Broker, topic: string, signal: AbortSignal): Promise<boolean> {
  const extents = await extentsOf(broker, topic, signal);
  const readable = new Map(
    (await broker.admin.watermarks(topic, signal)).map(({ partition, end }) => [partition, end]),
  );
  return extents.every(({ partition, end }) => (readable.get(partition) ?? 0) >= end);
}

async function extentsOf({ admin }: Broker, topic: string, signal: AbortSignal) {
  const partitions = await admin.watermarks(topic, signal);
  return Promise.all(
    partitions.map(async ({ partition }) => ({ partition, ...(await admin.extent({ topic, partition }, signal)) })),
  );
}

/** True when a stage has committed where it begins, in every partition. */
export async function hasStart(broker: Broker, { from, group }: PlannedStage, signal: AbortSignal): Promise<boolean> {
  const watermarks = await broker.admin.watermarks(from.clusterName, signal);
  const committed = await broker.admin.committed(group, from.clusterName, signal);
  return committed.filter(({ offset }) => offset >= 0).length === watermarks.length;
}

/**
 * The log, of which warnings and errors are said at the terminal too.
 *
 * An error means that data is lost or a human is needed: then the demo must not go on as if all was well. The same is
 * true of a broker that drops records, although other users of it may do without them: what is counted at the end is
 * read from the topics' beginnings.
 */
export function failingLogger(logger: Logger, terminal: Logger, failure: AbortController): Logger {
  const fail = (fields: LogFields, message: string): void => {
    const what = fields["stage"] === undefined ? "topic" : "stage";
    const where = fields[what] === undefined ? "" : `${what} ${String(fields[what])}: `;
    const why = fields["reason"] ?? (fields["limit"] === undefined ? "" : `Too much for ${String(fields["limit"])}.`);
    failure.abort(new Error(`${where}${message} ${String(why)}`.trim()));
  };
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => {
      logger.warn(fields, message);
      terminal.warn(fields, message);
      if (fields["code"] === "MR_BROKER_FULL") fail(fields, message);
    },
    error: (fields, message) => {
      logger.error(fields, message);
      terminal.error(fields, message);
      fail(fields, message);
    },
  };
}
