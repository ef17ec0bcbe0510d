import fc from "fast-check";

/**
 * Where every property of a run begins: MILLRACE_TEST_SEED replays one, CI always takes the same, any other run a new one.
 *
 * A landing says whether this change broke something; new ground is for the runs of whoever can look into what they find.
 */
export const propertySeed = seedOf(process.env["MILLRACE_TEST_SEED"], process.env["CI"] === "true");

fc.configureGlobal({ seed: propertySeed });

function seedOf(given: string | undefined, isCi: boolean): number {
  if (given !== undefined) return Number(given);
  return isCi ? 1 : Math.floor(Math.random() * 2 ** 31);
}
