import type { CommandDefinition } from "./command.ts";

/** A command as the help text of the program lists it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** A command line that works in the repository, shown in the help text. */
  readonly example: string;
  /** How it logs: for people, unless it says otherwise. */
  readonly logs?: "json";
  readonly load: () => Promise<{ readonly command: CommandDefinition }>;
}

/** Every command, in the order of the help text. Loaded only when it is asked for: start-up stays short. */
export const commands: readonly CommandEntry[] = [
  {
    name: "validate",
    summary: "check topology files, offline",
    example: "millrace validate topologies/card-fraud.yaml topologies/flights.yaml",
    load: () => import("./validate.ts"),
  },
  {
    name: "plan",
    summary: "print the checked plan; with a cluster, what would change",
    example: "millrace plan topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./plan.ts"),
  },
  {
    name: "graph",
    summary: "draw a topology as Mermaid",
    example: "millrace graph topologies/card-fraud.yaml",
    load: () => import("./graph.ts"),
  },
  {
    name: "test",
    summary: "run the tests inside topology files, without a broker",
    example: "millrace test topologies/card-fraud.yaml",
    load: () => import("./test.ts"),
  },
  {
    name: "apply",
    summary: "create topics and register schemas",
    example: "millrace apply topologies/card-fraud.yaml --brokers localhost:9092 --dry-run",
    load: () => import("./apply.ts"),
  },
  {
    name: "run",
    summary: "run the stages of a topology",
    example: "millrace run topologies/card-fraud.yaml --brokers localhost:9092 --http 127.0.0.1:8080",
    logs: "json",
    load: () => import("./run.ts"),
  },
  {
    name: "lag",
    summary: "show how far the stages of a topology are behind, and whether they get on",
    example: "millrace lag topologies/card-fraud.yaml --brokers localhost:9092 --watch",
    load: () => import("./lag.ts"),
  },
  {
    name: "dev",
    summary: "run a topology on an in-process broker, with sample data",
    example: "millrace dev topologies/card-fraud.yaml",
    load: () => import("./dev.ts"),
  },
  {
    name: "train",
    summary: "train a model from its topics and point champion at it",
    example: "millrace train topologies/card-fraud.yaml --model card-fraud --dev",
    load: () => import("./train.ts"),
  },
  {
    name: "reconcile",
    summary: "recount from the topics what stages say they have made",
    example: "millrace reconcile topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./reconcile.ts"),
  },
  {
    name: "produce",
    summary: "send records to a topic",
    example: "millrace produce payments.inbox --file payments.ndjson --key customer_id --dev",
    load: () => import("./produce.ts"),
  },
  {
    name: "tail",
    summary: "print the records of a topic",
    example: "millrace tail payments.predictions --from beginning --max 10 --dev",
    load: () => import("./tail.ts"),
  },
];
