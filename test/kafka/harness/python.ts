import { spawnSync } from "node:child_process";
import { join } from "node:path";

const repository = join(import.meta.dirname, "../../..");

/**
 * The Python of the foreign-client tests, with confluent-kafka and fastavro; installed through pip where it is not yet.
 *
 * @throws Error with what pip said when it cannot be had: a lane without its foreign client has shown nothing
 */
export function foreignPython(): string {
  const install = spawnSync("sh", [join(repository, "test/python/install")], { encoding: "utf8" });
  if (install.status !== 0) throw new Error(`installing the Python of the tests: ${install.stdout}${install.stderr}`);
  return join(repository, ".millrace/python/bin/python");
}
