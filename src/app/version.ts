import { readFileSync } from "node:fs";

/** The version of the package this runs from, as its package.json says. */
export const version: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;
