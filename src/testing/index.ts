export { sampleGenerators } from "./generators/catalogue.ts";
export type { SampleEvent, SampleGenerator, SampleOptions } from "./generators/generator.ts";
