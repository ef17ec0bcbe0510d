export { AssertionError, assert, unreachable } from "./assert.ts";
export { BackOff, type BackOffPolicy } from "./back-off.ts";
export { cutOff, silentAfterMs } from "./cut-off.ts";
export { type ErrorCode, errorCodes, type RecordErrorCode } from "./error-codes.ts";
export {
  codeOf,
  type Disposition,
  MillraceError,
  messageOf,
  OperationError,
  type Problem,
  RecordError,
} from "./errors.ts";
export { type FactContext, type FactDefinition, type FactFields, type FactName, Facts, facts, say } from "./facts.ts";
export { atOnce, inTurns } from "./in-turns.ts";
export { type GaugeName, type MetricDefinition, type MetricName, metrics } from "./metrics.ts";
export { type Clock, type Hasher, type LogFields, type Logger, type ProblemFields, silentLogger } from "./ports.ts";
export {
  eventIdOf,
  type Header,
  type Offset,
  type OffsetsNext,
  type RecordOut,
  type TopicPartition,
  topicPartitionKey,
} from "./record.ts";
export { type Rng, seededRng } from "./rng.ts";
export { closest } from "./suggest.ts";
export { type Series, Tallies } from "./tallies.ts";
export {
  bareTimeMinMs,
  dayOfMonth,
  dayOfWeek,
  type EpochMs,
  eventTimeEndMs,
  eventTimeMinMs,
  formatDurationMs,
  formatIsoTime,
  hourOfDay,
  isDigitsOfDate,
  minuteOfHour,
  monthOfYear,
  parseDurationMs,
  parseIsoTimeMs,
  timeMinMs,
} from "./time.ts";
export { readUtf8, type Utf8Reading } from "./utf8.ts";
