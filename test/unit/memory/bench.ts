import { createMemoryBroker, type MemoryBrokerOptions } from "../../../src/adapters/memory/index.ts";
import { type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { TopicToCreate } from "../../../src/topology/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";

/** A signal that nobody aborts. */
export const never = new AbortController().signal;

export const deadlineMs = 5_000;

export function topicOf(
  topic: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {},
): TopicToCreate {
  return { topic, partitions, replication: undefined, configs };
}

export interface LoggedLine {
  readonly fields: LogFields;
  readonly message: string;
}

/** A logger that keeps its warnings. */
export function keepingLogger(): { logger: Logger; warnings: LoggedLine[] } {
  const warnings: LoggedLine[] = [];
  return { logger: { ...silentLogger, warn: (fields, message) => void warnings.push({ fields, message }) }, warnings };
}

export function brokerOf(options: Partial<MemoryBrokerOptions>): Broker {
  return createMemoryBroker({
    codecs: noCodecs,
    clock: new FakeClock(1_700_000_000_000),
    logger: silentLogger,
    bytesMax: 64 * 1_048_576,
    ...options,
  });
}
