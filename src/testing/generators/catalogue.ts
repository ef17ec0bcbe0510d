import { cardPayments } from "./card-payments.ts";
import type { SampleGenerator } from "./generator.ts";

/** The stock generators that `sample:` can name. */
export const sampleGenerators: readonly SampleGenerator[] = [cardPayments];
