/** Builds from nothing, as a package is built, and starts what came of it: `bin/millrace` must run without sources. */
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

function run(name: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) {
    process.stdout.write(`${name} ended with ${status}:\n${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}\n`);
    process.exit(1);
  }
  return stdout.trim();
}

rmSync(join(root, "dist"), { recursive: true, force: true });
run("the build", join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"]);
const topologies = readdirSync(join(root, "topologies"))
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => join("topologies", name));
const bin = join(root, "bin/millrace");
const version = run("millrace --version", bin, ["--version"]);
run("millrace validate", bin, ["validate", ...topologies]);
const tests = run("millrace test", bin, ["test", ...topologies]);
run("importing millrace/testing", process.execPath, [
  "--input-type=module",
  "--eval",
  'const { TopologyDriver } = await import("millrace/testing"); if (typeof TopologyDriver !== "function") process.exit(1);',
]);
process.stdout.write(`built and started version ${version}; ${tests}\n`);
