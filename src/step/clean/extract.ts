import { z } from "zod";
import type { Problem } from "../../kernel/index.ts";
import { pointerKeys } from "../../schema/index.ts";
import { fieldName } from "../config-parts.ts";
import { defineStep, type LoweringContext } from "../contract.ts";

const extractConfig = z
  .record(fieldName, z.string().describe("Where in the event the field's value stands, as a JSON Pointer."))
  .refine((pointers) => Object.keys(pointers).length > 0, { error: "must name at least one field" })
  .describe("Field names and the JSON Pointer (RFC 6901) under which the event has each.");

export const extract = defineStep({
  kind: "extract",
  summary:
    "In an ingest stage, takes fields from anywhere in a nested event by JSON Pointer, whatever its names are: keys and list indexes between slashes, `~1` for a slash and `~0` for a tilde in a key. It is part of reading and comes before every other step. The value is then read like any other, `cast` included; where nothing stands, or a null on the way, the field is its default or null, else MR_REQUIRED.",
  config: extractConfig,
  example: { payment_id: "/data/payment-id", amount: "/data/amounts/0/value" },
  extracts: (config) => config,
  lower: (config, context) => {
    const step = stepProblem(context);
    if (step !== undefined) context.problem(step);
    else for (const [name, pointer] of Object.entries(config)) checkField(name, pointer, context);
    return [];
  },
});

function stepProblem({ ingest, isBehindReading, stage }: LoweringContext): Problem | undefined {
  if (!ingest) {
    const message = `stage ${stage} reads what a stage of this topology wrote, and extract belongs to ingest stages`;
    return {
      code: "MR_CONFLICT",
      path: [],
      message,
      hint: "write derive: { amount: data.amount } to reach into records",
    };
  }
  if (!isBehindReading) return undefined;
  const message = "extract is part of reading: it stands once, before every step that works on rows";
  return { code: "MR_CONFLICT", path: [], message, hint: "move its fields into one extract at the top of the steps" };
}

function checkField(name: string, pointer: string, context: LoweringContext): void {
  if (context.supplied.includes(name)) {
    const message = `Millrace fills ${name} by itself: it cannot be taken from the event`;
    const hint = `give the event's own a field of another name, such as source_${name}`;
    context.problem({ code: name === "event_id" ? "MR_EVENT_ID" : "MR_CONFLICT", path: [name], message, hint });
    return;
  }
  context.field(name, [name]);
  if (pointerKeys(pointer) !== undefined) return;
  const message = `${JSON.stringify(pointer)} is no JSON Pointer`;
  const keys = pointer.replace(/^\$?[./]?/, "").split(/[./]/);
  const hint = `write for example ${name}: /${keys.map((key) => key.replaceAll("~", "~0")).join("/")}`;
  context.problem({ code: "MR_WRONG_TYPE", path: [name], message, hint });
}
