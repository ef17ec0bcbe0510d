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

/** Commands that have others below them, and what those are for together. */
export const groups: Readonly<Record<string, string>> = {
  models: "see the versions of models, and say which one serves",
  drift: "see how what stages write differs from what it was",
  alerts: "see who has to be told of what, and say that somebody knows",
  incidents: "see what was wrong together, from when to when",
  triggers: "see why models are trained again, and why not",
};

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
    summary: "train a model from its topics; its first version serves at once, later ones wait to be promoted",
    example: "millrace train topologies/card-fraud.yaml --model card-fraud --dev",
    load: () => import("./train.ts"),
  },
  {
    name: "models list",
    summary: "show the versions of models, with their aliases and metrics",
    example: "millrace models list topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./models-list.ts"),
  },
  {
    name: "models show",
    summary: "show all that is known of a version: what it was made from, how good it was, what it takes",
    example: "millrace models show topologies/card-fraud.yaml 3 --brokers localhost:9092",
    load: () => import("./models-show.ts"),
  },
  {
    name: "models promote",
    summary: "put a version in service: it is opened and tried, then champion points at it",
    example: 'millrace models promote topologies/card-fraud.yaml 3 --reason "checked by hand" --brokers localhost:9092',
    load: () => import("./models-promote.ts"),
  },
  {
    name: "models rollback",
    summary: "put the version in service again that was there before",
    example: "millrace models rollback topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./models-rollback.ts"),
  },
  {
    name: "models approve",
    summary: "say yes to a version that waits for it",
    example: "millrace models approve topologies/card-fraud.yaml 3 --by ann --brokers localhost:9092",
    load: () => import("./models-approve.ts"),
  },
  {
    name: "models prune",
    summary: "remove versions that nobody needs any more, and say why the others stay",
    example: "millrace models prune topologies/card-fraud.yaml --keep 10 --dry-run --brokers localhost:9092",
    load: () => import("./models-prune.ts"),
  },
  {
    name: "models who",
    summary: "show which version made a prediction, what that was trained on and why it was in service",
    example: "millrace models who topologies/card-fraud.yaml payments.predictions 0 17 --brokers localhost:9092",
    load: () => import("./models-who.ts"),
  },
  {
    name: "reconcile",
    summary: "recount from the topics what stages say they have made",
    example: "millrace reconcile topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./reconcile.ts"),
  },
  {
    name: "drift status",
    summary: "show the last verdict on each monitored field",
    example: "millrace drift status topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./drift-status.ts"),
  },
  {
    name: "drift report",
    summary: "show how the fields of a monitor are spread, beside their baseline, and what was judged of them",
    example: "millrace drift report topologies/card-fraud.yaml --brokers localhost:9092 --html drift.html",
    load: () => import("./drift-report.ts"),
  },
  {
    name: "drift baseline",
    summary: "show what monitors compare with, or measure it anew",
    example: "millrace drift baseline topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./drift-baseline.ts"),
  },
  {
    name: "drift replay",
    summary: "judge again what monitors have counted, by the file's thresholds or by others",
    example: "millrace drift replay topologies/card-fraud.yaml --brokers localhost:9092 --thresholds tried.yaml",
    load: () => import("./drift-replay.ts"),
  },
  {
    name: "alerts list",
    summary: "show the alerts that fire, and those that were",
    example: "millrace alerts list topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./alerts-list.ts"),
  },
  {
    name: "alerts ack",
    summary: "say that somebody has seen an alert: it pages nobody for a while",
    example:
      "millrace alerts ack topologies/card-fraud.yaml card-fraud/inputs/amount --by ann --brokers localhost:9092",
    load: () => import("./alerts-ack.ts"),
  },
  {
    name: "alerts send-test",
    summary: "send a test to everybody who is told of alerts, and show what each has answered",
    example: "millrace alerts send-test topologies/card-fraud.yaml --by ann --brokers localhost:9092",
    load: () => import("./alerts-send-test.ts"),
  },
  {
    name: "alerts silence",
    summary: "let a monitor, or all of them, page nobody for a while",
    example:
      "millrace alerts silence topologies/card-fraud.yaml --monitor inputs --for 2h --by ann --reason deployment --brokers localhost:9092",
    load: () => import("./alerts-silence.ts"),
  },
  {
    name: "incidents list",
    summary: "show the incidents, the latest first",
    example: "millrace incidents list topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./incidents-list.ts"),
  },
  {
    name: "incidents show",
    summary: "show all that happened in an incident",
    example: "millrace incidents show topologies/card-fraud.yaml ID --brokers localhost:9092",
    load: () => import("./incidents-show.ts"),
  },
  {
    name: "triggers list",
    summary: "show what was asked for, what was held back and why, and what came of it, the latest first",
    example: "millrace triggers list topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./triggers-list.ts"),
  },
  {
    name: "triggers test",
    summary: "show what each reason would come to now, with the guard that holds it back",
    example: "millrace triggers test topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./triggers-test.ts"),
  },
  {
    name: "triggers cancel",
    summary: "end a request, whether its training runs or not",
    example: "millrace triggers cancel topologies/card-fraud.yaml ID --brokers localhost:9092",
    load: () => import("./triggers-cancel.ts"),
  },
  {
    name: "triggers reset",
    summary: "close the breaker of a model that had several versions rejected",
    example: "millrace triggers reset topologies/card-fraud.yaml --brokers localhost:9092",
    load: () => import("./triggers-reset.ts"),
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
