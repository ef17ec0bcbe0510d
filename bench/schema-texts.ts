import { join } from "node:path";
import avro from "avsc";
import { openRegistry } from "../src/app/wire.ts";
import { benchPlan, benchStage } from "./bench-plan.ts";

/** The schemas of both topics as avsc reads them, and their texts by id, from the run's registry. */
export async function schemaTexts(folder: string) {
  const stage = benchStage(benchPlan());
  const registry = await openRegistry(join(folder, "registry"), undefined, "read");
  const { signal } = new AbortController();
  const [input, output] = await Promise.all(
    [stage.from.subject, stage.to.subject].map((subject) => registry.latest(subject ?? "", signal)),
  );
  if (input === undefined || output === undefined) throw new Error(`the registry in ${folder} is not filled`);
  const texts = new Map([input, output].map(({ id, text }) => [id, text]));
  return {
    readerId: input.id,
    readerText: input.text,
    reader: avro.Type.forSchema(JSON.parse(input.text)),
    writer: avro.Type.forSchema(JSON.parse(output.text)),
    writerId: output.id,
    textOf: (id: number): string => texts.get(id) ?? "",
  };
}
