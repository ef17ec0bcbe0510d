export { type BatchPlace, batchesOf, type PlainRecord, recordsOf } from "./batches.ts";
export { FakeClock } from "./fake-clock.ts";
export { sampleGenerators } from "./generators/catalogue.ts";
export type { SampleEvent, SampleGenerator, SampleOptions } from "./generators/generator.ts";
export type { GivenValue } from "./given-value.ts";
export { MemoryRegistry } from "./memory-registry.ts";
export { runPlannedTest } from "./run-test.ts";
export {
  type DeadLetter,
  type DriverOptions,
  driverStartMs,
  type FedRecord,
  StageDriver,
  type StageFeed,
  type WrittenRecord,
} from "./stage-driver.ts";
export type { StandInModel } from "./stub-model.ts";
export { TopologyDriver, type TopologyFeed } from "./topology-driver.ts";
