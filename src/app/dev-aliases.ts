/** Keeps a dev session's aliases over restarts: its broker forgets, its models folder does not. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Alias, followAliases } from "../runtime/control/index.ts";
import { type Broker, writeAlias } from "../runtime/index.ts";

/** Writes the aliases kept in `file` to the control topic, then keeps every later one until the signal. */
export async function keepAliases(
  broker: Broker,
  controlTopic: string,
  file: string,
  now: () => number,
  signal: AbortSignal,
): Promise<{ readonly done: Promise<void> }> {
  const kept = new Map(readKept(file).map((alias) => [`${alias.model}@${alias.alias}`, alias]));
  for (const alias of kept.values()) await writeAlias(broker, controlTopic, alias, now(), signal);
  const follow = async (): Promise<void> => {
    for await (const alias of followAliases(broker, controlTopic, "earliest", signal)) {
      const key = `${alias.model}@${alias.alias}`;
      if (kept.get(key)?.version === alias.version) continue;
      kept.set(key, alias);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.part`, `${JSON.stringify([...kept.values()], null, 2)}\n`);
      renameSync(`${file}.part`, file);
    }
  };
  return {
    done: follow().catch((thrown: unknown) => {
      if (!signal.aborted) throw thrown;
    }),
  };
}

function readKept(file: string): readonly Alias[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Alias[];
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw thrown;
  }
}
