import { parseArgs } from "node:util";
import { type Delivery, deliveries } from "./shop.ts";

export const contestantNames = ["millrace", "naive"] as const;
export type ContestantName = (typeof contestantNames)[number];

/** One chain and what is done to it. */
export interface FaultRun {
  readonly delivery: Delivery;
  readonly kills: number;
}

/** What the command line asks for. */
export interface Asked {
  readonly seed: number;
  /** One after the other on the same brokers, at least one. */
  readonly runs: readonly FaultRun[];
  readonly worker: ContestantName;
  /** Level of the brokers' feature `transaction.version`; theirs when undefined. */
  readonly transactionVersion: number | undefined;
  /** Records sent per second. */
  readonly perSecond: number;
  /** Whether the cluster is left running afterwards, for another reader. */
  readonly keep: boolean;
  /** File for what CI counts. */
  readonly report: string | undefined;
}

/** @throws Error with the flag that is wrong, and what it takes */
export function readFlags(args: readonly string[]): Asked {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      kills: { type: "string", multiple: true, default: ["20"] },
      mode: { type: "string", multiple: true, default: ["exactly-once"] },
      worker: { type: "string", default: "millrace" },
      "transaction-version": { type: "string" },
      rate: { type: "string", default: "800" },
      keep: { type: "boolean", default: false },
      report: { type: "string" },
    },
  });
  const { mode: modes, kills } = values;
  if (modes.length !== kills.length) throw new Error("--mode and --kills: as many of the one as of the other");
  const version = values["transaction-version"];
  return {
    seed: atLeastOne("--seed", values.seed),
    runs: modes.map((mode, i) => ({
      delivery: oneOf("--mode", deliveries, mode),
      kills: atLeastOne("--kills", kills[i] ?? ""),
    })),
    worker: oneOf("--worker", contestantNames, values.worker),
    transactionVersion:
      version === undefined ? undefined : Number(oneOf("--transaction-version", ["0", "1", "2"], version)),
    perSecond: atLeastOne("--rate", values.rate),
    keep: values.keep,
    report: values.report,
  };
}

function oneOf<Name extends string>(flag: string, names: readonly Name[], text: string): Name {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new Error(`${flag}: one of ${names.join(", ")}, not ${text}`);
  return found;
}

function atLeastOne(flag: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`${flag}: a whole number of at least 1, not ${text}`);
  return number;
}
