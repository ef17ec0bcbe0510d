import type { CommandDefinition } from "./command.ts";

/** Every command, in the order of the help text. Loaded only when it is asked for: start-up stays short. */
export const commands: readonly {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: CommandDefinition }>;
}[] = [
  { name: "validate", summary: "check topology files, offline", load: () => import("./validate.ts") },
  {
    name: "plan",
    summary: "print the checked plan; with a cluster, what would change",
    load: () => import("./plan.ts"),
  },
  { name: "graph", summary: "draw a topology as Mermaid", load: () => import("./graph.ts") },
  { name: "test", summary: "run the tests inside topology files, without a broker", load: () => import("./test.ts") },
  { name: "apply", summary: "create topics and register schemas", load: () => import("./apply.ts") },
  { name: "run", summary: "run the stages of a topology", load: () => import("./run.ts") },
  { name: "dev", summary: "run a topology on an in-process broker, with sample data", load: () => import("./dev.ts") },
  {
    name: "train",
    summary: "train a model from its topics and point champion at it",
    load: () => import("./train.ts"),
  },
  { name: "produce", summary: "send records to a topic", load: () => import("./produce.ts") },
  { name: "tail", summary: "print the records of a topic", load: () => import("./tail.ts") },
];
